"""One child process seen from its parent: its pipes, the end of its log, and its exit.

Owns the process and everything that must be released with it, on whichever
path it ends. Knows nothing about models. Two daemon threads serve each child,
so it is reaped even while no event loop runs and can be awaited from any.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

from airunner.engines.base import WorkerExit

LOG_LIMIT_BYTES = 32 * 1024
STOP_GRACE_S = 1.0
_DRAIN_S = 1.0


class Child:
    """A running ``python -m module``.

    ``on_exit`` runs in a thread once the process is gone, before anybody who
    waits for it is told.
    """

    def __init__(self, module: str, *arguments: str) -> None:
        self.on_exit: Callable[[], object] = lambda: None
        # -P: no file of the current directory can pose as a module. A group of
        # its own: Ctrl-C in a terminal is for the parent to handle.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            process_group=0,
        )
        self._ending = threading.Lock()
        self._is_gone = False
        self._log = bytearray()
        self._answer: Future[bytes] = _running_future()
        self._exit: Future[WorkerExit] = _running_future()
        self._pump = threading.Thread(target=self._read_log, daemon=True)
        self._pump.start()
        threading.Thread(target=self._watch, daemon=True).start()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def tell(self, line: bytes) -> bool:
        """Write one line to the child; false if it is dead, though ``wait`` may not know yet."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line)
        except (BrokenPipeError, ValueError):
            return False
        return True

    async def answer(self) -> bytes:
        """The first line the child writes; empty if it ended without one."""
        return await asyncio.wrap_future(self._answer)

    async def wait(self) -> WorkerExit:
        """Return when the process is gone and reaped."""
        return await asyncio.wrap_future(self._exit)

    def hang_up(self) -> None:
        """Close the child's standard input, on which it ends by itself."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    def kill(self, reason: str = "") -> None:
        """End the process, and what it started, at once; harmless when it is gone.

        The end of its log is then why.
        """
        if reason:
            self._log += f"\nended by AI Runner: {reason}\n".encode()
        with self._ending:
            if not self._is_gone:
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(self.pid, signal.SIGKILL)

    async def stop(self) -> WorkerExit:
        """End the process, by force after a short grace, and return when it is gone."""
        self.hang_up()
        try:
            return await asyncio.wait_for(self.wait(), STOP_GRACE_S)
        except TimeoutError:
            self.kill()
            return await self.wait()
        except asyncio.CancelledError:
            self.kill()
            raise

    def _read_log(self) -> None:
        assert self._process.stderr is not None
        while piece := self._process.stderr.read(65536):
            self._log += piece
            del self._log[:-LOG_LIMIT_BYTES]

    def _watch(self) -> None:
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self._answer.set_result(process.stdout.readline())
        if hasattr(os, "waitid"):  # not on macOS before Python 3.13
            # Not collected yet, so that no other process can have its id, which is its group's.
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
            self.kill()
        with self._ending:
            code = process.wait()
            self._is_gone = True
        # A grandchild may hold the log open; its last words are not worth waiting for.
        self._pump.join(_DRAIN_S)
        for pipe in (process.stdin, process.stdout, process.stderr):
            pipe.close()
        self.on_exit()
        self._exit.set_result(WorkerExit(code, bytes(self._log).decode(errors="replace")))


def _running_future() -> Future[Any]:
    """A future that a cancelled waiter cannot cancel for everybody else."""
    future: Future[Any] = Future()
    future.set_running_or_notify_cancel()
    return future
