"""The sandbox's process: one job on standard input, one answer on standard output.

Owns its own confinement and its end: it ends when it has answered, and at once when
the process that started it is gone.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from contextlib import suppress
from typing import Any

from airunner.toolbox.code.sandbox.confinement import confine_this_process
from airunner.toolbox.code.sandbox.limits import FOLDER_PREFIX, Limits


def main() -> None:
    """Take a job, do it, answer."""
    answer_to = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # nothing else gets into the answer
    job = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    limits = Limits(**job["limits"])
    confine_this_process(address_space_bytes=limits.address_space_bytes, cpu_s=limits.cpu_s)
    with os.fdopen(answer_to, "wb") as pipe:
        pipe.write(json.dumps(_done(job, limits)).encode())


def _done(job: dict[str, Any], limits: Limits) -> dict[str, Any]:
    try:
        from airunner.toolbox.code.sandbox import interpreter
    except ImportError:
        return {"problem": ("missing", "")}
    if job["do"] == "check":
        return interpreter.check(job["code"], limits)
    return interpreter.run(job["code"], job["files"], job["utc_offset_s"], limits)


def _end_with_parent() -> None:
    """Standard input closes with the parent; then everything in this group ends.

    So does the empty folder, which nobody else is left to remove.
    """
    while os.read(sys.stdin.fileno(), 4096):
        pass
    folder = os.getcwd()
    if os.path.basename(folder).startswith(FOLDER_PREFIX):
        with suppress(OSError):
            os.rmdir(folder)
    os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    main()
