"""Tools that the turn's caller brings along and runs. The models are scripted."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace
from itertools import pairwise

import pytest
from tests.agent.scripted_team import ScriptedTeam, of_kind

from airunner.agent.conversation import Conversation
from airunner.agent.loop import AgentLoop
from airunner.agent.open_calls import answer_open_calls
from airunner.agent.turn_request import TurnRequest
from airunner.engines.base import ChatRequest
from airunner.errors import InvalidToolError, UnknownToolError, WorkerDiedError
from airunner.events import (
    CallStreamed,
    Event,
    EventBus,
    ExternalCallMade,
    ToolCallFinished,
    ToolCallStarted,
    TurnFinished,
)
from airunner.guided.tool_calling import GuidedToolCalling
from airunner.messages import Content, Message, ToolCall, ToolSchema
from airunner.tools.call_tool import CALL_TOOL
from airunner.tools.search import SEARCH_TOOLS
from airunner.tools.tool import Tool, tool
from airunner.tools.toolset import Toolset

OPEN_DOOR = ToolSchema(
    "open_door",
    "Open a door of the house.",
    {
        "type": "object",
        "properties": {"door": {"type": "string"}, "width_cm": {"type": "integer"}},
        "required": ["door"],
    },
)
RING = ToolSchema("ring_bell", "", {})


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@tool(permission="execute")
def burn(thing: str) -> str:
    """Burn a thing."""
    return "burnt"


def numbered(number: int) -> Tool:
    return Tool(lambda: "fetched", name=f"fetch_{number}", description=f"Fetch {number}.")


MANY = Toolset([add, *map(numbered, range(12))])


class House:
    """One conversation over a scripted team, with the client's tools."""

    def __init__(
        self,
        team: ScriptedTeam,
        ours: Toolset | None = None,
        external: Sequence[ToolSchema] = (OPEN_DOOR, RING),
    ) -> None:
        self.team, self.external = team, external
        self.conversation = Conversation.begin("Be brief.")
        self.loop = AgentLoop(
            team,
            Toolset([add, burn]) if ours is None else ours,
            bus=EventBus(),
            tool_calling={"guided": GuidedToolCalling},
            max_steps=3,
        )

    def say(
        self,
        content: Content | None,
        *results: Message,
        choice: str = "auto",
        raises: bool = False,
        allowed: frozenset[str] | None = None,
    ) -> list[Event]:
        request = TurnRequest(
            content,
            tool_choice=choice,
            external=self.external,
            allowed=allowed,
            max_tokens=64,
        )

        answer_open_calls(self.conversation.messages, results)

        async def main() -> list[Event]:
            turn = self.loop.run(self.conversation, request, raises=raises)
            async with aclosing(turn) as events:
                return [event async for event in events]

        return asyncio.run(main())

    @property
    def said(self) -> list[str]:
        return [f"{m.role} {m.text.strip()}".strip() for m in self.conversation.messages]


def outcome(events: list[Event]) -> str:
    (finished,) = of_kind(events, TurnFinished)
    return finished.outcome


def grows(requests: Sequence[ChatRequest]) -> bool:
    return all(
        list(after.messages)[: len(before.messages)] == list(before.messages)
        and after.tools == before.tools
        for before, after in pairwise(requests)
    )


def test_a_call_of_the_clients_tool_ends_the_turn_and_its_result_goes_on() -> None:
    call = ToolCall("c1", "open_door", {"door": "front"})
    house = House(ScriptedTeam([call, "It is open.", "Bye."]))
    events = house.say("Open the door.")
    assert outcome(events) == "tool_calls"
    (made,) = of_kind(events, ExternalCallMade)
    assert (made.call, made.tool, made.arguments) == ("c1", "open_door", {"door": "front"})
    assert not of_kind(events, ToolCallStarted)

    assert outcome(house.say(None, Message("tool", "done", tool_call_id="c1"))) == "answered"
    assert outcome(house.say("Thank you.")) == "answered"
    assert house.conversation.messages[3] == Message(
        "tool", "done", tool_call_id="c1", name="open_door"
    )
    assert house.said[3:] == [
        "tool done",
        "assistant It is open.",
        "user Thank you.",
        "assistant Bye.",
    ]
    assert grows(house.team.requests)
    assert [schema.name for schema in house.team.requests[0].tools] == [
        *("add", "burn", "open_door", "ring_bell")
    ]


def test_a_tool_that_was_found_later_is_called_and_the_prompt_stays() -> None:
    house = House(ScriptedTeam(["Hm.", ToolCall("c1", "ring_bell", {})]), external=[OPEN_DOOR])
    house.say("Ring the bell.")
    house.external = [OPEN_DOOR, replace(RING, deferred=True)]
    (made,) = of_kind(house.say("There is a tool for it, ring_bell."), ExternalCallMade)
    assert made.tool == "ring_bell"
    before, after = ([t for t in r.tools if not t.deferred] for r in house.team.requests)
    assert before == after


def test_a_call_under_its_schema_is_told_while_it_is_decoded() -> None:
    calls = [
        ToolCall("c1", "add", {"a": 2, "b": 3}),
        ToolCall("c2", "open_door", {"door": "front"}),
        ToolCall("c3", "ring_bell", {}),
    ]
    again = [*calls[:2], replace(calls[2], id="c4")]
    house = House(ScriptedTeam([calls, again], enforces=True))
    events = house.say("Everything at once.")
    pieces = of_kind(events, CallStreamed)
    assert [(e.call, e.tool) for e in pieces] == [("c2", "open_door")] * 2 + [("c3", "ring_bell")]
    assert "".join(e.arguments for e in pieces[:2]) == '{"door": "front"}'
    assert events.index(pieces[-1]) < events.index(of_kind(events, ToolCallStarted)[0])
    assert [e.call for e in of_kind(events, ExternalCallMade)] == ["c2", "c3"]
    # The ids are taken: what is told must be what is handed over, and in its order.
    assert not of_kind(house.say("Again."), CallStreamed)


def test_a_call_that_was_told_and_is_wrong_ends_the_turn() -> None:
    wrong = ToolCall("c1", "open_door", {"door": 7, "no": 1})
    house = House(ScriptedTeam([wrong, "Never asked."], enforces=True))
    events = house.say("Open the door.")
    assert outcome(events) == "failed"
    assert "does not match" in of_kind(events, TurnFinished)[0].problem
    assert len(house.team.requests) == 1


def test_of_one_step_ours_run_and_results_stand_in_the_order_of_the_calls() -> None:
    calls = [
        ToolCall("c1", "open_door", {"door": "front"}),
        ToolCall("c2", "add", {"a": 2, "b": 3}),
        ToolCall("c3", "burn", {"thing": "house"}),
        ToolCall("c4", "ring_bell", {}),
    ]
    house = House(ScriptedTeam([calls, "Done."]))
    events = house.say("Everything at once.")
    assert outcome(events) == "tool_calls"
    assert [e.tool for e in of_kind(events, ToolCallStarted)] == ["add", "burn"]
    # Nobody is there to allow it.
    assert [bool(e.problem) for e in of_kind(events, ToolCallFinished)] == [False, True]
    assert [e.call for e in of_kind(events, ExternalCallMade)] == ["c1", "c4"]
    house.say(
        "And?",
        Message("tool", "rung", tool_call_id="c4"),
        Message("tool", "opened", tool_call_id="c1"),
        Message("tool", "nobody asked", tool_call_id="c9"),
    )
    answers = [m for m in house.conversation.messages if m.role == "tool"]
    assert [m.tool_call_id for m in answers] == ["c1", "c2", "c3", "c4"]
    assert [m.text for m in answers if m.tool_call_id != "c3"] == ["opened", "5", "rung"]
    assert house.said[-2:] == ["user And?", "assistant Done."]
    assert grows(house.team.requests)


def test_results_without_an_id_go_by_name_and_then_in_order() -> None:
    calls = [
        ToolCall("c1", "open_door", {"door": "front"}),
        ToolCall("c2", "open_door", {"door": "back"}),
        ToolCall("c3", "ring_bell", {}),
    ]
    house = House(ScriptedTeam([calls, "Done."]))
    house.say("All.")
    house.say(
        None,
        Message("tool", "rung", name="ring_bell"),
        Message("tool", "front open"),
        Message("tool", "back open"),
    )
    assert house.said[3:6] == ["tool front open", "tool back open", "tool rung"]


def test_a_call_that_nobody_answered_has_an_answer_before_the_next_message() -> None:
    call = ToolCall("c1", "open_door", {"door": "front"})
    house = House(ScriptedTeam([call, "As you like."]))
    house.say("Open the door.")
    house.say("No, leave it.")
    assert "open_door was cancelled" in house.said[3]
    assert house.said[4:] == ["user No, leave it.", "assistant As you like."]


def test_a_wrong_call_never_reaches_the_client() -> None:
    wrong = ToolCall("c1", "open_door", {"width_cm": "wide"})
    right = ToolCall("c2", "open_door", {"door": "front", "width_cm": 80})
    # Alone it is decoded once more under its schema; beside words the model is told.
    house = House(ScriptedTeam([wrong, right]))
    (made,) = of_kind(house.say("Open."), ExternalCallMade)
    assert made.arguments == {"door": "front", "width_cm": 80}
    assert house.team.requests[1].tool_choice == "open_door"

    house = House(ScriptedTeam([[wrong, wrong], right]))
    events = house.say("Open.")
    assert [e.call for e in of_kind(events, ExternalCallMade)] == ["c2"]
    assert "Call it again, corrected." in house.conversation.messages[3].text


def test_a_call_by_way_of_call_tool_is_handed_over_as_what_it_means() -> None:
    inner = {"name": "open_door", "arguments": {"door": "front"}}
    house = House(ScriptedTeam([ToolCall("c1", CALL_TOOL, inner), "Done."]), MANY)
    (made,) = of_kind(house.say("Open."), ExternalCallMade)
    assert (made.tool, made.arguments) == ("open_door", {"door": "front"})
    house.say(None, Message("tool", "done", tool_call_id="c1"))
    assert house.conversation.messages[3].name == CALL_TOOL


def test_choices() -> None:
    call = ToolCall("c1", "ring_bell", {})
    house = House(ScriptedTeam([call]))
    house.say("Go.", choice="required")
    schema = house.team.requests[0].json_schema or {}
    names = {each["properties"]["name"]["const"] for each in schema["anyOf"]}
    assert names == {"open_door", "ring_bell"}  # a client that requires a call means its own

    house = House(ScriptedTeam([call]))
    house.say("Go.", choice="ring_bell")
    assert house.team.requests[0].tool_choice == "ring_bell"

    house = House(ScriptedTeam([call, "No."]))
    events = house.say("Go.", choice="none")
    assert not of_kind(events, ExternalCallMade)
    assert outcome(events) == "answered"

    with pytest.raises(UnknownToolError):
        House(ScriptedTeam([])).say("Go.", choice="close_door")


def test_only_what_the_client_allows_is_handed_over_and_the_prompt_stays() -> None:
    door, bell = ToolCall("c1", "open_door", {"door": "front"}), ToolCall("c2", "ring_bell", {})
    house = House(ScriptedTeam([[door, bell], bell, "Well."]))
    events = house.say("Go.", allowed=frozenset({"ring_bell"}))
    assert [e.call for e in of_kind(events, ExternalCallMade)] == ["c2"]
    house.say(None, Message("tool", "rung", tool_call_id="c2"), allowed=frozenset())
    assert "open_door was not run: it may not be called" in house.said[3]
    assert "ring_bell was not run: it may not be called" in house.said[6]
    assert grows(house.team.requests)

    house = House(ScriptedTeam([bell]))
    house.say("Go.", choice="required", allowed=frozenset({"ring_bell"}))
    assert "open_door" not in str(house.team.requests[0].json_schema)


def test_once_the_steps_are_used_up_no_call_is_handed_over() -> None:
    call = ToolCall("c1", "ring_bell", {})
    sums = [ToolCall(f"a{n}", "add", {"a": n, "b": n}) for n in range(3)]
    house = House(ScriptedTeam([*sums, call, "Well."]))
    events = house.say("Go.")
    assert not of_kind(events, ExternalCallMade)
    assert outcome(events) == "step_limit"


def test_the_clients_tool_takes_the_place_of_ours_of_the_same_name() -> None:
    theirs = ToolSchema("fetch_11", "Fetch from the client.", {})
    team = ScriptedTeam([ToolCall("c1", SEARCH_TOOLS, {"query": "fetch 11"}), "Found."])
    house = House(team, MANY, [theirs])
    events = house.say("Fetch.")
    names = [schema.name for schema in team.requests[0].tools]
    assert names[-1] == "fetch_11"
    assert names.count("fetch_11") == 1
    (found,) = of_kind(events, ToolCallFinished)
    assert "fetch_7" in found.result
    assert "fetch_11" not in found.result


def test_the_block_is_ours_and_below_it_the_clients() -> None:
    alone = House(ScriptedTeam(["Hello."]), MANY, [])
    beside = House(ScriptedTeam(["Hello."] * 2), MANY)
    alone.say("Hi.")
    beside.say("Hi.")
    ours = list(alone.team.requests[0].tools)
    assert list(beside.team.requests[0].tools)[: len(ours)] == ours


@pytest.mark.parametrize(
    "schema",
    [
        ToolSchema(SEARCH_TOOLS, "Search.", {}),
        ToolSchema("not a name", "It has spaces.", {}),
        ToolSchema("no_object", "Takes a list.", {"type": "array"}),
    ],
)
def test_what_cannot_be_offered_is_refused(schema: ToolSchema) -> None:
    with pytest.raises(InvalidToolError):
        House(ScriptedTeam([]), external=[schema]).say("Go.")


def test_a_guided_model_calls_the_clients_tool_and_answers_from_the_result() -> None:
    team = ScriptedTeam(['{"door":"front"}', "It is open."], dialect="guided")
    house = House(team, Toolset([add]), [OPEN_DOOR])
    (made,) = of_kind(house.say("Open the front door.", choice="required"), ExternalCallMade)
    assert made.tool == "open_door"
    events = house.say(None, Message("tool", "done", tool_call_id=made.call))
    assert outcome(events) == "answered"


def test_what_made_the_turn_fail_is_raised_where_that_is_wanted() -> None:
    death = WorkerDiedError("scripted", -9)
    with pytest.raises(WorkerDiedError):
        House(ScriptedTeam([death, death])).say("Hi.", raises=True)
    assert outcome(House(ScriptedTeam([death, death])).say("Hi.")) == "failed"
