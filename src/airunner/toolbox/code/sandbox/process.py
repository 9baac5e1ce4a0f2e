"""A conversation with one process that must not be trusted to end.

Owns the process, its empty folder and its whole process group: whichever way the
conversation ends, nothing of them is left. One job goes in, one answer comes out;
what they mean is ``script``'s.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import Literal

from airunner.toolbox.code.sandbox.limits import FOLDER_PREFIX

Ending = Literal["by itself", "out of time", "cancelled", "too much output"]

_MODULE = "airunner.toolbox.code.sandbox.worker"
_LOOK_S = 0.1
_PIECE_BYTES = 65536
_LOG_BYTES = 4096
_LAST_WORDS_S = 2.0


@dataclass(frozen=True, slots=True)
class Finished:
    """What the process left.

    Attributes:
        ending: why nobody listened any longer; "by itself" where it had no more to say.
        answer: all that it wrote until then.
        log: the end of what it complained of.
        code: of use where the answer is not complete: its exit code, minus the signal
            where one ended it.
    """

    ending: Ending
    answer: bytes
    log: str
    code: int


def converse(
    job: bytes, *, wall_s: float, most_bytes: int, cancelled: Callable[[], bool]
) -> Finished:
    """Give ``job`` to a new process and take its answer; it is gone when this returns.

    Raises:
        OSError: the process could not be started.
    """
    with TemporaryDirectory(prefix=FOLDER_PREFIX) as folder, _worker(folder) as process:
        streams = _Streams(process, job)
        ending = streams.until_answered(time.monotonic() + wall_s, most_bytes, cancelled)
        _kill_group(process)
        # The interpreter is a grandchild, which nobody here can wait for. It holds the
        # log as well, and the end of that says that it is gone.
        streams.until_log_ends(time.monotonic() + _LAST_WORDS_S)
    log = bytes(streams.log).decode(errors="replace").strip()
    return Finished(ending, bytes(streams.answer), log, process.returncode)


@contextmanager
def _worker(folder: str) -> Iterator[subprocess.Popen[bytes]]:
    # -I: neither the environment nor the current folder can add modules.
    command = [sys.executable, "-I", "-B", "-X", "utf8", "-m", _MODULE]
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        cwd=folder,
        env={},
        process_group=0,
    )
    try:
        yield process
    finally:
        # Before the process is reaped, so that the group's number is still its own.
        _kill_group(process)
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):  # macOS: only zombies are left
        os.killpg(process.pid, signal.SIGKILL)


class _Streams:
    """The pipes of ``process``: the job is written while answer and log are read.

    Standard input stays open after the job: the process ends itself when it closes.
    """

    def __init__(self, process: subprocess.Popen[bytes], job: bytes) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self.answer, self.log = bytearray(), bytearray()
        self._stdout, self._stderr = process.stdout.fileno(), process.stderr.fileno()
        self._reading = {self._stdout: self.answer, self._stderr: self.log}
        self._stdin, self._job = process.stdin.fileno(), memoryview(job)
        os.set_blocking(self._stdin, False)

    def until_answered(
        self, deadline_s: float, most_bytes: int, cancelled: Callable[[], bool]
    ) -> Ending:
        """Return when the process has closed its output, or why it was not waited for."""
        while self._stdout in self._reading:
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                return "out of time"
            if cancelled():
                return "cancelled"
            if len(self.answer) > most_bytes:
                return "too much output"
            self._turn(min(left_s, _LOOK_S))
        return "by itself"

    def until_log_ends(self, deadline_s: float) -> None:
        """Return when no process is left that could write to the log, or too late for that."""
        while self._stderr in self._reading and time.monotonic() < deadline_s:
            self._turn(_LOOK_S)

    def _turn(self, wait_s: float) -> None:
        """Move what can be moved, or wait for it."""
        with selectors.DefaultSelector() as selector:
            if self._job:
                selector.register(self._stdin, selectors.EVENT_WRITE)
            for pipe in self._reading:
                selector.register(pipe, selectors.EVENT_READ)
            for key, _ in selector.select(wait_s):
                if key.fd == self._stdin:
                    self._write()
                else:
                    self._read(key.fd)

    def _write(self) -> None:
        try:
            written = os.write(self._stdin, self._job[:_PIECE_BYTES])
        except BrokenPipeError:  # it ended without listening
            written = len(self._job)
        self._job = self._job[written:]

    def _read(self, pipe: int) -> None:
        piece = os.read(pipe, _PIECE_BYTES)
        self._reading[pipe] += piece
        del self.log[:-_LOG_BYTES]
        if not piece:
            del self._reading[pipe]
