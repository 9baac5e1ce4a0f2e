"""A helper process that is waited for, and ended when nobody does any more.

Owns its end: when its time is over, when the call that wanted it is given up, and then
with everything that it started. What is run, and what its answer means, is each tool's.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from airunner.errors import ToolFailedError

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
        OSError: it cannot be started.
        subprocess.TimeoutExpired: it took longer than ``seconds``.
        ToolFailedError: it was given up.
    """
    ends_s = time.monotonic() + seconds
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        process_group=0,
        pass_fds=tuple(kept),
    ) as process:
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
