"""Waiting until the workers of a server compute for nobody any more.

Not a test. That a client went away is heard at once, while a whole answer would take longer
than ``WAIT_S``.
"""

from __future__ import annotations

import time

import psutil
from tests.server.clients.conftest import ServedHere

WAIT_S = 8.0
_LOOK_S = 0.1
_BUSY_SHARE = 0.2


def workers(server: ServedHere) -> list[psutil.Process]:
    """The processes that hold models for the server."""
    children = psutil.Process(server.pid).children(recursive=True)
    return [child for child in children if "airunner.engines" in " ".join(child.cmdline())]


def computed_s(server: ServedHere) -> float:
    """What the workers have computed so far, in seconds of one core."""
    times = [worker.cpu_times() for worker in workers(server)]
    return sum(each.user + each.system for each in times)


def idle_again(server: ServedHere) -> None:
    """Return when no worker computes; fail if they go on."""
    ends, quiet = time.monotonic() + WAIT_S, 0
    while quiet < 2:
        assert time.monotonic() < ends, "the work went on"
        before = computed_s(server)
        time.sleep(_LOOK_S)
        quiet = quiet + 1 if computed_s(server) - before <= _LOOK_S * _BUSY_SHARE else 0
