from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from airunner.devices.cgroup import MemoryAllowance, cpu_quota, memory_allowance

MB = 10**6
UNLIMITED_V1 = "9223372036854771712"  # as read on a real machine


def tree(root: Path, membership: str, files: Mapping[str, str]) -> Path:
    """A fake root: /proc/self/cgroup, and files under /sys/fs/cgroup."""
    for name, content in {"../../../proc/self/cgroup": membership, **files}.items():
        file = root / "sys/fs/cgroup" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content + "\n")
    return root


def group(limit: str, used: int, cache: int = 0, *, high: str = "max") -> dict[str, str]:
    return {
        "memory.max": limit,
        "memory.high": high,
        "memory.current": str(used),
        "memory.stat": f"anon 5\ninactive_file {cache}\nactive_file 9",
    }


def under(folder: str, files: Mapping[str, str]) -> dict[str, str]:
    return {f"{folder}/{name}": content for name, content in files.items()}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "sys/fs/cgroup").mkdir(parents=True)
    return tmp_path


def test_v2_takes_the_tightest_level_and_counts_idle_cache_as_free(root: Path) -> None:
    tree(
        root,
        "0::/pod/app",
        under("pod", group(str(900 * MB), 700 * MB, 100 * MB))
        | under("pod/app", group(str(1000 * MB), 300 * MB))
        | under("pod/other", group(str(1 * MB), 1 * MB)),
    )
    assert memory_allowance(root) == MemoryAllowance(900 * MB, 300 * MB)


def test_v2_container_that_sees_only_its_own_part(root: Path) -> None:
    # The process's path is the host's, and the container's own group is what is mounted.
    tree(root, "0::/../system.slice/docker-1.scope", group(str(512 * MB), 600 * MB))
    assert memory_allowance(root) == MemoryAllowance(512 * MB, 0)


def test_v2_throttling_limit_counts_as_the_limit(root: Path) -> None:
    tree(root, "0::/a", under("a", group("max", 100 * MB, high=str(400 * MB))))
    assert memory_allowance(root) == MemoryAllowance(400 * MB, 300 * MB)


def test_v1_memory_and_quota(root: Path) -> None:
    tree(
        root,
        "5:cpu,cpuacct:/box\n4:memory:/box/in\n1:name=systemd:/\n0::/",
        {
            "memory/memory.limit_in_bytes": UNLIMITED_V1,
            "memory/box/memory.limit_in_bytes": str(800 * MB),
            "memory/box/memory.usage_in_bytes": str(500 * MB),
            "memory/box/memory.stat": f"inactive_file 1\ntotal_inactive_file {100 * MB}",
            "memory/box/in/memory.limit_in_bytes": UNLIMITED_V1,
            "cpu,cpuacct/box/cpu.cfs_quota_us": "150000",
            "cpu,cpuacct/box/cpu.cfs_period_us": "100000",
        },
    )
    assert memory_allowance(root) == MemoryAllowance(800 * MB, 400 * MB)
    assert cpu_quota(root) == 1.5


def test_both_versions_mixed_as_systemd_mounts_them(root: Path) -> None:
    tree(
        root,
        "4:memory:/\n0::/box",
        {"memory/memory.limit_in_bytes": UNLIMITED_V1}
        | under("unified/box", {"cpu.max": "300000 100000"}),
    )
    assert memory_allowance(root) is None
    assert cpu_quota(root) == 3.0


@pytest.mark.parametrize(
    ("own", "parent", "expected"),
    [
        ("max 100000", "max 100000", None),
        ("50000 100000", "max 100000", 0.5),
        ("400000 100000", "200000 100000", 2.0),
        ("", "nonsense", None),
    ],
)
def test_v2_quota_is_the_smallest_of_all_levels(
    own: str, parent: str, expected: float | None, root: Path
) -> None:
    tree(root, "0::/a/b", {"a/b/cpu.max": own, "a/cpu.max": parent})
    assert cpu_quota(root) == expected


def test_without_control_groups_there_is_no_limit(tmp_path: Path) -> None:
    assert memory_allowance(tmp_path) is None
    assert cpu_quota(tmp_path) is None
    tree(tmp_path, "not a control group line", {})
    assert memory_allowance(tmp_path) is None
