"""Files that are written whole or not at all, whatever ends the program meanwhile."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from airunner.config.byte_size import format_bytes
from airunner.errors import StorageError
from airunner.errors.writing import writing

_NO_FILE = "What is there stays; use another path."
_WRITE_LESS = "What was there stays; take something else out of it, or write less."


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


def write_whole(path: Path, text: str, most_bytes: int) -> None:
    """Put ``text`` in the place of what ``path`` holds, with the same mode; a link stays one.

    A new file, whose folders are made, is its user's alone. A device or a pipe, where a link
    may lead as well, is never replaced.

    Args:
        path: the file.
        text: all that it is to hold.
        most_bytes: what its reader takes; more would be a file that nobody can use any more.

    Raises:
        StorageError: it cannot be written, or would be too large; what was there stays.
    """
    path = Path(os.path.realpath(path))
    try:
        content = text.encode()
    except UnicodeEncodeError:
        raise StorageError(path, "the text has half a character", advice=_WRITE_LESS) from None
    if len(content) > most_bytes:
        problem = f"it would have more than {format_bytes(most_bytes)}"
        raise StorageError(path, problem, len(content), advice=_WRITE_LESS)
    with writing(path):
        if path.exists() and not path.is_file():
            raise StorageError(path, "it is no file", advice=_NO_FILE)
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as part:
            part.write_bytes(content)
            if path.exists():
                part.chmod(path.stat().st_mode & 0o777)
