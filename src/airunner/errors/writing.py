"""The system's refusal to store bytes, told as our error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from airunner.errors import StorageError
from airunner.errors.system_words import system_words


@contextmanager
def writing(path: Path, needed_bytes: int | None = None) -> Iterator[None]:
    """Have what the system refuses in the body raised as a ``StorageError`` about ``path``."""
    try:
        yield
    except OSError as error:
        raise StorageError(path, system_words(error), needed_bytes) from error
