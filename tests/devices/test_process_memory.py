from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from airunner.devices.process_memory import device_bytes_of_process, memory_of_process

MIB = 2**20


def test_a_process_is_measured_now_and_at_its_peak() -> None:
    code = (
        "import sys\n"
        "kept, freed = bytearray(b'x') * (64 * 2**20), bytearray(b'y') * (128 * 2**20)\n"
        "del freed\n"
        "print('ready', flush=True)\n"
        "sys.stdin.read()\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        memory = memory_of_process(child.pid)
        assert memory is not None
        assert 64 * MIB < memory.rss_bytes < 128 * MIB
        held = device_bytes_of_process(child.pid, "cpu")
        assert held is not None
        assert held >= 64 * MIB
        if sys.platform == "linux":
            assert memory.peak_bytes is not None
            assert memory.peak_bytes > 192 * MIB
        child.kill()
    assert memory_of_process(child.pid) is None


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_an_ended_process_that_was_not_waited_for_holds_nothing() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert memory_of_process(child.pid) is None
    child.wait()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_kernel_that_records_no_peak(tmp_path: Path) -> None:
    (tmp_path / "5").mkdir()
    (tmp_path / "5/status").write_text("Name:\tx:y\nVmRSS:\t    2048 kB\n")
    memory = memory_of_process(5, tmp_path)
    assert memory is not None
    assert (memory.rss_bytes, memory.peak_bytes) == (2 * MIB, None)
    assert memory_of_process(6, tmp_path) is None
