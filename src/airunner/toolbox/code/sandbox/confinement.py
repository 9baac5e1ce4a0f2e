"""What the system forbids the sandbox's processes, should the interpreter have a hole.

Owns the limits of the kernel. They are the second wall: the first is that the
interpreter has nothing to open a file or a connection with. Where a platform lacks
a limit (macOS enforces none on memory, and none can be set for another process),
the others and the time limit of the parent remain.
"""

from __future__ import annotations

import os
import resource
from contextlib import suppress

import psutil


def confine_this_process(*, address_space_bytes: int, cpu_s: int) -> None:
    """Limit this process and those it will start: no file written, no core, an end of memory."""
    limits = [
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_AS, address_space_bytes),
    ]
    for kind, most in limits:
        with suppress(ValueError, OSError):  # this platform has no such limit
            resource.setrlimit(kind, (most, most))


def confine_children() -> None:
    """Let the processes that this one has started open nothing more and start nothing.

    A file, a connection and a copy of the process all need what is now forbidden.
    """
    if not hasattr(psutil.Process, "rlimit"):
        return
    for child in psutil.Process().children():
        with suppress(psutil.Error, OSError):  # it has just ended
            opened = max(map(int, os.listdir(f"/proc/{child.pid}/fd"))) + 1
            child.rlimit(psutil.RLIMIT_NOFILE, (opened, opened))
            child.rlimit(psutil.RLIMIT_NPROC, (0, 0))
