"""One process at a time has models of a home folder in memory: the others wait, and say so.

Owns the two lock files: one that the process with the models holds, and one that all who
wait share, so that it can know of them. Two processes that each kept to the budget would
together go over it. One that uses no model gives the memory up to those who wait. The
operating system drops both locks when a process ends, however it ends.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from airunner.config.file_lock import open_lock, try_lock
from airunner.config.text_file import read_text
from airunner.devices.process_state import is_stopped
from airunner.errors import MemoryHeldError
from airunner.errors.writing import writing
from airunner.events import EventBus, MemoryAwaited
from airunner.resources.live_runs import Holding, holding_of

IDLE_S = 2.0
"""How long a process uses no model until others may have its memory, in seconds: a tool that
runs within a turn is mostly done sooner."""

_FILE = "memory.lock"
_WANTED = "memory.wanted"
_POLL_S = 0.1
_WATCH_S = 0.5


@dataclass(slots=True)
class _Held:
    """The lock of one home folder, which all runtimes of this process share."""

    lock: int
    users: int = 1


_held: dict[Path, _Held] = {}
_changing = threading.Lock()


class MemoryClaim:
    """The claim of one runtime, for its loop alone.

    Args:
        home: the home folder.
        runs: the folder of run logs, which say what another process holds.
        bus: hears of the wait, once for each who waits.
        longest_s: how long to wait.
        empty: takes every model out of memory, and says whether none is left there; called
            when another process waits and nothing is in use here.
    """

    def __init__(
        self,
        home: Path,
        runs: Path,
        bus: EventBus,
        longest_s: float,
        empty: Callable[[], Awaitable[bool]],
    ) -> None:
        self._home, self._runs = home.resolve(), runs
        self._bus, self._longest_s, self._empty = bus, longest_s, empty
        self._is_held = self._is_leaving = False
        self._uses, self._used_s = 0, 0.0
        self._watch: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def use(self, owner: str) -> AsyncIterator[None]:
        """Models may be loaded and used in the body, which waits until this process may.

        ``owner`` is the work that waits for it.

        Raises:
            MemoryHeldError: another process does not let go.
            StorageError: the home folder cannot be written.
        """
        await self._hold(owner)
        self._uses += 1
        try:
            yield
        finally:
            self._uses, self._used_s = self._uses - 1, _now_s()

    def release(self) -> None:
        """Let other processes load. Safe to call twice."""
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        self._let_go()

    async def _hold(self, owner: str) -> None:
        ends_s = _now_s() + self._longest_s
        told: tuple[int, bool] | None = None
        wanted: int | None = None
        try:
            # What leaves memory does so altogether, before it comes back.
            while self._is_leaving or not self._take():
                if not self._is_leaving:
                    if wanted is None:
                        with writing(self._home):
                            wanted = open_lock(self._home / _WANTED)
                    # Tried each time: who looks whether it is taken has it for that moment.
                    try_lock(wanted, shared=True)
                    pid = _holder(self._home)
                    if told != (pid, is_stopped(pid)):
                        told = pid, is_stopped(pid)
                        holding = await asyncio.to_thread(holding_of, self._runs, pid)
                        self._tell(owner, holding, is_stopped=told[1])
                    if _now_s() > ends_s:
                        facts = holding.command, holding.held_bytes
                        raise MemoryHeldError(pid, self._longest_s, *facts)
                await asyncio.sleep(_POLL_S)
        finally:
            if wanted is not None:
                os.close(wanted)

    def _take(self) -> bool:
        if not self._is_held and _take(self._home):
            self._is_held = True
            self._watch = asyncio.create_task(self._give_up_when_wanted())
        return self._is_held

    def _let_go(self) -> None:
        if self._is_held:
            self._is_held = False
            _give(self._home)

    async def _give_up_when_wanted(self) -> None:
        while self._is_held:
            await asyncio.sleep(_WATCH_S)
            is_idle = not self._uses and _now_s() - self._used_s > IDLE_S
            if not is_idle or not _is_wanted(self._home):
                continue
            self._is_leaving = True
            try:
                if await self._empty():
                    self._let_go()
            finally:
                self._is_leaving = False

    def _tell(self, owner: str, holding: Holding, *, is_stopped: bool) -> None:
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
                is_stopped=is_stopped,
            )
        )


def _now_s() -> float:
    return asyncio.get_running_loop().time()


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


def _is_wanted(home: Path) -> bool:
    try:
        lock = os.open(home / _WANTED, os.O_RDWR)
    except OSError:
        return False  # nobody ever waited
    try:
        return not try_lock(lock)
    finally:
        os.close(lock)


def _holder(home: Path) -> int:
    try:
        return int(read_text(home / _FILE))
    except (OSError, ValueError):
        return 0
