"""Reading ahead with real files, and through the manager: what is read, and when it stops."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.resources.fake_team import FakeTeam, fake_team, until
from tests.resources.page_cache import cached_bytes, drop_from_cache

from airunner.events import Event, EventBus, ReadAheadEnded, ReadAheadStarted
from airunner.resources.readahead import PIECE_BYTES, Readahead, read_into_cache
from airunner.resources.sizing import Sized

PLENTY = 1 << 40


def weights(folder: Path, name: str, pieces: float) -> Path:
    file = folder / name
    with file.open("wb") as opened:
        opened.truncate(int(pieces * PIECE_BYTES))
    return file


class Listener:
    """A readahead with what it told, in order."""

    def __init__(self, room: Callable[[], int] | None = lambda: PLENTY) -> None:
        self.events: list[Event] = []
        bus = EventBus()
        bus.subscribe(self.events.append)
        self.readahead = Readahead(bus, room)

    @property
    def told(self) -> list[tuple[Any, ...]]:
        """Events without times."""
        return [
            (e.model, e.file_bytes)
            if isinstance(e, ReadAheadStarted)
            else (e.model, e.read_bytes, e.file_bytes, e.reason)
            for e in self.events
            if isinstance(e, ReadAheadStarted | ReadAheadEnded)
        ]


def run(main: Coroutine[Any, Any, None]) -> None:
    asyncio.run(main)


@pytest.mark.skipif(sys.platform != "linux", reason="mincore and fadvise as on Linux")
def test_what_is_read_ahead_is_in_the_page_cache(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(os.urandom(PIECE_BYTES) + bytes(PIECE_BYTES // 2))
    drop_from_cache(file)
    if cached_bytes(file):
        pytest.skip("this file system keeps what it is told to forget")
    read_into_cache(file, 0, PIECE_BYTES)
    assert cached_bytes(file) >= PIECE_BYTES * 0.9
    drop_from_cache(file)
    listener = Listener()

    async def main() -> None:
        listener.readahead.begin("m", [file], "turn")
        await listener.readahead.settled()

    run(main())
    assert cached_bytes(file) >= file.stat().st_size * 0.9


def test_files_are_read_one_after_the_other_and_counted(tmp_path: Path) -> None:
    a = [weights(tmp_path, "a1", 1.25), weights(tmp_path, "a2", 0.5)]
    b = [weights(tmp_path, "b", 0.25)]
    a_bytes, b_bytes = (sum(f.stat().st_size for f in files) for files in (a, b))
    listener = Listener()

    async def main() -> None:
        listener.readahead.begin("a", a, "turn")
        listener.readahead.begin("b", b, "turn")
        await listener.readahead.settled()
        listener.readahead.begin("b", b, "turn")
        await listener.readahead.settled()

    run(main())
    assert listener.told == [
        ("a", a_bytes),
        ("a", a_bytes, a_bytes, ""),
        *[("b", b_bytes), ("b", b_bytes, b_bytes, "")] * 2,
    ]


def test_where_memory_is_short_or_unknown_nothing_is_read(tmp_path: Path) -> None:
    file = weights(tmp_path, "a", 2)
    short, unknown = Listener(lambda: PIECE_BYTES - 1), Listener(None)

    async def main() -> None:
        for listener in (short, unknown):
            listener.readahead.begin("a", [file], "turn")
            await listener.readahead.settled()

    run(main())
    assert short.told == [("a", 0, 2 * PIECE_BYTES, "memory is short")]
    assert unknown.told == []


def test_reading_ends_with_the_room(tmp_path: Path) -> None:
    file = weights(tmp_path, "a", 3)
    listener = Listener(lambda: 2 * PIECE_BYTES)

    async def main() -> None:
        listener.readahead.begin("a", [file], "turn")
        await listener.readahead.settled()

    run(main())
    assert listener.told[-1] == ("a", 2 * PIECE_BYTES, 3 * PIECE_BYTES, "memory is short")


def test_a_file_that_is_gone_is_told_and_the_next_is_read(tmp_path: Path) -> None:
    listener = Listener()

    async def main() -> None:
        listener.readahead.begin("gone", [tmp_path / "gone"], "turn")
        listener.readahead.begin("b", [weights(tmp_path, "b", 0.5)], "turn")
        await listener.readahead.settled()

    run(main())
    assert listener.told[0] == ("gone", 0, 0, "No such file or directory")
    assert listener.told[-1][-1] == ""


def test_what_two_want_is_read_until_neither_does(tmp_path: Path) -> None:
    file = weights(tmp_path, "a", 1)
    listener = Listener()

    async def main() -> None:
        readahead = listener.readahead
        readahead.pause(True)
        readahead.begin("a", [file], "one")
        readahead.begin("a", [file], "two")
        readahead.forget("one")
        readahead.pause(False)
        await readahead.settled()
        readahead.pause(True)
        readahead.begin("a", [file], "one")
        readahead.forget("one")
        readahead.pause(False)
        await readahead.settled()

    run(main())
    assert listener.told == [("a", PIECE_BYTES), ("a", PIECE_BYTES, PIECE_BYTES, "")]


def with_file(team: FakeTeam, model: str, pieces: float) -> Sized:
    file = weights(team.weights.parent, f"{model}.gguf", pieces)
    return replace(team.sized(model), files=(file,))


def reasons(team: FakeTeam) -> list[tuple[str, str]]:
    return [(e.model, e.reason) for e in team.of(ReadAheadEnded)]


def test_an_expected_model_is_read_and_nothing_else_happens(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path, read_room=lambda: PLENTY) as team:
            coder = with_file(team, "coder", 1.5)
            await team.talk("hello")
            before = team.manager.status()
            async with team.lease("primary"):
                with team.manager.expecting("turn") as expect:
                    expect(coder)
                    await until(lambda: team.of(ReadAheadStarted) != [])
                    assert "coder" not in {m.model for m in team.manager.status().models}
                    assert team.manager.status().devices == before.devices
            (decision,) = team.decisions("read_ahead")
            assert decision == ("read_ahead", "coder")
            assert team.launcher.alive == ["primary"]

    run(main())


def test_reading_stops_when_the_model_loads_and_when_the_turn_ends(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path, read_room=lambda: PLENTY) as team:
            with team.manager.expecting("turn") as expect:
                coder = with_file(team, "coder", 9)
                expect(coder)
                expect(with_file(team, "artist", 9))
                await started(team, "coder")
                async with team.manager.lease(coder, owner="turn"):
                    pass
                await started(team, "artist")
            await ended(team, "artist")
            assert [(e.model, e.reason) for e in team.of(ReadAheadEnded)] == [
                ("coder", "the model is being loaded"),
                ("artist", "the turn ended"),
            ]
            assert all(e.read_bytes < e.file_bytes for e in team.of(ReadAheadEnded))

    run(main())


def test_nothing_is_read_ahead_while_a_model_loads(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path, 200, read_room=lambda: PLENTY) as team:
            loading = team.launcher.script("primary").loading
            loading.close()
            with team.manager.expecting("turn") as expect:
                primary = asyncio.create_task(team.use("primary"))
                await loading.reached()
                expect(with_file(team, "coder", 1))
                for _ in range(3):  # the time in which it would have begun
                    await asyncio.to_thread(lambda: None)
                assert team.of(ReadAheadStarted) == []
                loading.open()
                await primary
                await ended(team, "coder")
            assert [e.reason for e in team.of(ReadAheadEnded)] == [""]

    run(main())


def test_closing_ends_the_reading(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path, read_room=lambda: PLENTY) as team:
            with team.manager.expecting("turn") as expect:
                expect(with_file(team, "coder", 9))
                await started(team, "coder")
                await team.manager.close()
            (end,) = team.of(ReadAheadEnded)
            assert end.reason == "AI Runner is shutting down"

    run(main())


async def started(team: FakeTeam, model: str) -> None:
    await told(team, ReadAheadStarted, model)


async def ended(team: FakeTeam, model: str) -> None:
    await told(team, ReadAheadEnded, model)


async def told(
    team: FakeTeam, kind: type[ReadAheadStarted] | type[ReadAheadEnded], model: str
) -> None:
    """Reading has threads of its own: give way to the loop and to them."""
    while not any(e.model == model for e in team.of(kind)):
        await asyncio.to_thread(lambda: None)
