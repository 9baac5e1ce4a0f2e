"""What a server writes to stderr, kept in a file that does not grow for ever.

Owns the two halves of that ring: when the file is full it becomes ``NAME.log.1``, and the
one before it goes.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

HALF_BYTES = 512 * 1024
"""The largest file; there are two at most."""

_LAST_BYTES = 4096


class ServerLog:
    """The log at ``path``, begun anew. What cannot be written is left out."""

    def __init__(self, path: Path, half_bytes: int = HALF_BYTES) -> None:
        self._path, self._half_bytes = path, half_bytes
        self._size = 0
        self._last = b""
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"")

    def write(self, data: bytes) -> None:
        """Add to the log."""
        self._last = (self._last + data)[-_LAST_BYTES:]
        data = data[-self._half_bytes :]
        with suppress(OSError):
            if self._size + len(data) > self._half_bytes:
                os.replace(self._path, self._path.with_suffix(f"{self._path.suffix}.1"))
                self._size = 0
            with self._path.open("ab") as file:
                file.write(data)
            self._size += len(data)

    @property
    def last_line(self) -> str:
        """The last line that says something, or the end of it; empty if there is none."""
        lines = self._last.decode("utf-8", "replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")
