"""Locks that the operating system drops when a process ends, however it ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


def open_lock(path: Path) -> int:
    """A descriptor of the file to lock, made 0600 if there is none; closing it lets go.

    Raises:
        OSError: it cannot be opened or made.
    """
    return os.open(path, os.O_CREAT | os.O_RDWR, 0o600)


def try_lock(file: int, *, shared: bool = False) -> bool:
    """Whether the lock was to be had, alone or ``shared``; returns at once."""
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
