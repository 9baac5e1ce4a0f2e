"""What of the parking lot outlasts a process, however that ends."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from airunner.messages import Message
from airunner.resources.kept_folder import FOLDER, KeptFolder
from airunner.resources.known_conversations import KnownConversations
from airunner.resources.parking import (
    Lasting,
    ParkingLot,
    open_parking_lot,
    remove_model_states,
    remove_states,
)
from airunner.resources.saved_state import KeptBeginning, ParkedState, SavedState

TALK = [Message("user", "Hello."), Message("assistant", "Hello!")]
SETTINGS = {"tools": []}


class Process:
    """One process of a home folder, with a lot of 200 bytes on disk."""

    def __init__(self, home: Path, quota_bytes: int = 200, memory_bytes: int = 0) -> None:
        self.home, self.known, self.model = home, KnownConversations(), "m"
        self.shm = home / "shm"
        self.shm.mkdir(parents=True, exist_ok=True)
        lasting = Lasting(self.known, is_saved=lambda name: name.startswith("saved"))
        self.lot = open_parking_lot(home, memory_bytes, quota_bytes, self.shm, lasting)

    def park(self, name: str, n_bytes: int = 50, continued: bool = True) -> str:
        """Park a conversation of that name; its tier, or nothing if it was not kept."""
        return self._keep(ParkedState, name, n_bytes, continued)

    def keep_beginning(self) -> str:
        return self._keep(KeptBeginning, "saved beginning", 50, True)

    def answer(self, name: str) -> str:
        """Answer a client that says its name, and park that; the conversation's id."""
        with self.known.going_on("m", [Message("user", name)], SETTINGS) as conversation:
            self.known.answered(conversation, TALK[1])
        self.park(conversation.id)
        return conversation.id

    def asked_again(self, name: str) -> str:
        """The conversation that a client who said its name goes on with."""
        messages = [Message("user", name), TALK[1], Message("user", "And then?")]
        with self.known.going_on("m", messages, SETTINGS) as conversation:
            return conversation.id

    @property
    def parked(self) -> list[str]:
        return [state.name for state in reversed(self.lot.of_model("m"))]

    @property
    def files(self) -> list[Path]:
        return [file for file in (self.home / "parked").rglob("*.*") if file.is_file()]

    def die(self) -> None:
        """End as if killed: only the lock is gone."""
        for tier in self.lot._tiers:
            if isinstance(tier.folder, KeptFolder):
                os.close(tier.folder._lock)

    def _keep(self, kind: type[SavedState], name: str, n_bytes: int, continued: bool) -> str:
        for tier, path in self.lot.offers(n_bytes, name, continued):
            path.write_bytes(b"s" * n_bytes)
            kept = self.lot.keep(kind(self.model, name, path, tier, n_bytes, 7, continued))
            return tier if kept else ""
        return ""


End = Callable[[Process], None]


def closed(process: Process) -> None:
    process.lot.close()


@pytest.mark.parametrize("end", [closed, Process.die])
def test_the_next_process_finds_what_lasts_and_removes_everything_else(
    tmp_path: Path, end: End
) -> None:
    first = Process(tmp_path)
    first.park("saved", 30)
    first.park("of this process alone", 30)
    first.keep_beginning()
    conversation = first.answer("Ann")
    (state,) = (s for s in first.lot.of_model("m") if s.name == "saved")
    assert all(file.stat().st_mode & 0o077 == 0 for file in (state.path.parent,))
    entries = [file for file in first.files if file.suffix == ".json"]
    assert all(file.stat().st_mode & 0o077 == 0 for file in entries)
    assert not any("Ann" in file.read_text() or "Hello" in file.read_text() for file in entries)
    end(first)

    second = Process(tmp_path)
    assert second.parked == ["saved", conversation]
    assert len(second.files) == 4, "two states, each with its entry"
    assert second.asked_again("Ann") == conversation
    assert second.asked_again("Bob") != conversation
    found = second.lot.find("m", "saved")
    assert found == ParkedState("m", "saved", state.path, "disk", 30, 7)
    assert found is not None
    assert found.path.read_bytes() == b"s" * 30
    second.lot.drop("m", "saved")
    second.lot.drop("m", conversation)
    second.lot.close()
    assert list((tmp_path / "parked").iterdir()) == []


def test_closing_leaves_nothing_but_what_lasts(tmp_path: Path) -> None:
    process = Process(tmp_path)
    process.park("saved")
    (state,) = process.lot.of_model("m")
    process.park("of this process alone")
    process.keep_beginning()
    process.lot.close()
    assert {file.stem for file in process.files} == {state.path.stem}


def test_a_state_that_is_damaged_or_half_there_is_removed_with_its_files(tmp_path: Path) -> None:
    first = Process(tmp_path, 1000)
    names = ["cut", "no state", "no entry", "no JSON", "other form", "moved", "whole"]
    for name in names:
        first.park(f"saved {name}")
    paths = {state.name[6:]: state.path for state in first.lot.of_model("m")}
    folder = paths["whole"].parent
    first.die()
    paths["cut"].write_bytes(b"s" * 49)
    paths["no state"].unlink()
    paths["no entry"].with_suffix(".json").unlink()
    paths["no JSON"].with_suffix(".json").write_bytes(b"\x00" * 80)
    paths["other form"].with_suffix(".json").write_text('{"stem": 3}')
    entry = paths["moved"].with_suffix(".json")
    entry.write_text(entry.read_text().replace(entry.stem, "../" + entry.stem))
    (folder / ".part").write_bytes(b"half a state")
    (folder / "a folder").mkdir()

    second = Process(tmp_path, 1000)
    assert second.parked == ["saved whole"]
    whole = {"in-use", paths["whole"].name, paths["whole"].with_suffix(".json").name}
    assert {file.name for file in folder.iterdir()} == whole
    second.lot.close()


def test_limits_hold_after_a_restart_and_who_was_left_alone_goes_first(tmp_path: Path) -> None:
    first = Process(tmp_path)
    for name, continued in (("a", True), ("title", False), ("b", True), ("c", True)):
        first.park(f"saved {name}", 50, continued)
    assert first.park("saved tags", 50, continued=False) == "disk", "in the place of the title"
    assert first.parked == ["saved a", "saved b", "saved c", "saved tags"]
    first.lot.close()
    second = Process(tmp_path, 172)
    assert second.parked == ["saved a", "saved b", "saved c"]
    assert second.park("saved title", 50, continued=False) == "", "no conversation makes room"
    assert second.park("saved d", 50) == "disk"
    second.lot.close()
    third = Process(tmp_path, 115)
    assert third.parked == ["saved c", "saved d"], "oldest first"
    third.lot.close()


def test_a_second_process_has_a_folder_of_its_own_for_as_long_as_it_lives(tmp_path: Path) -> None:
    first = Process(tmp_path)
    first.park("saved a")
    second = Process(tmp_path)
    assert second.parked == []
    assert second.park("saved b") == "disk"
    assert second.lot.lasting_bytes == 0
    second.lot.close()
    first.lot.close()
    third = Process(tmp_path)
    assert third.parked == ["saved a"]
    third.lot.close()


def test_memory_moves_to_disk_at_the_end_and_the_memory_file_system_is_left_empty(
    tmp_path: Path,
) -> None:
    first = Process(tmp_path, 200, memory_bytes=115)
    assert [first.park(f"saved {name}") for name in "ab"] == ["memory", "memory"]
    first.lot.begin_to_close()
    for state in reversed(first.lot.in_memory()):
        first.lot.move(state)
    first.lot.close()
    assert list(first.shm.iterdir()) == []
    second = Process(tmp_path, 200, memory_bytes=100)
    assert second.parked == ["saved a", "saved b"]
    assert all(file.stat().st_mode & 0o077 == 0 for file in second.files)
    second.lot.close()


def test_deleting_a_conversation_removes_its_states_whoever_has_them(tmp_path: Path) -> None:
    first = Process(tmp_path, 200, memory_bytes=58)
    assert [first.park(f"saved {name}") for name in "ab"] == ["memory", "disk"]
    second = Process(tmp_path)
    second.park("saved a")
    remove_states(tmp_path, first.shm, "saved a")
    left = [state for each in (first, second) for state in each.lot.of_model("m")]
    assert [state.name for state in left if state.path.exists()] == ["saved b"]
    assert len(first.files) == 2
    for process in (first, second):
        process.lot.drop_everywhere("saved a")
        assert "saved a" not in process.parked
        process.lot.close()


def test_what_is_parked_of_a_removed_model_goes_with_it(tmp_path: Path) -> None:
    first = Process(tmp_path)
    first.park("saved a")
    remove_model_states(tmp_path, "m")
    assert first.parked == ["saved a"], "whoever has it removes it"
    first.lot.close()
    remove_model_states(tmp_path, "another")
    assert first.files
    remove_model_states(tmp_path, "m")
    assert not (tmp_path / "parked" / FOLDER).exists()
    second = Process(tmp_path)
    second.park("saved b")
    second.keep_beginning()
    second.model = "another"
    second.park("saved c")
    second.lot.drop_model("m")
    (left,) = second.lot.of_model("another")
    assert (second.parked, {file.stem for file in second.files}) == ([], {left.path.stem})
    second.lot.close()


@pytest.mark.parametrize("quota_bytes", [0, 100])
def test_whoever_wants_nothing_kept_leaves_nothing_of_earlier_times(
    tmp_path: Path, quota_bytes: int
) -> None:
    first = Process(tmp_path)
    first.park("saved a")
    first.lot.close()
    assert (tmp_path / "parked" / FOLDER).is_dir()
    lot: ParkingLot = open_parking_lot(tmp_path, 0, quota_bytes, first.shm)
    assert not (tmp_path / "parked" / FOLDER).exists()
    assert lot.of_model("m") == ()
    lot.close()
