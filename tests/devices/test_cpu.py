from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest

from airunner.devices.cpu import allowed_cpus, cpu_threads, probe_cpu

GB = 10**9


def limited(root: Path, limit: int, used: int, cpu_max: str = "max 100000") -> Path:
    group = root / "sys/fs/cgroup/box"
    group.mkdir(parents=True)
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text("0::/box\n")
    (group / "memory.max").write_text(f"{limit}\n")
    (group / "memory.current").write_text(f"{used}\n")
    (group / "cpu.max").write_text(f"{cpu_max}\n")
    return root


def test_ram_is_cut_to_the_control_group(tmp_path: Path) -> None:
    limited(tmp_path, 4 * GB, 1 * GB)
    (tmp_path / "proc/cpuinfo").write_text("processor\t: 0\nmodel name\t: Ten Core 3000\n")
    (device,) = probe_cpu(tmp_path, memory=lambda: (16 * GB, 10 * GB)).devices
    assert (device.id, device.kind, device.name) == ("cpu", "cpu", "Ten Core 3000")
    assert (device.total_bytes, device.free_bytes) == (4 * GB, 3 * GB)
    assert device.note
    assert not device.is_accelerator


def test_the_host_may_have_less_free_than_the_control_group_allows(tmp_path: Path) -> None:
    limited(tmp_path, 12 * GB, 0)
    (device,) = probe_cpu(tmp_path, memory=lambda: (16 * GB, 2 * GB)).devices
    assert (device.total_bytes, device.free_bytes) == (12 * GB, 2 * GB)
    (device,) = probe_cpu(tmp_path, memory=lambda: (8 * GB, 2 * GB)).devices
    assert (device.total_bytes, device.note) == (8 * GB, "")


def test_this_machine() -> None:
    (device,) = probe_cpu().devices
    assert device.total_bytes is not None
    assert device.free_bytes is not None
    assert 0 < device.free_bytes <= device.total_bytes <= psutil.virtual_memory().total
    assert device.name


@pytest.mark.parametrize(
    ("cpus", "quota", "expected"),
    [
        (8, "max 100000", 8),
        (8, "250000 100000", 2),
        (2, "400000 100000", 2),
        (4, "50000 100000", 1),
    ],
)
def test_threads_follow_affinity_and_quota(
    cpus: int, quota: str, expected: int, tmp_path: Path
) -> None:
    assert cpu_threads(limited(tmp_path, GB, 0, quota), cpus=lambda: cpus) == expected


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs CPU affinity")
def test_threads_follow_the_real_affinity(tmp_path: Path) -> None:
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert (allowed_cpus(), cpu_threads(tmp_path)) == (1, 1)
    finally:
        os.sched_setaffinity(0, before)
    assert cpu_threads(tmp_path) == len(before)
