"""One process at a time may load models of a home folder: the others wait, and say so.

Owns the lock file, from a process's first load until its runtime is closed. Two processes
that each kept to the budget would together go over it. The operating system drops the
lock when the process ends, however it ends.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from airunner.config.file_lock import open_lock, try_lock
from airunner.config.text_file import read_text
from airunner.errors import MemoryHeldError
from airunner.errors.writing import writing
from airunner.events import EventBus, MemoryAwaited
from airunner.resources.live_runs import Holding, holding_of

_FILE = "memory.lock"
_POLL_S = 0.1


@dataclass(slots=True)
class _Held:
    """The lock of one home folder, which all runtimes of this process share."""

    lock: int
    users: int = 1


_held: dict[Path, _Held] = {}
_changing = threading.Lock()


class MemoryClaim:
    """The claim of one runtime. ``hold`` is called on its loop.

    Args:
        home: the home folder.
        runs: the folder of run logs, which say what another process holds.
        bus: hears of the wait, once for each who waits.
        longest_s: how long to wait.
    """

    def __init__(self, home: Path, runs: Path, bus: EventBus, longest_s: float) -> None:
        self._home, self._runs = home.resolve(), runs
        self._bus, self._longest_s = bus, longest_s
        self._is_held = False

    async def hold(self, owner: str) -> None:
        """Return when this process may load; it may from then on, until ``release``.

        ``owner`` is the work that waits for it.

        Raises:
            MemoryHeldError: another process does not let go.
            StorageError: the home folder cannot be written.
        """
        ends_s = time.monotonic() + self._longest_s
        holding: Holding | None = None
        while not self._is_held:
            self._is_held = _take(self._home)
            if self._is_held:
                return
            pid = _holder(self._home)
            if holding is None or holding.pid != pid:
                holding = await asyncio.to_thread(holding_of, self._runs, pid)
                self._tell(owner, holding)
            if time.monotonic() > ends_s:
                raise MemoryHeldError(pid, self._longest_s, holding.command, holding.held_bytes)
            await asyncio.sleep(_POLL_S)

    def release(self) -> None:
        """Let other processes load. Safe to call twice."""
        if self._is_held:
            self._is_held = False
            _give(self._home)

    def _tell(self, owner: str, holding: Holding) -> None:
        self._bus.publish(
            MemoryAwaited(
                owner=owner,
                model="",
                holder=holding.pid,
                command=holding.command,
                models=holding.models,
                held_bytes=holding.held_bytes,
                since_s=holding.since_s,
                wait_s=None,
                longest_s=self._longest_s,
            )
        )


def _take(home: Path) -> bool:
    with _changing:
        if home in _held:
            _held[home].users += 1
            return True
        with writing(home):
            home.mkdir(parents=True, exist_ok=True)
            lock = open_lock(home / _FILE)
        if not try_lock(lock):
            os.close(lock)
            return False
        with suppress(OSError):  # a full disk: the others are then told of no process
            os.ftruncate(lock, 0)
            os.write(lock, str(os.getpid()).encode())
        _held[home] = _Held(lock)
        return True


def _give(home: Path) -> None:
    with _changing:
        held = _held[home]
        held.users -= 1
        if not held.users:
            del _held[home]
            os.close(held.lock)


def _holder(home: Path) -> int:
    try:
        return int(read_text(home / _FILE))
    except (OSError, ValueError):
        return 0
