"""Where parked states go, what makes room for what, and that no file stays behind."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from airunner.errors import StorageError
from airunner.resources.parking import ParkingLot, Tier, open_parking_lot
from airunner.resources.saved_state import KeptBeginning, ParkedState
from airunner.resources.session_folder import SessionFolder


@pytest.fixture
def lot(tmp_path: Path) -> Iterator[ParkingLot]:
    """100 bytes in memory and 200 on disk, beside what is for new conversations."""
    memory = Tier("memory", SessionFolder(tmp_path / "memory"), 114)
    disk = Tier("disk", SessionFolder(tmp_path / "disk"), 228)
    one = ParkingLot((memory, disk))
    yield one
    one.close()


def park(
    lot: ParkingLot,
    conversation: str,
    n_bytes: int,
    expected: int | None = None,
    continued: bool = True,
) -> str:
    """Write a state where the lot offers first; the tier's name, empty if it was not kept."""
    offers = lot.offers(n_bytes if expected is None else expected, conversation, continued)
    for tier, path in offers:
        path.write_bytes(b"s" * n_bytes)
        state = ParkedState("m", conversation, path, tier, n_bytes, 1, continued)
        return tier if lot.keep(state) else ""
    return ""


def parked(lot: ParkingLot) -> dict[str, str]:
    return {state.name: state.tier for state in lot.of_model("m")}


def files(tmp_path: Path) -> list[Path]:
    return [f for f in tmp_path.rglob("*.kv") if f.is_file()]


def test_memory_spills_to_disk_before_anything_is_lost(lot: ParkingLot) -> None:
    assert [park(lot, c, 50) for c in "abcd"] == ["memory", "memory", "disk", "disk"]
    assert list(parked(lot)) == ["d", "c", "b", "a"], "most recently parked first"
    assert lot.parked_bytes("m") == 200
    assert lot.parked_bytes("another") == 0


def test_only_the_last_tier_drops_and_it_drops_the_oldest(lot: ParkingLot, tmp_path: Path) -> None:
    for conversation in "abcdef":
        park(lot, conversation, 50)
    assert park(lot, "g", 80) == "disk"
    assert parked(lot) == {"g": "disk", "f": "disk", "e": "disk", "b": "memory", "a": "memory"}
    assert len(files(tmp_path)) == 5, "what was dropped has no file any more"


def test_conversations_that_nobody_came_back_to_make_room_wherever_they_lie(
    lot: ParkingLot,
) -> None:
    for conversation, continued in (("a", True), ("title", False), ("b", True), ("c", True)):
        park(lot, conversation, 50, continued=continued)
    assert park(lot, "d", 50) == "disk", "while there is room, they stay"
    assert park(lot, "e", 50) == "disk"
    assert park(lot, "f", 50) == "memory", "in the place of the title"
    assert park(lot, "tags", 50, continued=False) == ""
    assert park(lot, "tags", 50, expected=0, continued=False) == ""
    assert parked(lot) == dict.fromkeys("fa", "memory") | dict.fromkeys("edcb", "disk")


def test_new_conversations_have_a_part_of_their_own_in_a_lot_full_of_others(
    lot: ParkingLot,
) -> None:
    assert [park(lot, c, 50) for c in "abcdefgh"][-1] == "disk"
    assert park(lot, "new", 14, continued=False) == "memory"
    assert park(lot, "title", 20, continued=False) == "disk"
    assert park(lot, "tags", 20, continued=False) == "disk", "in the place of the title"
    kept = dict.fromkeys("hg", "disk") | dict.fromkeys("ba", "memory")
    assert parked(lot) == {"tags": "disk", "new": "memory"} | kept | dict.fromkeys("fe", "disk")


def test_what_exceeds_the_first_tier_goes_to_the_next_and_what_exceeds_all_nowhere(
    lot: ParkingLot,
) -> None:
    assert park(lot, "a", 60) == "memory"
    assert park(lot, "b", 150) == "disk"
    assert list(lot.offers(201)) == []
    assert parked(lot) == {"a": "memory", "b": "disk"}, "nothing is dropped in vain"


def test_a_second_tier_is_offered_for_when_the_first_cannot_be_written(lot: ParkingLot) -> None:
    assert [tier for tier, _ in lot.offers(50)] == ["memory", "disk"]


def test_a_state_larger_than_expected_does_not_break_the_quota(
    lot: ParkingLot, tmp_path: Path
) -> None:
    park(lot, "a", 60)
    assert park(lot, "b", 60, expected=0) == "memory"
    assert parked(lot) == {"b": "memory"}, "the older one made room"
    assert park(lot, "c", 120, expected=0) == ""
    assert parked(lot) == {"b": "memory"}, "nothing makes room for what exceeds the tier"
    assert len(files(tmp_path)) == 1


def test_a_conversation_has_one_state_and_one_file(lot: ParkingLot, tmp_path: Path) -> None:
    park(lot, "a", 10)
    park(lot, "a", 20)
    state = lot.find("m", "a")
    assert state is not None
    assert state.n_bytes == 20
    assert files(tmp_path) == [state.path]
    lot.drop("m", "a")
    lot.drop("m", "a")
    assert lot.find("m", "a") is None
    assert files(tmp_path) == []


def keep_beginning(lot: ParkingLot, digest: str, n_bytes: int) -> None:
    tier, path = next(lot.offers(n_bytes))
    path.write_bytes(b"s" * n_bytes)
    assert lot.keep(KeptBeginning("m", digest, path, tier, n_bytes, tokens=1))


def test_a_beginning_has_its_place_in_the_quota_but_is_no_conversation(
    lot: ParkingLot, tmp_path: Path
) -> None:
    keep_beginning(lot, "a", 60)
    park(lot, "a", 30)
    assert parked(lot) == {"a": "memory"}
    assert lot.parked_bytes("m") == 30
    assert park(lot, "b", 30) == "disk", "60 + 30 + 30 do not fit into 100"
    lot.drop("m", "a")
    kept = lot.use_beginning("m", "a")
    assert kept is not None
    assert kept.path.exists()
    lot.discard(kept)
    assert lot.use_beginning("m", "a") is None
    assert not kept.path.exists()


def test_using_a_beginning_keeps_it_and_what_is_not_used_makes_room(lot: ParkingLot) -> None:
    park(lot, "fills the memory", 100)
    for digest in ("used", "unused"):
        keep_beginning(lot, digest, 80)
    assert lot.use_beginning("m", "used") is not None
    assert park(lot, "a", 100) == "disk"
    assert lot.use_beginning("m", "unused") is None
    assert lot.use_beginning("m", "used") is not None


def test_closing_removes_every_file_and_folder(tmp_path: Path) -> None:
    memory = tmp_path / "memory"
    memory.mkdir()
    lot = open_parking_lot(tmp_path / "home", 100, 100, memory)
    for conversation in "abc":
        park(lot, conversation, 40)
    assert len(files(tmp_path)) == 3
    lot.close()
    lot.close()
    assert list(memory.iterdir()) == []
    assert list((tmp_path / "home/parked").iterdir()) == []


def test_states_are_nobody_elses_to_read(tmp_path: Path) -> None:
    lot = open_parking_lot(tmp_path, 0, 100, tmp_path / "absent")
    (folder,) = (tmp_path / "parked").iterdir()
    assert folder.stat().st_mode & 0o077 == 0
    lot.close()


def test_without_a_memory_file_system_disk_serves_alone(tmp_path: Path) -> None:
    lot = open_parking_lot(tmp_path / "home", 100, 100, tmp_path / "absent")
    assert [tier for tier, _ in lot.offers(50)] == ["disk"]
    lot.close()
    nowhere = open_parking_lot(tmp_path / "home", 0, 0, tmp_path)
    assert list(nowhere.offers(1)) == []


def test_a_home_that_cannot_be_written_has_no_tier_on_disk(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file, not a folder")
    lot = open_parking_lot(tmp_path / "home", 0, 100, tmp_path / "absent")
    assert list(lot.offers(1)) == []
    lot.close()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "parked").write_text("a file, not a folder")
    with pytest.raises(StorageError) as caught:
        open_parking_lot(tmp_path / "other", 0, 100, tmp_path / "absent")
    assert caught.value.path == tmp_path / "other/parked"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small file system")
def test_a_full_file_system_is_not_offered(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(small)], check=True, timeout=300
    )
    try:
        lot = open_parking_lot(tmp_path / "home", 1 << 30, 1 << 30, small)
        (folder,) = small.iterdir()
        assert [tier for tier, _ in lot.offers(600_000)] == ["memory", "disk"]
        (folder / "other").write_bytes(b"x" * 600_000)
        assert [tier for tier, _ in lot.offers(600_000)] == ["disk"]
        lot.close()
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True, timeout=300)
