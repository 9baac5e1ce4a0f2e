"""What the process's Linux control groups allow it: memory and CPU time.

Owns the reading of cgroup v1 and v2 files, from the process's own group up to
the root, because a limit on any ancestor binds. A container that sees only its
own part of the tree has its limit at the root of what is mounted; the walk ends
there, and levels that are not mounted are skipped.

Files are those of the kernel's admin-guide, ``cgroup-v1/memory.rst``,
``scheduler/sched-bwc.rst`` and ``cgroup-v2.rst``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from airunner.devices.kernel_file import file_number, file_text

# Version 1 writes "no limit" as the largest multiple of the page size in 63 bits.
_V1_UNLIMITED_BYTES = 1 << 60


@dataclass(frozen=True, slots=True)
class MemoryAllowance:
    """A memory limit, and what may still be taken before it is reached, both in bytes."""

    limit_bytes: int
    free_bytes: int


def memory_allowance(root: Path = Path("/")) -> MemoryAllowance | None:
    """The tightest memory limit on this process; ``None`` if there is none.

    Both fields are the smallest over all levels, which need not be the same
    level. Page cache that is not in active use counts as free, as Kubernetes
    does it: usage minus ``inactive_file``.
    """
    limits: list[MemoryAllowance] = []
    for version, folder in _levels(root, "memory"):
        v2 = version == 2
        # Above memory.high the kernel slows a group down until it is as good as stopped.
        names = ("memory.max", "memory.high") if v2 else ("memory.limit_in_bytes",)
        figures = [figure for name in names if (figure := file_number(folder / name)) is not None]
        limit = min(figures, default=_V1_UNLIMITED_BYTES)
        if limit >= _V1_UNLIMITED_BYTES:
            continue
        used = file_number(folder / ("memory.current" if v2 else "memory.usage_in_bytes")) or 0
        cache = _entry(folder / "memory.stat", "inactive_file" if v2 else "total_inactive_file")
        free = limit - max(0, used - cache)
        limits.append(MemoryAllowance(limit, min(limit, max(0, free))))
    if not limits:
        return None
    return MemoryAllowance(
        min(each.limit_bytes for each in limits), min(each.free_bytes for each in limits)
    )


def cpu_quota(root: Path = Path("/")) -> float | None:
    """CPUs' worth of time this process may use, such as 1.5; ``None`` if unlimited."""
    quotas = []
    for version, folder in _levels(root, "cpu"):
        if version == 2:
            fields = file_text(folder / "cpu.max").split()
            limit, period = (fields[0], fields[1]) if len(fields) == 2 else ("max", "")
        else:
            limit = file_text(folder / "cpu.cfs_quota_us")
            period = file_text(folder / "cpu.cfs_period_us")
        if limit.isdigit() and period.isdigit() and int(period) > 0:
            quotas.append(int(limit) / int(period))
    return min(quotas, default=None)


def _levels(root: Path, controller: str) -> Iterator[tuple[int, Path]]:
    """The mounted group folders that bind this process, with their cgroup version."""
    mounts = root / "sys/fs/cgroup"
    for line in file_text(root / "proc/self/cgroup").splitlines():
        _, _, controllers_and_group = line.partition(":")
        controllers, _, group = controllers_and_group.partition(":")
        if not controllers:
            # "unified" is where a machine that mixes both versions mounts version 2.
            trees = [(2, mounts), (2, mounts / "unified")]
        elif controller in controllers.split(","):
            trees = [(1, mounts / controller), (1, mounts / controllers)]
        else:
            continue
        own = PurePosixPath(group.lstrip("/"))
        for version, tree in trees:
            for level in (own, *own.parents):
                if (tree / level).is_dir():
                    yield version, tree / level


def _entry(file: Path, key: str) -> int:
    for line in file_text(file).splitlines():
        name, _, value = line.partition(" ")
        if name == key and value.strip().isdigit():
            return int(value)
    return 0
