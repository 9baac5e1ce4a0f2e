"""A text file that the program shares with its user, written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from airunner.errors import StorageError

_MODE = 0o600


def write_whole(path: Path, text: str) -> None:
    """Put ``text`` in the place of what ``path`` holds, with the same mode; a link stays one.

    A new file, whose folders are made, is its user's alone.

    Raises:
        StorageError: it cannot be written; what was there stays.
    """
    path = path.resolve()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        part = Path(name)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
                file.write(text)
            part.chmod(path.stat().st_mode & 0o777 if path.exists() else _MODE)
            part.replace(path)
        except BaseException:
            with suppress(OSError):
                part.unlink()
            raise
    except OSError as error:
        raise StorageError(path, error.strerror or str(error)) from error
