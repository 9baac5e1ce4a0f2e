"""A private folder that lives as long as this process and is swept up after a crash.

A locked file inside marks the folder as in use; the operating system drops the
lock when the process ends, however it ends, so the next start can tell a stale
folder from a live one without trusting process ids.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from pathlib import Path

from airunner.config.file_lock import open_lock, try_lock
from airunner.errors.writing import writing

PREFIX = "airunner-"
LOCK = "in-use"


class SessionFolder:
    """``with SessionFolder(parent) as folder: folder.path``; mode 0700, gone afterwards.

    Raises:
        StorageError: the parent cannot be written.
    """

    def __init__(self, parent: Path) -> None:
        with writing(parent):
            parent.mkdir(parents=True, exist_ok=True)
            self.path, self._lock = _make_locked(parent)

    def __enter__(self) -> SessionFolder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove the folder and everything in it. Safe to call twice."""
        if self._lock >= 0:
            shutil.rmtree(self.path, ignore_errors=True)
            os.close(self._lock)
            self._lock = -1


def _make_locked(parent: Path) -> tuple[Path, int]:
    while True:
        path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        lock = open_lock(path / LOCK)
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (path / LOCK).exists():
            return path, lock
        # Another process swept the folder up between the making of the file and its lock.
        os.close(lock)


def swept_session_folder(parent: Path) -> SessionFolder:
    """A new folder in ``parent``, once those whose process is gone have been removed."""
    sweep_stale_folders(parent)
    return SessionFolder(parent)


def is_writable(folder: Path) -> bool:
    """Whether this user may make files in ``folder``, or make it; a full disk does not count."""
    try:
        while not folder.exists():
            folder = folder.parent
    except OSError:
        return False
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)


def sweep_stale_folders(parent: Path) -> int:
    """Remove folders whose process is gone; return how many. Those of others are left alone."""
    swept = 0
    for folder in parent.glob(f"{PREFIX}*"):
        try:
            lock = os.open(folder / LOCK, os.O_RDWR)
        except OSError:
            continue  # somebody else's, or being made or removed at this moment
        if try_lock(lock):
            shutil.rmtree(folder, ignore_errors=True)
            swept += 1
        os.close(lock)
    return swept
