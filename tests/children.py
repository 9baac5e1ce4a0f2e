"""The processes that a test starts."""

from __future__ import annotations

import psutil


class Children:
    """Calling it gives what was started by this process since it was made, and all below that.

    What runs by then, such as a server that tests share, is left out with all that it starts.
    """

    def __init__(self) -> None:
        self._others = set(psutil.Process().children())

    def __call__(self) -> set[int]:
        started = [child for child in psutil.Process().children() if child not in self._others]
        return {one.pid for child in started for one in [child, *below(child)]}


def has_ended(pid: int) -> bool:
    """Whether a process is gone, or waits only for whoever started it to look."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def below(process: psutil.Process) -> list[psutil.Process]:
    """All that a process has started and that runs."""
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []
