"""The end of this process, also where something keeps it from ending.

Owns that what was told to stop does not stay for ever: for a thread that waits for a drive, or
a task that nobody ends. Where it was is said, for it is a fault to be mended.
"""

from __future__ import annotations

import asyncio
import faulthandler
import os
import sys
import threading

from airunner.durations import format_seconds

LATEST_END_S = 120.0
"""When a process ends that was told to stop, in seconds: answers and parking take most of it."""


def end_at_the_latest(after_s: float = LATEST_END_S) -> None:
    """End this process ``after_s`` from now, and say on stderr where it was.

    Called by the thread whose event loop is to end, if there is one. Workers end with their
    parent; a state that is being parked is discarded.
    """
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        loop = None
    timer = threading.Timer(after_s, _end, [loop, after_s])
    timer.daemon = True
    timer.start()


def _end(loop: asyncio.AbstractEventLoop | None, after_s: float) -> None:
    try:
        late = format_seconds(after_s)
        print(
            f"Told to stop, this has not ended in {late}. It ends now; it was here:",
            file=sys.stderr,
        )
        for task in asyncio.all_tasks(loop) if loop else ():
            task.print_stack(file=sys.stderr)
        sys.stderr.flush()
        faulthandler.dump_traceback()
    finally:
        os._exit(1)
