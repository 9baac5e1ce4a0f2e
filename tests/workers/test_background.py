"""Work that gives way to others."""

from __future__ import annotations

import subprocess
import sys

import pytest

from airunner.workers.background import NICENESS, started_at_low_priority

PRIORITIES = """
import os, sys
from airunner.workers.background import started_at_low_priority
os.setpriority(os.PRIO_PROCESS, 0, int(sys.argv[1]))
started_at_low_priority(lambda: print(os.getpriority(os.PRIO_PROCESS, 0))).join()
print(os.getpriority(os.PRIO_PROCESS, 0))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a thread has no priority of its own")
@pytest.mark.parametrize("started_at", [0, 12])
def test_only_the_work_gives_way_and_nothing_goes_up(started_at: int) -> None:
    command = [sys.executable, "-c", PRIORITIES, str(started_at)]
    done = subprocess.run(command, capture_output=True, check=True)
    assert [int(line) for line in done.stdout.split()] == [max(NICENESS, started_at), started_at]


def test_the_thread_ends_when_the_work_is_done() -> None:
    done: list[str] = []
    started_at_low_priority(lambda: done.append("work")).join()
    assert done == ["work"]
