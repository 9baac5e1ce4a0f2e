"""The tool that looks at AI Runner itself, on a system that is made up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from airunner.errors import ToolArgumentsError, ToolFailedError
from airunner.toolbox.system.system_tools import about_airunner
from airunner.tools.system_view import DeviceMemory, KnownModel

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


def told(what: str, system: System | None = None) -> str:
    return str(about_airunner(what, api=Api(system)))


def test_models_that_are_here_are_listed_and_the_others_named() -> None:
    assert told("models") == (
        "- Talker-1B (700 MB): busy on cpu with 900 MB, stays loaded; serves primary conversation\n"
        "- Writer-3B (2.00 GB): not loaded, 58.0 MB of conversations kept; "
        "serves summarization, translation\n"
        "- Broken (5 B): could not be loaded; for embedding\n"
        "Not on this machine, but known: Giant-70B.\n"
        "The command `airunner models pull NAME` fetches one."
    )
    assert told("models", System((GIANT,))).startswith("No model is on this machine yet.")


def test_a_long_list_says_what_was_left_out() -> None:
    many = tuple(KnownModel(f"m{n}", ("embedding",), file_bytes=1) for n in range(30))
    lines = told("models", System(many)).splitlines()
    assert lines[-1] == "and 5 more (`airunner models list` shows all)"
    assert len(lines) == 26


def test_memory_is_told_by_device_and_by_model() -> None:
    lost = DeviceMemory("cuda:0", 1_000, 1_000, 30)
    assert told("memory", System(memory=(*System().memory, lost))) == (
        "cpu: models use 900 MB of the 4.00 GB they may have, 3.10 GB free.\n"
        "cuda:0: models use 1.00 KB of the 1.00 KB they may have, 0 B free, 30 B lost.\n"
        "- Talker-1B: busy on cpu with 900 MB, stays loaded\n"
        "Conversations of models that left memory are kept in 58.0 MB."
    )
    assert told("memory", System((GIANT,))).endswith("No model is loaded now.")
    assert "airunner doctor" in told("memory", System(memory=()))


def test_the_last_decisions_are_told_oldest_first() -> None:
    lines = told("decisions").splitlines()
    assert lines[1:-1] == [f"decision {n}" for n in range(10, 20)]
    assert "Nothing was decided" in told("decisions", System(decided=[]))


def test_settings_are_listed_with_their_meaning() -> None:
    assert told("settings").splitlines() == [
        "context: 8,192 (tokens per conversation)",
        "offline: yes (never fetch)",
        "`airunner doctor` shows all settings and how to change them.",
    ]


def test_it_only_reads_and_says_what_it_lacks() -> None:
    assert about_airunner.permission == "read"
    with pytest.raises(ToolFailedError, match="without the system"):
        about_airunner("models")
    with pytest.raises(ToolArgumentsError):
        about_airunner.validate({"what": "weather"})
