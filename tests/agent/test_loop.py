"""The turn: its order, its limits, and what is left after it breaks. The models are scripted."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import aclosing
from itertools import pairwise
from typing import Any

from tests.agent.scripted_team import ScriptedTeam, events_of, of_kind, recorded

from airunner.agent.conversation import Conversation
from airunner.agent.loop import AgentLoop
from airunner.agent.turn_request import TurnRequest
from airunner.errors import (
    GenerationError,
    ToolFailedError,
    ToolRetryError,
    UnmappedCapabilityError,
    WorkerDiedError,
)
from airunner.events import (
    Event,
    EventBus,
    GenerationFinished,
    HistoryTrimmed,
    TextStreamed,
    ToolCallFinished,
    ToolCallStarted,
    ToolProgressed,
    TurnFinished,
    TurnStarted,
)
from airunner.messages import Message, ToolCall
from airunner.models.spec import ModelCapability
from airunner.resources.scope import current_scope
from airunner.tools.tool import Tool, tool
from airunner.tools.toolset import Toolset


@tool
def add(a: int, b: int, api: Any = None) -> int:
    """Add two numbers."""
    api.report("adding")
    return a + b


ADD = ToolCall("c1", "add", {"a": 2, "b": 3})


def turn(team: ScriptedTeam, *tools: Tool, **options: Any) -> tuple[list[Event], Conversation]:
    """One turn over a fresh conversation, on a loop of its own."""
    conversation = Conversation.begin("Be brief.")
    loop = AgentLoop(team, Toolset(tools), bus=EventBus(), **options)
    return asyncio.run(events_of(loop, conversation, "2 + 3?")), conversation


def end_of(events: list[Event]) -> TurnFinished:
    assert isinstance(events[0], TurnStarted)
    assert isinstance(events[-1], TurnFinished)
    return events[-1]


def roles(conversation: Conversation) -> str:
    return " ".join(message.role for message in conversation.messages)


def every_call_is_answered(conversation: Conversation) -> bool:
    calls = [c.id for m in conversation.messages for c in m.tool_calls]
    answers = [m.tool_call_id for m in conversation.messages if m.role == "tool"]
    return calls == answers


def test_a_turn_with_a_tool() -> None:
    team = ScriptedTeam([ADD, "It is 5."])
    bus = EventBus()
    published = recorded(bus)
    conversation = Conversation.begin("Be brief.")
    loop = AgentLoop(team, Toolset([add]), bus=bus)
    events = asyncio.run(events_of(loop, conversation, "2 + 3?"))

    assert [type(e) for e in events if not isinstance(e, TextStreamed)] == [
        TurnStarted,
        GenerationFinished,
        ToolCallStarted,
        ToolProgressed,
        ToolCallFinished,
        GenerationFinished,
        TurnFinished,
    ]
    assert events == published
    assert end_of(events).outcome == "answered"
    assert end_of(events).text.strip() == "It is 5."
    assert "".join(e.text for e in of_kind(events, TextStreamed)).strip() == "It is 5."
    (finished,) = of_kind(events, ToolCallFinished)
    assert (finished.result, finished.problem) == ("5", "")
    first, second = of_kind(events, GenerationFinished)
    assert second.cached_tokens == second.prompt_tokens // 2 > 0
    assert second.total_s >= second.ttft_s > 0
    assert first.conversation == conversation.id == team.requests[0].conversation
    assert roles(conversation) == "system user assistant tool assistant"
    assert conversation.messages[3] == Message("tool", "5", tool_call_id="c1", name="add")
    # The second prompt only adds to the first.
    first_prompt = list(team.requests[0].messages)
    assert list(team.requests[1].messages)[: len(first_prompt)] == first_prompt
    assert team.requests[0].tools == team.requests[1].tools != ()


def test_the_primary_is_given_back_before_a_tool_runs() -> None:
    team = ScriptedTeam([ToolCall("c1", "look", {}), "Done."])
    seen: list[Any] = []

    @tool
    def look() -> str:
        """Look who holds what."""
        scope = current_scope()
        seen.append((team.held, scope and scope.owner, threading.current_thread()))
        return "ok"

    events, _ = turn(team, look)
    ((held, owner, thread),) = seen
    assert held == 0
    assert thread is not threading.main_thread()
    assert {owner} == set(team.owners) == {end_of(events).turn}
    assert team.log == ["lease primary_conversation", "release primary_conversation"] * 2


def test_what_a_tool_leaves_open_is_closed_in_its_thread() -> None:
    closed: list[threading.Thread] = []

    class Handle:
        def close(self) -> None:
            closed.append(threading.current_thread())

    @tool
    def careless() -> str:
        """Leave a handle open."""
        scope = current_scope()
        assert scope is not None
        scope.handles.append(Handle())
        raise ToolFailedError("careless", "oops")

    events, _ = turn(ScriptedTeam([ToolCall("c1", "careless", {}), "Done."]), careless)
    assert len(closed) == 1
    assert closed[0] is not threading.main_thread()
    assert of_kind(events, ToolCallFinished)[0].problem == "careless failed: oops"


def test_an_async_tool_may_block_and_await() -> None:
    @tool
    async def slow(text: str, api: Any = None) -> str:
        """Wait a moment."""
        await asyncio.sleep(0)
        api.report("half")
        scope = current_scope()
        return f"{text} {scope is not None}"

    events, _ = turn(ScriptedTeam([ToolCall("c1", "slow", {"text": "a"}), "Done."]), slow)
    assert of_kind(events, ToolCallFinished)[0].result == "a True"
    assert of_kind(events, ToolProgressed)[0].text == "half"


def test_failures_go_back_to_the_model_and_retries_are_bounded() -> None:
    attempts: list[int] = []

    @tool
    def picky(a: int) -> str:
        """Reject everything."""
        attempts.append(a)
        if a < 10:
            raise ToolRetryError("a must be at least 10.")
        raise ZeroDivisionError("boom")

    def call(a: object) -> ToolCall:
        return ToolCall(f"c{a}", "picky", {"a": a})

    nothing = ToolCall("u", "nothing", {})
    team = ScriptedTeam(
        [call("x"), call("y"), call(1), call(2), call(12), nothing, nothing, "I give up."]
    )
    events, conversation = turn(team, picky)
    assert attempts == [1, 2, 12]
    answers = [m.content for m in conversation.messages if m.role == "tool"]
    assert "a: Input should be a valid integer" in answers[0]
    assert answers[0].endswith("Call it again, corrected.")
    assert answers[1] == "Error: a must be at least 10. Call it again, corrected."
    assert answers[2] == "Error: a must be at least 10. Do not call it again."
    assert "ZeroDivisionError: boom" in answers[3]
    assert "There is no tool 'nothing'. Offered: picky." in answers[4]
    assert end_of(events).outcome == "answered"


def test_what_only_ends_threads_ends_only_the_tool() -> None:
    @tool
    def leave(how: int) -> str:
        """Leave."""
        raise [SystemExit(3), StopIteration(), asyncio.CancelledError()][how]

    for how in range(3):
        events, _ = turn(ScriptedTeam([ToolCall("c", "leave", {"how": how}), "Well."]), leave)
        assert "leave failed: it ended with" in of_kind(events, ToolCallFinished)[0].problem
        assert end_of(events).outcome == "answered"


def test_step_limit_asks_for_an_answer_without_tools() -> None:
    calls = [ToolCall(f"c{n}", "add", {"a": n, "b": 1}) for n in range(3)]
    team = ScriptedTeam([*calls[:2], ToolCall("late", "add", {"a": 1, "b": 1}), "Two and two."])
    events, conversation = turn(team, add, max_steps=2)
    assert (end_of(events).outcome, end_of(events).steps) == ("step_limit", 4)
    # What the model is told stands in the result, where it stays.
    last = conversation.messages[5]
    assert (last.role, last.content.startswith("2")) == ("tool", True)
    assert "Answer now" in last.content
    assert team.requests[2].messages[-1] == last
    assert "add was not run" in team.requests[3].messages[-1].content
    for earlier, later in pairwise(team.requests):
        assert list(later.messages[: len(earlier.messages)]) == list(earlier.messages)
    assert len(of_kind(events, ToolCallStarted)) == 2
    assert every_call_is_answered(conversation)


def test_several_calls_run_in_order_under_ids_of_their_own() -> None:
    both = [ToolCall("0", "add", {"a": 1, "b": 1}), ToolCall("0", "add", {"a": 2, "b": 2})]
    events, conversation = turn(ScriptedTeam([both, "2 and 4."]), add)
    assert [e.result for e in of_kind(events, ToolCallFinished)] == ["2", "4"]
    assert every_call_is_answered(conversation)
    assert len({m.tool_call_id for m in conversation.messages if m.role == "tool"}) == 2


def test_a_huge_result_is_cut_to_the_context() -> None:
    @tool
    def flood() -> list[str]:
        """Return ten megabytes."""
        return ["first", *["x" * 1000] * 10_000, "last"]

    team = ScriptedTeam([ToolCall("c1", "flood", {}), "A lot."], n_ctx=2048)
    events, conversation = turn(team, flood)
    (finished,) = of_kind(events, ToolCallFinished)
    assert finished.truncated
    shown = conversation.messages[3].content
    assert shown == finished.result
    assert "characters left out" in shown
    assert shown.startswith('["first"')
    assert shown.endswith('"last"]')
    assert len(shown) < 2048 * 3
    assert not of_kind(events, HistoryTrimmed)


def test_a_hanging_tool_is_abandoned_and_loses_what_it_holds() -> None:
    release, told, closed = threading.Event(), threading.Event(), threading.Event()

    class Handle:
        def close(self) -> None:
            closed.set()

    class Specialists:
        def use_specialized_model(self, *_: Any, **__: Any) -> str:
            return "still there"

        def load_specialized_model(self, *_: Any, **__: Any) -> None:
            return None

    asked_late: list[object] = []

    @tool
    def hang(api: Any = None) -> str:
        """Hang."""
        scope = current_scope()
        assert scope is not None
        scope.handles.append(Handle())
        release.wait()
        if api.cancelled:
            asked_late.append(api.use_specialized_model(ModelCapability.SUMMARIZATION, "x"))
            told.set()
        return "too late"

    try:
        events, conversation = turn(
            ScriptedTeam([ToolCall("c1", "hang", {}), "It hung."]),
            hang,
            tool_timeout_s=1.0,
            specialists=Specialists(),
        )
        assert closed.wait(300)
    finally:
        release.set()
    (finished,) = of_kind(events, ToolCallFinished)
    assert "did not finish within 1 s and was abandoned" in finished.problem
    assert end_of(events).outcome == "answered"
    assert every_call_is_answered(conversation)
    assert told.wait(300)
    assert asked_late == [None]


def cancelled_turn(
    team: ScriptedTeam, until: Callable[[Event], bool], *tools: Tool, by_task: bool = False
) -> tuple[list[Event], Conversation]:
    """A turn that is cancelled when an event satisfies ``until``; what the bus saw."""
    bus, conversation = EventBus(), Conversation.begin()
    published = recorded(bus)
    loop = AgentLoop(team, Toolset(tools), bus=bus)

    async def watch() -> None:
        async with aclosing(loop.run(conversation, TurnRequest("2 + 3?"))) as events:
            async for event in events:
                if until(event):
                    if not by_task:
                        return
                    task = asyncio.current_task()
                    assert task is not None
                    task.cancel()

    async def main() -> None:
        watching = asyncio.create_task(watch())
        await asyncio.wait([watching])
        assert watching.cancelled() == by_task
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(main())
    return published, conversation


def test_cancelling_while_text_streams() -> None:
    for by_task in (False, True):
        team = ScriptedTeam(["Let me [stuck] think"])
        events, conversation = cancelled_turn(
            team, lambda e: isinstance(e, TextStreamed) and "stuck" in e.text, by_task=by_task
        )
        assert (end_of(events).outcome, end_of(events).text) == ("cancelled", "Let me [stuck] ")
        assert (team.held, team.closed_streams) == (0, 1)
        assert conversation.messages[-1] == Message("assistant", "Let me [stuck] ")


def test_cancelling_while_tools_run_answers_every_call() -> None:
    release = threading.Event()

    @tool
    def hang() -> str:
        """Hang."""
        release.wait()
        return ""

    team = ScriptedTeam(
        [[ADD, ToolCall("c2", "hang", {}), ToolCall("c3", "add", {"a": 1, "b": 1})]]
    )
    try:
        events, conversation = cancelled_turn(
            team, lambda e: isinstance(e, ToolCallStarted) and e.tool == "hang", add, hang
        )
    finally:
        release.set()
    assert end_of(events).outcome == "cancelled"
    assert [e.problem[:9] for e in of_kind(events, ToolCallFinished)] == ["", "cancelled"]
    assert every_call_is_answered(conversation)
    # The next message goes on from there, and templates see alternating roles.
    team.script.append("Fine.")
    loop = AgentLoop(team, Toolset([add]), bus=EventBus())
    asyncio.run(events_of(loop, conversation, "Never mind."))
    assert team.requests[-1].messages[-1].content == "Never mind."


def test_cancelling_an_async_tool_cancels_its_coroutine() -> None:
    ended = threading.Event()

    @tool
    async def sleepy(api: Any = None) -> str:
        """Sleep."""
        api.report("asleep")
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return ""

    cancelled_turn(
        ScriptedTeam([ToolCall("c", "sleepy", {})]), lambda e: isinstance(e, ToolProgressed), sleepy
    )
    assert ended.wait(300)


def test_a_message_left_unanswered_has_an_answer_that_says_so() -> None:
    team = ScriptedTeam([GenerationError("scripted", "no"), "Yes."])
    conversation = Conversation.begin()
    loop = AgentLoop(team, Toolset(), bus=EventBus())
    asyncio.run(events_of(loop, conversation, "One?"))
    asyncio.run(events_of(loop, conversation, "Two?"))
    one, none, two = team.requests[1].messages
    assert (one.content, none.role, two.content) == ("One?", "assistant", "Two?")
    assert "There is no answer" in none.content


def test_messages_left_unanswered_by_a_killed_program_are_merged_for_the_template() -> None:
    team = ScriptedTeam(["Both."])
    conversation = Conversation("c", [Message("user", "One?")])
    asyncio.run(events_of(AgentLoop(team, Toolset(), bus=EventBus()), conversation, "Two?"))
    assert [m.content for m in team.requests[0].messages] == ["One?\n\nTwo?"]
    assert roles(conversation) == "user user assistant"


def test_a_worker_that_dies_is_asked_once_more_if_nothing_was_shown() -> None:
    died = WorkerDiedError("scripted", -9)
    events, _ = turn(ScriptedTeam([died, "Back again."]))
    assert (end_of(events).outcome, end_of(events).text) == ("answered", "Back again. ")

    events, conversation = turn(ScriptedTeam([died, died]))
    assert end_of(events).outcome == "failed"
    assert "died (exit code -9)" in end_of(events).problem
    assert roles(conversation) == "system user assistant"
    assert "There is no answer" in conversation.messages[-1].content

    # Without a seed it would be another text, even where it comes out as it was.
    team = ScriptedTeam(["It is [dies] 5"] * 2, death=died, deaths=1)
    events, conversation = turn(team)
    assert (end_of(events).outcome, end_of(events).text) == ("failed", "It is [dies] ")
    assert "died (exit code -9)" in end_of(events).problem
    assert roles(conversation) == "system user assistant"


def test_under_a_seed_an_answer_goes_on_where_its_worker_died() -> None:
    died = WorkerDiedError("scripted", -9)

    def seeded(*script: str) -> tuple[list[Event], Conversation]:
        team, conversation = ScriptedTeam(list(script), death=died, deaths=1), Conversation.begin()
        loop = AgentLoop(team, Toolset([]), bus=EventBus())

        async def main() -> list[Event]:
            return [e async for e in loop.run(conversation, TurnRequest("2 + 3?", seed=7))]

        return asyncio.run(main()), conversation

    events, conversation = seeded("It is [dies] lost", "It is [dies] 5 in all")
    assert [e.text for e in of_kind(events, TextStreamed)] == [
        *("It ", "is ", "[dies] ", "5 ", "in ", "all ")
    ]
    assert conversation.messages[-1].text == end_of(events).text == "It is [dies] 5 in all "

    events, conversation = seeded("It is [dies] lost", "That makes 5")
    assert "came out differently" in end_of(events).problem
    assert conversation.messages[-1].text == "It is [dies] "


def test_a_team_without_a_primary_fails_the_turn() -> None:
    class Nobody(ScriptedTeam):
        def resolve(self, capability: ModelCapability, model: str | None = None) -> Any:
            raise UnmappedCapabilityError(capability.value)

    events, _ = turn(Nobody([]))
    assert end_of(events).outcome == "failed"
    assert "No model serves 'primary_conversation'" in end_of(events).problem


def test_a_tool_that_tells_how_far_it_is_has_no_limit() -> None:
    waiting = threading.Event()

    @tool
    def work(api: Any = None) -> str:
        """Work in parts."""
        for part in range(6):
            api.report(f"part {part}")
            waiting.wait(0.4)  # together longer than the limit, each shorter
        return "done"

    call = ToolCall("c1", "work", {})
    events, _ = turn(ScriptedTeam([call, "It worked."]), work, tool_timeout_s=2.0)
    (finished,) = of_kind(events, ToolCallFinished)
    assert (finished.result, finished.problem) == ("done", "")
