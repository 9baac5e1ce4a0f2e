"""Weights read ahead: a file's contents brought into the page cache before its model loads.

Owns the reading, one file at a time and a piece at a time, and when it stops.
Whether a file is worth it is the scheduler's decision. No process takes memory
for this: what was read lies in pages that the system gives away first, and is
read only while those fill memory that nobody uses or was promised.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from airunner.config.byte_size import KIB, MIB
from airunner.errors.system_words import system_words
from airunner.events import EventBus, ReadAheadEnded, ReadAheadStarted

PIECE_BYTES = 16 * MIB
"""Between two pieces it is seen whether to go on."""

# The kernel cuts every piece of advice to the device's own window, 128 KiB by default
# (`force_page_cache_ra` in Linux's mm/readahead.c), so a larger one would skip the rest.
_WINDOW_BYTES = 128 * KIB

RoomMeter = Callable[[], int]
"""Bytes of file contents that RAM can take now, those already read ahead included."""


class Readahead:
    """See the module's description. Runs on the manager's event loop.

    Args:
        bus: hears of every reading and its end.
        room: asked before each piece; without it nothing is ever read.
    """

    def __init__(self, bus: EventBus, room: RoomMeter | None) -> None:
        self._bus = bus
        self._room = room
        self._owners: dict[str, set[str]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._turn = asyncio.Lock()  # for one file at a time, in the order they were asked for
        self._may_read = asyncio.Event()
        self._may_read.set()

    def begin(self, key: str, files: Sequence[Path], owner: str) -> None:
        """Read a model's files, after those begun before, for as long as ``owner`` wants it."""
        if key in self._tasks:
            self._owners[key].add(owner)
        elif files and self._room is not None:
            self._owners[key] = {owner}
            work = self._read(key, files, self._room)
            self._tasks[key] = asyncio.get_running_loop().create_task(work)

    def stop(self, key: str, reason: str) -> None:
        """Read no further for this model. A piece that is being read is read to its end."""
        if (task := self._tasks.pop(key, None)) is not None:
            task.cancel(reason)

    def forget(self, owner: str) -> None:
        """Read no further for what nobody else wants."""
        for key in list(self._tasks):
            self._owners[key].discard(owner)
            if not self._owners[key]:
                self.stop(key, "the turn ended")

    def pause(self, paused: bool) -> None:
        """Leave the disk to somebody else for a while."""
        if paused:
            self._may_read.clear()
        else:
            self._may_read.set()

    async def settled(self) -> None:
        """Return when nothing is being read; what is paused never ends."""
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def close(self) -> None:
        """Break off."""
        tasks = list(self._tasks.values())
        for key in list(self._tasks):
            self.stop(key, "AI Runner is shutting down")
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _read(self, key: str, files: Sequence[Path], room: RoomMeter) -> None:
        async with self._turn:
            done_bytes = file_bytes = 0
            began_s, reason = time.perf_counter(), ""
            try:
                sizes = await asyncio.to_thread(lambda: [file.stat().st_size for file in files])
                file_bytes = sum(sizes)
                for path, size in zip(files, sizes, strict=True):
                    for offset in range(0, size, PIECE_BYTES):
                        piece_bytes = min(PIECE_BYTES, size - offset)
                        await self._may_read.wait()
                        # What was read still counts as room, since it would be given away.
                        if done_bytes + piece_bytes > room():
                            reason = "memory is short"
                            return
                        if not done_bytes:
                            self._bus.publish(ReadAheadStarted(model=key, file_bytes=file_bytes))
                        await asyncio.to_thread(read_into_cache, path, offset, piece_bytes)
                        done_bytes += piece_bytes
            except OSError as error:
                reason = system_words(error)
            except asyncio.CancelledError as cancelled:
                reason = str(cancelled)
                raise
            finally:
                if self._tasks.get(key) is asyncio.current_task():
                    del self._tasks[key]
                self._bus.publish(
                    ReadAheadEnded(
                        model=key,
                        read_bytes=done_bytes,
                        file_bytes=file_bytes,
                        read_s=time.perf_counter() - began_s,
                        reason=reason,
                    )
                )


def read_into_cache(path: Path, offset: int, n_bytes: int) -> None:
    """Have the system read part of a file, and return when most of it has arrived.

    Raises:
        OSError: the file cannot be read.
    """
    end = offset + n_bytes
    # Opened for each piece: whoever breaks off must not close it under this thread.
    with path.open("rb", buffering=0) as file:
        if hasattr(os, "posix_fadvise"):
            for start in range(offset, end, _WINDOW_BYTES):
                length = min(_WINDOW_BYTES, end - start)
                os.posix_fadvise(file.fileno(), start, length, os.POSIX_FADV_WILLNEED)
            # Advice returns at once; the last byte comes after what was asked for before it.
            os.pread(file.fileno(), 1, end - 1)
        else:  # macOS
            buffer = bytearray(min(n_bytes, MIB))
            file.seek(offset)
            while file.tell() < end and file.readinto(buffer):
                pass
