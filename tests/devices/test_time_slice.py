"""The slice of a thread, asked of the kernel itself."""

from __future__ import annotations

import os
import platform
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from airunner.devices.time_slice import SHORTEST_S, shorten_time_slice, time_slice_s

_VERSION = tuple(map(int, platform.release().split("-")[0].split(".")[:2]))


@pytest.mark.skipif(sys.platform != "linux" or _VERSION < (6, 12), reason="Linux 6.12 and later")
def test_a_thread_has_a_short_slice_and_hands_it_on_to_none() -> None:
    def asked() -> tuple[float | None, bool, float | None, float | None, int, int]:
        before, nice = time_slice_s(), os.getpriority(os.PRIO_PROCESS, 0)
        done = shorten_time_slice()
        with ThreadPoolExecutor(1) as another:
            handed_on = another.submit(time_slice_s).result()
        nice_after = os.getpriority(os.PRIO_PROCESS, 0)
        return before, done, time_slice_s(), handed_on, nice, nice_after

    with ThreadPoolExecutor(1) as thread:
        before, done, after, handed_on, nice, nice_after = thread.submit(asked).result()
    assert before is not None
    assert before > SHORTEST_S
    assert done
    assert after == SHORTEST_S
    assert handed_on == before
    assert nice == nice_after
