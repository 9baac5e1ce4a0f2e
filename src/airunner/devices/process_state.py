"""Whether a process goes on, or does nothing until somebody lets it."""

from __future__ import annotations


def is_stopped(pid: int) -> bool:
    """Whether a signal, such as Ctrl-Z sends, has stopped process ``pid``; false if it is gone."""
    import psutil

    try:
        return psutil.Process(pid).status() == psutil.STATUS_STOPPED
    except (psutil.Error, ValueError):
        return False
