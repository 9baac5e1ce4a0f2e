"""Room on the disk: what is free, and what fetches that run have yet to write.

Owns that several fetches at once do not each count on the same free bytes.
"""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path

from airunner.errors import StorageError


def free_bytes_at(folder: Path) -> int:
    """What is free on the disk where ``folder`` is, or would be made."""
    existing = next(f for f in (folder, *folder.parents) if f.is_dir() and os.access(f, os.X_OK))
    return shutil.disk_usage(existing).free


def require_space(folder: Path, needed_bytes: int, claimed_bytes: int = 0) -> None:
    """Refuse now what could not be finished.

    Raises:
        StorageError: the file system of ``folder`` has fewer than ``needed_bytes`` free, beside
            ``claimed_bytes`` that others still need.
    """
    free_bytes = free_bytes_at(folder)
    if free_bytes - claimed_bytes < needed_bytes:
        others = f", of which other downloads need {claimed_bytes:,}" if claimed_bytes else ""
        raise StorageError(folder, f"only {free_bytes:,} bytes are free{others}", needed_bytes)


class DiskClaims:
    """Bytes that each fetch in progress has yet to write. Used from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._claimed: dict[str, int] = {}

    def claim(self, owner: str, folder: Path, needed_bytes: int) -> None:
        """Keep ``needed_bytes`` for ``owner``, in place of an earlier claim of theirs.

        Raises:
            StorageError: there are not so many beside what others have claimed.
        """
        with self._lock:
            others = sum(n for each, n in self._claimed.items() if each != owner)
            require_space(folder, needed_bytes, others)
            self._claimed[owner] = needed_bytes

    def shrink(self, owner: str, left_bytes: int) -> None:
        """Some of what ``owner`` claimed is written: ``left_bytes`` are not."""
        with self._lock:
            if owner in self._claimed:
                self._claimed[owner] = left_bytes

    def release(self, owner: str) -> None:
        """``owner`` writes no more."""
        with self._lock:
            self._claimed.pop(owner, None)
