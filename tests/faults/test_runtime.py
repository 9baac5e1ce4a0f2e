"""The whole runtime under strain, on the real engine: threads, bad tools, and closing."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import pytest
from tests.children import Children
from tests.conftest import wait_until
from tests.faults.real_team import (
    ONE_MODEL_BYTES,
    open_descriptors,
)

from airunner.agent.conversation import Conversation
from airunner.components.llm.config.model_capabilities import EMBEDDED_PRIMARY, EMBEDDED_SPECIALIST
from airunner.config.settings import Settings
from airunner.errors import LeaseRefusedError
from airunner.events import (
    CacheProven,
    Decided,
    Event,
    ModelLoaded,
    SpecialistFailed,
    TextStreamed,
    ToolCallFinished,
    TurnFinished,
)
from airunner.models.spec import ModelCapability
from airunner.runtime import Runtime
from airunner.tools.tool import Tool, tool
from airunner.tools.toolset import Toolset

E = TypeVar("E", bound=Event)

PRIMARY = ModelCapability.PRIMARY_CONVERSATION
SUMMARIES = ModelCapability.SUMMARIZATION


class Machine:
    """A runtime that can hold one of the embedded models at a time."""

    def __init__(self, home: Path, *tools: Tool, tool_timeout_s: float = 60.0) -> None:
        settings = Settings(
            home=home,
            max_memory=ONE_MODEL_BYTES,
            context=512,
            offline=True,
            tool_timeout_s=tool_timeout_s,
        )
        self.runtime = Runtime(settings, toolset=Toolset(tools), command="test")
        self.events: list[Event] = []
        self.runtime.bus.subscribe(self.events.append)

    def of(self, kind: type[E]) -> list[E]:
        return [e for e in self.events if isinstance(e, kind)]

    def states(self) -> dict[str, str]:
        self.runtime.settle()
        return {m.model: m.state for m in self.runtime.status().models}

    def call_tool(self, conversation: Conversation, text: str) -> ToolCallFinished:
        """A turn up to where the primary has begun to answer after its tool's end."""
        finished: list[ToolCallFinished] = []
        events = self.runtime.turn(conversation, text)
        for event in events:
            assert not isinstance(event, TurnFinished), event.problem
            if isinstance(event, ToolCallFinished):
                finished.append(event)
            if isinstance(event, TextStreamed) and finished:
                break
        events.close()
        return finished[0]


def specialists_in_a_row(api: Any) -> None:
    for text in ("Summarize: it rained.", "Summarize: it snowed."):
        assert api.use_specialized_model(SUMMARIES, text, max_tokens=4)


@pytest.fixture
def home(embedded_home: Path) -> Iterator[Path]:
    """A home, and afterwards no process and no file of a runtime in it."""
    children, descriptors = Children(), open_descriptors()
    yield embedded_home
    gc.collect()
    assert children() == set()
    wait_until(lambda: open_descriptors() <= descriptors)
    assert list((embedded_home / "run").iterdir()) == []
    assert list((embedded_home / "parked").iterdir()) == []


def test_threads_that_want_models_which_cannot_coexist_are_all_served(home: Path) -> None:
    machine = Machine(home)
    with machine.runtime, ThreadPoolExecutor(4) as pool:
        wanted = [PRIMARY, SUMMARIES] * 3
        answers = list(
            pool.map(
                lambda c: machine.runtime.use_specialized_model(c, "Say hello.", max_tokens=4),
                wanted,
            )
        )
        assert all(answers), [e.problem for e in machine.of(SpecialistFailed)]
        assert {e.model for e in machine.of(ModelLoaded)} == {EMBEDDED_PRIMARY, EMBEDDED_SPECIALIST}
        assert machine.states()[EMBEDDED_PRIMARY] == "ready"
        status = machine.runtime.status()
        assert status.devices[0].held_bytes == sum(m.held_bytes for m in status.models)
        assert status.devices[0].held_bytes <= ONE_MODEL_BYTES


def test_closing_answers_every_thread_that_waits_or_works(home: Path) -> None:
    machine = Machine(home)
    runtime = machine.runtime
    with ThreadPoolExecutor(4) as pool:
        work = [
            pool.submit(runtime.use_specialized_model, capability, "Count to a thousand.", 400)
            for capability in (PRIMARY, SUMMARIES, PRIMARY, SUMMARIES)
        ]
        wait_until(lambda: any(m.leases for m in runtime.status().models))
        runtime.close()
        assert [w.result(timeout=300) for w in work] == [None] * 4
        assert len(machine.of(SpecialistFailed)) == 4
        assert runtime.use_specialized_model(PRIMARY, "Hello") is None, "after the end"
        runtime.close()


def test_handles_left_open_at_the_end_are_harmless(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    machine = Machine(home)
    handles = [machine.runtime.load_specialized_model(SUMMARIES) for _ in range(8)]
    machine.runtime.close()
    for handle in handles:
        assert handle is not None
        handle.close()
        with pytest.raises(LeaseRefusedError, match="this handle is closed"):
            handle.invoke("Hello")
    assert caplog.records == []


def test_a_handle_that_nobody_refers_to_any_more_gives_its_model_back(home: Path) -> None:
    machine = Machine(home)
    with machine.runtime as runtime:
        assert runtime.use_specialized_model(PRIMARY, "Hello", max_tokens=2)
        handle = runtime.load_specialized_model(SUMMARIES)
        assert handle is not None
        assert handle.invoke("Hello", max_tokens=2)
        assert machine.states()[EMBEDDED_SPECIALIST] == "busy"
        del handle
        gc.collect()
        wait_until(lambda: machine.states()[EMBEDDED_PRIMARY] == "ready")


def test_a_tool_that_raises_or_floods_ends_its_call_and_the_primary_answers(home: Path) -> None:
    """One raises while it holds a specialised model, the other returns 10 MB."""

    @tool(examples=["explode the reactor"])
    def explode(api: Any = None) -> str:
        """Explode the reactor."""
        handle = api.load_specialized_model(SUMMARIES)
        assert handle.invoke("Say hello.", max_tokens=2)
        raise ZeroDivisionError("the reactor is gone")

    @tool(examples=["flood the valley"])
    def flood() -> str:
        """Flood the valley."""
        return "water " * 1_700_000

    machine = Machine(home, explode, flood)
    conversation = Conversation.begin()
    with machine.runtime:
        raised = machine.call_tool(conversation, "Please explode the reactor.")
        assert "ZeroDivisionError: the reactor is gone" in raised.problem
        assert machine.states() == {EMBEDDED_PRIMARY: "ready", EMBEDDED_SPECIALIST: "cold"}
        flooded = machine.call_tool(conversation, "Please flood the valley.")
        assert flooded.truncated
        assert 0 < len(flooded.result) < 10_000
        asked = [m.content for m in conversation.messages if m.role == "user"]
        assert asked == ["Please explode the reactor.", "Please flood the valley."]


def test_a_tool_that_hangs_with_a_model_in_hand_is_given_up_and_gives_it_back(home: Path) -> None:
    release = threading.Event()

    @tool(examples=["dawdle at the harbour"])
    def dawdle(api: Any = None) -> str:
        """Dawdle at the harbour."""
        held = api.load_specialized_model(SUMMARIES)
        release.wait(300)
        return str(held)

    machine = Machine(home, dawdle, tool_timeout_s=3.0)
    with machine.runtime:
        hung = machine.call_tool(Conversation.begin(), "Please dawdle at the harbour.")
        assert "did not finish within 3 s" in hung.problem
        states = machine.states()
        release.set()
        assert states[EMBEDDED_PRIMARY] == "ready"
        # On a busy machine the time is over before it is there.
        assert states.get(EMBEDDED_SPECIALIST, "cold") == "cold"


def test_a_turn_whose_model_cannot_fit_ends_with_the_reason(home: Path) -> None:
    settings = Settings(home=home, max_memory=10_000_000, context=512, offline=True)
    with Runtime(settings, toolset=Toolset(), command="test") as runtime:
        conversation = Conversation.begin()
        *_, end = runtime.turn(conversation, "Hello")
        assert isinstance(end, TurnFinished)
        assert end.outcome == "failed"
        assert "too few" in end.problem


def test_a_turn_closed_in_the_middle_frees_its_model(home: Path) -> None:
    machine = Machine(home)
    with machine.runtime as runtime:
        events = runtime.turn(Conversation.begin(), "Count to a thousand, slowly.")
        for event in events:
            if event.kind == "text_streamed":
                break
        events.close()
        assert machine.of(TurnFinished)[0].outcome == "cancelled"
        assert machine.states() == {EMBEDDED_PRIMARY: "ready"}
        assert runtime.status().models[0].leases == 0
        assert machine.of(CacheProven) == []


def test_within_a_series_the_primary_does_not_begin_to_return_between_specialists(
    embedded_home: Path,
) -> None:
    @tool
    def report_weather(api: Any = None) -> str:
        """Report the weather."""
        with api.series():
            specialists_in_a_row(api)
        return "It rained, then it snowed."

    machine = Machine(embedded_home, report_weather)
    with machine.runtime:
        assert machine.runtime.use_specialized_model(PRIMARY, "Hello", max_tokens=2)
        call = machine.call_tool(Conversation.begin(), "Report the weather.")
        assert call.problem == ""
        machine.runtime.settle()
        begun = [e.model for e in machine.of(Decided) if e.action == "start_load"]
        assert begun == [EMBEDDED_PRIMARY, EMBEDDED_SPECIALIST, EMBEDDED_PRIMARY]


def test_a_tool_given_up_within_a_series_does_not_keep_the_primary_away(
    embedded_home: Path,
) -> None:
    release = threading.Event()

    @tool
    def report_weather(api: Any = None) -> str:
        """Report the weather."""
        with api.series():
            specialists_in_a_row(api)
            release.wait(300)
        return "too late"

    machine = Machine(embedded_home, report_weather, tool_timeout_s=10.0)
    with machine.runtime:
        try:
            call = machine.call_tool(Conversation.begin(), "Report the weather.")
            assert "abandoned" in call.problem
            # On a busy machine the tool's specialists come only after it was given up.
            wait_until(lambda: machine.states()[EMBEDDED_PRIMARY] == "ready")
        finally:
            release.set()
