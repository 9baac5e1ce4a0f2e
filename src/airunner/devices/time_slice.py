"""How long others may go on computing before this thread gets the CPU that it woke up for.

Linux lets a thread that computes go on for its time slice, some milliseconds, unless the one
that wakes up has asked for a shorter one (``Documentation/scheduler/sched-eevdf.rst``, Linux
6.12). That is no more of the CPU, but sooner. An engine on the CPU computes on all cores, and
who passes its tokens on would wait for a slice with each.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys

SHORTEST_S = 0.0001
"""The shortest that Linux grants."""

# include/uapi/linux/sched/types.h: size, policy, flags, nice, priority, runtime, deadline,
# period, and the least and most of utilization.
_ATTRIBUTES = struct.Struct("=IIQiIQQQII")
_USUAL_POLICY, _RESET_ON_FORK = 0, 1
_SYSCALLS = {"x86_64": (314, 315), "aarch64": (274, 275)}
"""Numbers of ``sched_setattr`` and ``sched_getattr``, which glibc has since 2.41 alone."""


def shorten_time_slice() -> bool:
    """Ask for the shortest slice for this thread, not for those and the processes it starts.

    False where the system has no such thing, or does not say that it did it.
    """
    if sys.platform != "linux" or platform.machine() not in _SYSCALLS:
        return False
    set_attributes, _ = _SYSCALLS[platform.machine()]
    nice, slice_ns = os.getpriority(os.PRIO_PROCESS, 0), round(SHORTEST_S * 1e9)
    values = (_USUAL_POLICY, _RESET_ON_FORK, nice, 0, slice_ns, 0, 0, 0, 0)
    asked = _ATTRIBUTES.pack(_ATTRIBUTES.size, *values)
    system = ctypes.CDLL(None)
    return system.syscall(set_attributes, 0, asked, 0) == 0 and time_slice_s() == SHORTEST_S


def time_slice_s() -> float | None:
    """Seconds of this thread's slice; ``None`` where the system does not say."""
    if sys.platform != "linux" or platform.machine() not in _SYSCALLS:
        return None
    _, get_attributes = _SYSCALLS[platform.machine()]
    told = ctypes.create_string_buffer(_ATTRIBUTES.size)
    if ctypes.CDLL(None).syscall(get_attributes, 0, told, _ATTRIBUTES.size, 0) != 0:
        return None
    slice_ns: int = _ATTRIBUTES.unpack(told.raw)[5]
    return slice_ns / 1e9 or None
