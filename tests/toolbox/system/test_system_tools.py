"""The tools that look at AI Runner itself, on a system that is made up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from airunner.errors import ToolArgumentsError, ToolFailedError
from airunner.guided.marks.table import marks_of
from airunner.guided.request import split_request
from airunner.toolbox.system import system_tools
from airunner.toolbox.system.system_tools import (
    explain_last_decision,
    list_models,
    show_memory,
    show_settings,
)
from airunner.tools.system_view import DeviceMemory, KnownModel
from airunner.tools.tool import Tool

TALKER = KnownModel(
    "Talker-1B",
    ("primary_conversation", "summarization"),
    serves=("primary_conversation",),
    file_bytes=700_000_000,
    state="busy",
    device="cpu",
    held_bytes=900_000_000,
    pinned=True,
)
WRITER = KnownModel(
    "Writer-3B",
    ("summarization", "translation"),
    serves=("summarization", "translation"),
    file_bytes=2_000_000_000,
    state="parked",
    device="cpu",
    parked_bytes=58_000_000,
)
BROKEN = KnownModel("Broken", ("embedding",), file_bytes=5, state="failed", device="cpu")
GIANT = KnownModel("Giant-70B", ("code_generation",), expected_bytes=40_000_000_000)


@dataclass
class System:
    known: tuple[KnownModel, ...] = (TALKER, GIANT, WRITER, BROKEN)
    memory: tuple[DeviceMemory, ...] = (DeviceMemory("cpu", 4_000_000_000, 900_000_000),)
    decided: list[str] = field(default_factory=lambda: [f"decision {n}" for n in range(20)])

    def models(self) -> tuple[KnownModel, ...]:
        return self.known

    def devices(self) -> tuple[DeviceMemory, ...]:
        return self.memory

    def decisions(self, last: int) -> tuple[str, ...]:
        return tuple(self.decided[-last:])

    def settings(self) -> Mapping[str, str]:
        return {"context": "8,192 (tokens per conversation)", "offline": "yes (never fetch)"}


class Api:
    def __init__(self, system: System | None = None) -> None:
        self.system = system or System()


def test_models_that_are_here_are_listed_and_the_others_named() -> None:
    assert list_models(api=Api()) == (
        "- Talker-1B (700 MB): busy on cpu with 900 MB, stays loaded; serves primary conversation\n"
        "- Writer-3B (2.00 GB): not loaded, 58.0 MB of conversations kept; "
        "serves summarization, translation\n"
        "- Broken (5 B): could not be loaded; for embedding\n"
        "Not on this machine, but known: Giant-70B.\n"
        "The command `airunner models pull NAME` fetches one."
    )


def test_models_in_memory_and_all_models() -> None:
    loaded = list_models("loaded", api=Api())
    assert "Talker" in loaded
    assert "Writer" in loaded, "its conversations are kept"
    assert "Broken" not in loaded
    last = list_models("all", api=Api()).splitlines()[-1]
    assert last == "- Giant-70B (needs about 40.0 GB): not on this machine; for code generation"
    assert list_models("loaded", api=Api(System((GIANT,)))) == "No model is loaded now."
    assert list_models(api=Api(System((GIANT,)))).startswith("No model is on this machine yet.")


def test_a_long_list_says_what_was_left_out() -> None:
    many = tuple(KnownModel(f"m{n}", ("embedding",), file_bytes=1) for n in range(30))
    lines = list_models(api=Api(System(many))).splitlines()
    assert lines[-1] == "and 5 more (`airunner models list` shows all)"
    assert len(lines) == 26


def test_memory_is_told_by_device_and_by_model() -> None:
    lost = DeviceMemory("cuda:0", 1_000, 1_000, 30)
    told = show_memory(api=Api(System(memory=(*System().memory, lost))))
    assert told == (
        "cpu: models use 900 MB of the 4.00 GB they may have, 3.10 GB free.\n"
        "cuda:0: models use 1.00 KB of the 1.00 KB they may have, 0 B free, 30 B lost.\n"
        "- Talker-1B: busy on cpu with 900 MB, stays loaded\n"
        "Conversations of models that left memory are kept in 58.0 MB."
    )
    assert show_memory(api=Api(System((GIANT,)))).endswith("No model is loaded now.")
    assert "airunner doctor" in show_memory(api=Api(System(memory=())))


def test_decisions_are_as_many_as_asked_for_oldest_first() -> None:
    told = explain_last_decision(2, api=Api()).splitlines()
    assert told[1:3] == ["decision 18", "decision 19"]
    assert len(explain_last_decision(api=Api()).splitlines()) == 5
    assert "Nothing was decided" in explain_last_decision(api=Api(System(decided=[])))
    with pytest.raises(ToolArgumentsError):
        explain_last_decision.validate({"count": 0})


def test_settings_are_listed_with_their_meaning() -> None:
    assert show_settings(api=Api()).splitlines() == [
        "context: 8,192 (tokens per conversation)",
        "offline: yes (never fetch)",
        "`airunner doctor` shows all settings and how to change them.",
    ]


@pytest.mark.parametrize("call", [list_models, show_memory, explain_last_decision, show_settings])
def test_without_a_system_a_tool_says_so(call: Callable[..., Any]) -> None:
    with pytest.raises(ToolFailedError, match="without the system"):
        call()


def test_the_tools_only_read_and_take_what_the_user_said() -> None:
    tools = [value for value in vars(system_tools).values() if isinstance(value, Tool)]
    assert {tool.permission for tool in tools} == {"read"}
    assert len(tools) == 4
    request = split_request("Which models are loaded right now?")
    assert marks_of(list_models)["only"].take(request, "") == "loaded"
    request = split_request("Explain the last 5 decisions.")
    assert marks_of(explain_last_decision)["count"].take(request, "") == "5"
