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
from dataclasses import dataclass
from pathlib import Path

from airunner.config.byte_size import KIB, MIB
from airunner.events import EventBus, ReadAheadEnded, ReadAheadStarted

PIECE_BYTES = 16 * MIB
"""Between two pieces it is seen whether to go on."""

# The kernel cuts every piece of advice to the device's own window, 128 KiB by default
# (`force_page_cache_ra` in Linux's mm/readahead.c), so a larger one would skip the rest.
_WINDOW_BYTES = 128 * KIB

RoomMeter = Callable[[], int]
"""Bytes of file contents that RAM can take now, those already read ahead included."""


@dataclass(slots=True)
class _Reading:
    key: str
    owners: set[str]
    files: tuple[Path, ...]
    ended: str = ""


class Readahead:
    """See the module's description. Runs on the manager's event loop.

    Args:
        bus: hears of every reading and its end.
        room: asked before each piece; without it nothing is ever read.
    """

    def __init__(self, bus: EventBus, room: RoomMeter | None) -> None:
        self._bus = bus
        self._room = room
        self._wanted: dict[str, _Reading] = {}
        self._running: asyncio.Task[None] | None = None
        self._may_read = asyncio.Event()
        self._may_read.set()

    def begin(self, key: str, files: Sequence[Path], owner: str) -> None:
        """Read a model's files, after those begun before, for as long as ``owner`` wants it."""
        if key in self._wanted:
            self._wanted[key].owners.add(owner)
            return
        if not files or self._room is None:
            return
        self._wanted[key] = _Reading(key, {owner}, tuple(files))
        if self._running is None or self._running.done():
            self._running = asyncio.get_running_loop().create_task(self._run(self._room))

    def stop(self, key: str, reason: str) -> None:
        """Read no further for this model."""
        if key in self._wanted:
            self._wanted.pop(key).ended = reason

    def forget(self, owner: str) -> None:
        """Read no further for what nobody else wants."""
        for reading in list(self._wanted.values()):
            reading.owners.discard(owner)
            if not reading.owners:
                self.stop(reading.key, "the turn ended")

    def pause(self, paused: bool) -> None:
        """Leave the disk to somebody else for a while."""
        if paused:
            self._may_read.clear()
        else:
            self._may_read.set()

    async def settled(self) -> None:
        """Return when nothing is being read; what is paused never ends."""
        if self._running is not None:
            await asyncio.wait([self._running])

    async def close(self) -> None:
        """Break off. A piece that is being read is read to its end, on its own thread."""
        self._wanted.clear()
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    async def _run(self, room: RoomMeter) -> None:
        while self._wanted:
            reading = next(iter(self._wanted.values()))
            await self._read(reading, room)
            if self._wanted.get(reading.key) is reading:
                del self._wanted[reading.key]

    async def _read(self, reading: _Reading, room: RoomMeter) -> None:
        done_bytes = file_bytes = 0
        began_s = time.perf_counter()
        try:
            sizes = await asyncio.to_thread(_sizes, reading.files)
            file_bytes = sum(sizes)
            for path, size in zip(reading.files, sizes, strict=True):
                for offset in range(0, size, PIECE_BYTES):
                    piece_bytes = min(PIECE_BYTES, size - offset)
                    await self._may_read.wait()
                    # What was read still counts as room, since it would be given away.
                    if not reading.ended and done_bytes + piece_bytes > room():
                        reading.ended = "memory is short"
                    if reading.ended:
                        return
                    if not done_bytes:
                        self._bus.publish(
                            ReadAheadStarted(model=reading.key, file_bytes=file_bytes)
                        )
                    await asyncio.to_thread(read_into_cache, path, offset, piece_bytes)
                    done_bytes += piece_bytes
        except OSError as error:
            reading.ended = error.strerror or str(error)
        except asyncio.CancelledError:
            reading.ended = "AI Runner is shutting down"
            raise
        finally:
            self._bus.publish(
                ReadAheadEnded(
                    model=reading.key,
                    read_bytes=done_bytes,
                    file_bytes=file_bytes,
                    read_s=time.perf_counter() - began_s,
                    reason=reading.ended,
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


def _sizes(files: Sequence[Path]) -> list[int]:
    return [file.stat().st_size for file in files]
