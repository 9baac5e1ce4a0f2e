"""Waiting until the workers of a server compute for nobody any more.

Not a test. That a client went away is heard at once, while a whole answer would take several
times ``MOST_S`` of a processor, however busy the machine is.
"""

from __future__ import annotations

import time
from contextlib import suppress

import httpx
import psutil
from prometheus_client.parser import text_string_to_metric_families
from tests.server.clients.conftest import ServedHere

MOST_S = 5.0
_LOOK_S = 0.1
_BUSY_SHARE = 0.2


def workers(pid: int) -> list[psutil.Process]:
    """The processes that hold models for the server with this process id."""
    found = []
    for child in psutil.Process(pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # it has just ended
            if "airunner.engines" in " ".join(child.cmdline()):
                found.append(child)
    return found


def computed_s(pid: int) -> float:
    """What the workers of a server have computed so far, in seconds of one core."""
    seconds = 0.0
    for worker in workers(pid):
        with suppress(psutil.NoSuchProcess):
            times = worker.cpu_times()
            seconds += times.user + times.system
    return seconds


def gauge(url: str, name: str) -> float:
    """A figure of the server at ``url``, over all models."""
    text = httpx.get(f"{url}/metrics", trust_env=False, timeout=300).text
    families = [f for f in text_string_to_metric_families(text) if f.name == name]
    samples = [sample for family in families for sample in family.samples]
    return sum(each.value for each in samples if not each.name.endswith("_created"))


def idle_again(server: ServedHere) -> None:
    """Return when nobody holds a model and no worker computes; fail if they go on."""
    begun_s, quiet = computed_s(server.pid), 0
    while quiet < 2 or gauge(server.url, "airunner_leases"):
        before_s = computed_s(server.pid)
        assert before_s - begun_s < MOST_S, "the work went on"
        time.sleep(_LOOK_S)
        spent_s = computed_s(server.pid) - before_s
        quiet = quiet + 1 if spent_s <= _LOOK_S * _BUSY_SHARE else 0
