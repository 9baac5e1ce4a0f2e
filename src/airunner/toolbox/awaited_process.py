"""A helper process that is waited for, and ended when nobody does any more.

Owns its end: when its time is over, when the call that wanted it is given up, and then
with everything that it started. Owns also the way in which one of ours answers: a value, or
the error of a tool. What is run, and what a value means, is each tool's.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from airunner.errors import ToolFailedError, ToolRetryError
from airunner.errors.system_words import system_words

_LOOK_S = 0.2


def run_awaited(
    command: Sequence[str],
    given: bytes,
    *,
    tool: str,
    seconds: float,
    is_cancelled: Callable[[], bool],
    kept: Sequence[int] = (),
) -> subprocess.CompletedProcess[bytes]:
    """Run ``command`` with ``given`` on its standard input, to its end.

    It gets the open files of ``kept`` under the numbers that they have here.

    Raises:
        subprocess.TimeoutExpired: it took longer than ``seconds``.
        ToolFailedError: it cannot be started, or was given up.
    """
    ends_s = time.monotonic() + seconds
    try:
        started = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            process_group=0,
            pass_fds=tuple(kept),
        )
    except OSError as error:
        raise ToolFailedError(
            tool, f"no process could be started: {system_words(error)}"
        ) from error
    with started as process:
        unsent: bytes | None = given
        try:
            while True:
                try:
                    out, err = process.communicate(unsent, timeout=_LOOK_S)
                    break
                except subprocess.TimeoutExpired:
                    unsent = None  # it has been taken over
                if is_cancelled():
                    raise ToolFailedError(tool, "it was given up")
                if time.monotonic() > ends_s:
                    raise subprocess.TimeoutExpired(command, seconds)
        except BaseException:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            raise
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def read_answer(answer: bytes, tool: str) -> Any:
    """The value that ``write_answer`` wrote.

    Raises:
        ToolRetryError, ToolFailedError: what was raised instead.
    """
    kind, value = json.loads(answer)
    if kind == "retry":
        raise ToolRetryError(value)
    if kind == "failed":
        raise ToolFailedError(tool, value)
    return value


def write_answer(work: Callable[[Any], object], most_memory_bytes: int) -> None:
    """In the process: do ``work`` with the JSON from standard input, and write what came of it.

    It may use addresses of ``most_memory_bytes``.
    """
    with suppress(ValueError, OSError):  # not everywhere
        resource.setrlimit(resource.RLIMIT_AS, (most_memory_bytes, most_memory_bytes))
    task = json.load(sys.stdin.buffer)
    try:
        answer = ("value", work(task))
    except ToolRetryError as error:
        answer = ("retry", error.hint)
    except ToolFailedError as error:
        answer = ("failed", error.problem)
    json.dump(answer, sys.stdout)
