"""Files that are written whole or not at all, whatever ends the program meanwhile."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from airunner.errors.writing import writing


@contextmanager
def whole_file(target: Path) -> Iterator[Path]:
    """A file, 0600, that becomes ``target`` when the body succeeds, and else is removed.

    Raises:
        OSError: it cannot be made.
    """
    part = target.with_name(f".{target.name}.{uuid4().hex}")
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        yield part
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def write_whole(path: Path, text: str) -> None:
    """Put ``text`` in the place of what ``path`` holds, with the same mode; a link stays one.

    A new file, whose folders are made, is its user's alone.

    Raises:
        StorageError: it cannot be written; what was there stays.
    """
    path = path.resolve()
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as part:
            part.write_text(text, encoding="utf-8", newline="")
            if path.exists():
                part.chmod(path.stat().st_mode & 0o777)
