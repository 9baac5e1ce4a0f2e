"""The block of tools that every prompt shows, and the way to the tools outside it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from tests.agent.scripted_team import Said, ScriptedTeam, of_kind, recorded

from airunner.agent.conversation import Conversation
from airunner.agent.loop import AgentLoop
from airunner.agent.tool_calling.tool_block import ALL, CORE_TOOLS, ToolBlock
from airunner.agent.turn_request import TurnRequest
from airunner.errors import InvalidToolError, ToolRetryError
from airunner.events import (
    Event,
    EventBus,
    PermissionAsked,
    PermissionDecided,
    ToolCallFinished,
    ToolCallStarted,
    ToolRefused,
)
from airunner.messages import Message, ToolCall
from airunner.toolbox.toolset import builtin_toolset
from airunner.tools.call_tool import CALL_TOOL, meant
from airunner.tools.json_form import JsonForm
from airunner.tools.permissions import Permissions
from airunner.tools.search import FOUND, SEARCH_TOOLS
from airunner.tools.tool import Tool, tool
from airunner.tools.toolset import Toolset

COLOURS = ("red", "green", "blue", "black", "white", "brown", "grey", "pink", "gold", "silver")


def paint(colour: str) -> Tool:
    def use(wall: str, coats: int = 1) -> str:
        return f"{wall} is {colour} now"

    return Tool(use, name=f"paint_{colour}", description=f"Paint a wall {colour}.")


@tool(permission="write", examples=["send a parcel to somebody", "post this parcel"])
def send_parcel(address: dict[str, str], weight_kg: float) -> str:
    """Send a parcel to an address.

    Args:
        address: street and city.
    """
    if weight_kg > 30:
        raise ToolRetryError("It is too heavy: 30 kg at most.")
    return f"on its way to {address['city']}"


MANY = Toolset([*map(paint, COLOURS), send_parcel])
TO_OSLO = {"address": {"city": "Oslo", "street": "Karl Johans gate 1"}, "weight_kg": 2}


def through(name: object, arguments: object) -> ToolCall:
    return ToolCall("c", CALL_TOOL, {"name": name, "arguments": arguments})


def turn(
    *script: Said,
    answer: Any = "yes",
    choice: str = "auto",
    rules: tuple[tuple[str, str], ...] = (),
) -> tuple[list[Event], Conversation, ScriptedTeam]:
    team, conversation = ScriptedTeam(list(script)), Conversation.begin()
    loop = AgentLoop(team, MANY, bus=EventBus(), permissions=Permissions(rules))

    async def main() -> list[Event]:
        events = []
        request = TurnRequest("Send it to Oslo.", tool_choice=choice)
        async for event in loop.run(conversation, request, may_ask=True):
            events.append(event)
            if isinstance(event, PermissionAsked):
                loop.answer(event.question, answer)
        return events

    events = asyncio.run(main())
    blocks = {json.dumps([(t.name, t.parameters) for t in r.tools]) for r in team.requests}
    assert len(blocks) == 1, "the block changed within a conversation"
    return events, conversation, team


def results(conversation: Conversation) -> list[str]:
    return [m.content for m in conversation.messages if m.role == "tool"]


def test_a_small_toolset_is_shown_whole_and_has_no_search() -> None:
    # One of the usual core among them: the others are shown all the same.
    few = Toolset([*list(MANY)[1 : len(CORE_TOOLS)], builtin_toolset().get(CORE_TOOLS[0])])
    loop = AgentLoop(ScriptedTeam([]), few, bus=EventBus())
    assert loop.block.schemas == few.schemas
    assert SEARCH_TOOLS not in loop.toolset


def test_a_large_one_shows_its_core_the_search_and_the_way_to_the_others() -> None:
    block = AgentLoop(ScriptedTeam([]), builtin_toolset() + MANY, bus=EventBus()).block
    names = [schema.name for schema in block.schemas]
    assert names[-2:] == [SEARCH_TOOLS, CALL_TOOL]
    assert set(CORE_TOOLS) - {"generate_image"} <= set(names)
    # The place of the one that this toolset lacks stays empty.
    assert set(block.names) == set(CORE_TOOLS) - {"generate_image"}


def test_tools_of_ones_own_are_shown_in_their_order() -> None:
    assert ToolBlock(MANY).names == MANY.names[: len(CORE_TOOLS)]


@pytest.mark.parametrize("name", [SEARCH_TOOLS, CALL_TOOL])
@pytest.mark.parametrize("others", [[], list(MANY)])
def test_the_names_of_the_way_to_the_others_are_taken(name: str, others: list[Tool]) -> None:
    own = Tool(len, name=name, description="My own.", form=JsonForm(name, {"type": "object"}))
    with pytest.raises(InvalidToolError, match=name):
        AgentLoop(ScriptedTeam([]), Toolset([*others, own]), bus=EventBus())


def test_settings_name_the_core() -> None:
    block = ToolBlock(MANY, ["paint_gold", "send_parcel", "paint_plaid"])
    assert block.names == ("paint_gold", "send_parcel")
    assert block.unknown == ("paint_plaid",)
    assert ToolBlock(MANY, [ALL]).schemas == MANY.schemas
    bus = EventBus()
    seen = recorded(bus)
    core = ["paint_plaid", "shift_date", SEARCH_TOOLS]
    AgentLoop(ScriptedTeam([]), MANY, bus=bus, core_tools=core)
    assert [(e.tool, e.problem) for e in of_kind(seen, ToolRefused)] == [
        ("paint_plaid", "there is no such tool"),
        ("shift_date", "there is no such tool; calculate_date does its work now"),
    ]


def test_a_search_finds_a_tool_with_its_schema_and_it_is_called_with_nested_arguments() -> None:
    search = ToolCall("s", SEARCH_TOOLS, {"query": "send a parcel"})
    events, conversation, _ = turn(search, through("send_parcel", TO_OSLO), "Sent.")
    found, sent = results(conversation)
    schema = send_parcel.schema.parameters
    assert json.dumps(schema, separators=(",", ":"), ensure_ascii=False) in found
    assert sent == "on its way to Oslo"
    # Events and questions speak of the tool that is meant.
    assert [e.tool for e in of_kind(events, ToolCallStarted)] == [SEARCH_TOOLS, "send_parcel"]
    (asked,) = of_kind(events, PermissionAsked)
    assert (asked.tool, asked.permission) == ("send_parcel", "write")
    assert asked.arguments == {**TO_OSLO, "weight_kg": 2.0}
    # The conversation keeps the call as the model made it, and its answer under that name.
    called, answered = conversation.messages[3:5]
    assert called.tool_calls[0].name == answered.name == CALL_TOOL
    assert answered.tool_call_id == called.tool_calls[0].id


def test_it_is_asked_about_denied_by_rules_and_tried_again_like_any_other() -> None:
    call = through("send_parcel", TO_OSLO)
    _, conversation, _ = turn(call, "No.", answer="no")
    assert "send_parcel was not run: the user did not allow it" in results(conversation)[0]

    events, conversation, _ = turn(call, "No.", rules=(("send_parcel", "deny"),))
    assert "the rule send_parcel of the user forbids" in results(conversation)[0]
    assert [e.by for e in of_kind(events, PermissionDecided)] == ["rule"]

    heavy = through("send_parcel", {**TO_OSLO, "weight_kg": 90})
    _, conversation, _ = turn(heavy, call, "Sent.")
    wrong, right = results(conversation)
    assert "30 kg at most. Call it again, corrected." in wrong
    assert right == "on its way to Oslo"


def test_wrong_arguments_are_decoded_once_more_under_the_schema_of_the_tool_that_is_meant() -> None:
    wrong = through("send_parcel", {"address": "Oslo"})
    events, _, team = turn(wrong, through("send_parcel", TO_OSLO), "Sent.")
    assert [e.problem for e in of_kind(events, ToolCallFinished)] == [""]
    first, anew, _ = team.requests
    assert (anew.messages, anew.tool_choice) == (first.messages, CALL_TOOL)
    assert anew.json_schema is not None
    decoded = anew.json_schema["properties"]["arguments"]["properties"]
    assert decoded["name"] == {"const": "send_parcel"}
    assert set(decoded["arguments"]["required"]) == {"address", "weight_kg"}

    # What is wrong even then goes back to the model, with the schema that it may never have seen.
    _, conversation, _ = turn(wrong, wrong, through("send_parcel", TO_OSLO), "Sent.")
    assert '"required":["address","weight_kg"]' in results(conversation)[0]


def test_a_tool_outside_the_block_can_be_required_by_name() -> None:
    events, _, team = turn(through("send_parcel", TO_OSLO), "Sent.", choice="send_parcel")
    assert team.requests[0].tool_choice == CALL_TOOL
    assert [e.tool for e in of_kind(events, ToolCallStarted)] == ["send_parcel"]


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        (through("paint_blu", {}), "Did you mean paint_blue"),
        (through("", {}), "it lacks a name"),
        (through(7, {}), "it lacks a name"),
        (through(CALL_TOOL, {"name": "paint_blue"}), "it lacks a name"),
        (ToolCall("c", CALL_TOOL, {}), "it lacks a name"),
        (ToolCall("c", CALL_TOOL, {}, malformed="{'name'"), "is no JSON object"),
    ],
)
def test_a_call_of_nothing_is_told_to_the_model(call: ToolCall, problem: str) -> None:
    # Decoding anew does not help: the script says the same again where it is asked to.
    _, conversation, _ = turn(call, "I see.")
    assert problem in results(conversation)[0]


def test_arguments_written_as_text_are_read() -> None:
    assert meant(through("t", '{"a": [1]}')).arguments == {"a": [1]}
    assert meant(through("t", "")).arguments == {}
    assert meant(through("t", "[1]")).malformed
    assert meant(through("t", "{oops")).malformed
    assert meant(through("t", '{"a":' * 100_000)).malformed
    direct = ToolCall("c", "t", {"name": "x"})
    assert meant(direct) is direct


def test_a_search_has_a_bounded_result_and_a_name_finds_its_tool() -> None:
    loop = AgentLoop(ScriptedTeam([]), builtin_toolset() + MANY, bus=EventBus())

    def search(query: str) -> str:
        return asyncio.run(loop.call_tool(SEARCH_TOOLS, {"query": query})).message.content

    many = search("translate or summarize a text, a document or a web page, or write a file")
    assert many.count("  arguments: ") <= FOUND
    assert "(you see it: call it directly)" in search("read a PDF document")
    named = search("paint_gold")
    assert named.count("arguments:") == 1
    assert '"coats"' in named
    assert search("paint_gold") == named
    assert search("xyzzy plugh").startswith("No tool fits")


def test_of_what_a_search_finds_few_large_schemas_are_shown() -> None:
    def melt(metal: str) -> Tool:
        parts = {f"part_{n}": {"type": "string", "description": "word " * 20} for n in range(99)}
        form = JsonForm(metal, {"type": "object", "properties": parts})
        return Tool(len, name=f"melt_{metal}", description=f"Melt {metal} down.", form=form)

    toolset = builtin_toolset() + Toolset([melt("tin"), melt("lead")])
    loop = AgentLoop(ScriptedTeam([]), toolset, bus=EventBus())
    asked = {"query": "melt tin or lead down"}
    found = asyncio.run(loop.call_tool(SEARCH_TOOLS, asked)).message.content
    assert found.count('"part_98"') == 1
    assert found.count("arguments: search for melt_") == 1


def test_a_saved_conversation_goes_on_with_the_same_block() -> None:
    team = ScriptedTeam(["One.", "Two."])
    conversation = Conversation.begin()

    async def say(loop: AgentLoop, text: str) -> None:
        async for _ in loop.run(conversation, TurnRequest(text)):
            pass

    for text in ("Hello.", "Paint the wall gold and post a parcel."):
        asyncio.run(say(AgentLoop(team, MANY, bus=EventBus()), text))
    first, second = team.requests
    assert first.tools == second.tools
    assert list(second.messages[:2]) == [Message("user", "Hello."), Message("assistant", "One. ")]
