"""A turn of the real engine has its specialist's file read ahead, and the run replays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.faults.real_team import ONE_MODEL_BYTES

from airunner.agent.conversation import Conversation
from airunner.components.llm.config.model_capabilities import EMBEDDED_SPECIALIST
from airunner.config.settings import Settings
from airunner.events import (
    Decided,
    Event,
    GenerationFinished,
    ReadAheadEnded,
    ReadAheadStarted,
    ToolCallFinished,
)
from airunner.models.spec import ModelCapability
from airunner.resources.run_log import read_run, replay, run_files
from airunner.runtime import Runtime
from airunner.runtime.home import runs_folder
from airunner.tools.tool import tool
from airunner.tools.toolset import Toolset


@tool(examples=("how was the weather?",), uses=(ModelCapability.SUMMARIZATION,))
def report_weather(days: int, api: Any = None) -> str:
    """Report the weather of some days."""
    text = f"Summarize: it rained for {days} days."
    return str(api.use_specialized_model(ModelCapability.SUMMARIZATION, text, max_tokens=4))


def events_of_a_turn(home: Path, text: str) -> list[Event]:
    settings = Settings(home=home, max_memory=ONE_MODEL_BYTES, context=1024, offline=True)
    events: list[Event] = []
    with Runtime(settings, toolset=Toolset([report_weather]), command="test") as runtime:
        runtime.bus.subscribe(events.append)
        list(runtime.turn(Conversation.begin(), text))
        runtime.settle()
    (log,) = run_files(runs_folder(settings))
    assert replay(read_run(log)) is None
    return events


def test_the_specialist_is_read_while_its_arguments_are_decoded(embedded_home: Path) -> None:
    events = events_of_a_turn(embedded_home, "How was the weather?")
    (call,) = (e for e in events if isinstance(e, ToolCallFinished))
    assert call.problem == ""
    moments = [
        f"{e.action} {e.model}" if isinstance(e, Decided) else e.kind
        for e in events
        if isinstance(e, Decided | GenerationFinished | ReadAheadStarted)
    ]
    decided = moments.index(f"read_ahead {EMBEDDED_SPECIALIST}")
    assert moments.index("read_ahead_started") > decided
    assert moments.index("generation_finished") > decided, "the arguments were decoded already"
    assert moments.index(f"start_load {EMBEDDED_SPECIALIST}") > decided
    (ended,) = (e for e in events if isinstance(e, ReadAheadEnded))
    assert ended.model == EMBEDDED_SPECIALIST
    assert ended.file_bytes > 140_000_000
    assert 0 < ended.read_bytes <= ended.file_bytes


def test_a_turn_without_tools_reads_nothing_ahead(embedded_home: Path) -> None:
    events = events_of_a_turn(embedded_home, "Hello there!")
    assert not [e for e in events if isinstance(e, ReadAheadStarted | ReadAheadEnded)]
    assert "read_ahead" not in {e.action for e in events if isinstance(e, Decided)}
