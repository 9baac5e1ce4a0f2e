"""What every worker process does: takes its order, loads, answers, and ends with its parent.

Owns the life of such a process from its first to its last line. What is loaded and
how it is served is each engine's.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from airunner.workers.background import started_at_low_priority
from airunner.workers.lifeline import Lifeline
from airunner.workers.wire import SPARE_ARGUMENT, Failed, Ready, decode_order, encode_answer

_LAST_WORDS_S = 3
"""How long a process whose load failed may take to end, before a signal ends it."""


@dataclass(slots=True)
class Serving:
    """A model that is loaded, and served at ``url``: on loopback, or ``unix://`` and a path.

    Attributes:
        pid: the process that holds its memory.
        serve: serves until the process ends; returns at once where other threads do so.
        tidy: called in the moment before the process ends.
        server: kept alive.
    """

    url: str
    pid: int = 0
    serve: Callable[[], object] = lambda: None
    tidy: Callable[[], object] = lambda: None
    server: object = None


def run_worker(
    load: Callable[[Any], Serving],
    *,
    prepare: Callable[[bool], object] = lambda is_spare: None,
    failure: Callable[[Exception], Failed] = lambda error: Failed(
        getattr(error, "problem", str(error))
    ),
) -> None:
    """Serve one model until the parent is gone.

    Args:
        load: from the order to the served model; makes the order's folder.
        prepare: called before the order comes, with whether there is leisure to import
            the library ahead.
        failure: what to tell the launcher about an error of ``load``.
    """
    answer = os.dup(1)
    os.dup2(2, 1)  # Whatever the library prints belongs into the log.
    lifeline = Lifeline(0)
    if SPARE_ARGUMENT in sys.argv[1:]:
        lifeline.outlast(started_at_low_priority(lambda: prepare(True)))
    else:
        prepare(False)
    line = lifeline.read_line()
    if line is None:
        return
    order = decode_order(line)
    started = time.monotonic()
    try:
        with lifeline.deadly():
            serving = load(order)
    except Exception as error:  # the libraries raise many kinds; the launcher is told which
        os.write(answer, encode_answer(failure(error)))
        # An ordinary end, so that what the library's threads still have to log is written.
        signal.alarm(_LAST_WORDS_S)
        sys.exit(1)

    def follow_parent() -> None:
        lifeline.wait_until_cut()
        serving.tidy()
        if order.folder is not None:
            shutil.rmtree(order.folder, ignore_errors=True)
        # The kernel frees memory faster, and destroying llama.cpp's server can hang.
        os._exit(0)

    follower = threading.Thread(target=follow_parent, daemon=True)
    follower.start()
    ready = Ready(serving.url, time.monotonic() - started, serving.pid or os.getpid())
    os.write(answer, encode_answer(ready))
    serving.serve()
    follower.join()
