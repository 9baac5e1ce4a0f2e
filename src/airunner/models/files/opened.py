"""A model's file, open for reading: a regular file, checked once it is open.

Owns what it means that one cannot be opened or read. Layouts are the readers' own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from airunner.config.regular_file import open_regular
from airunner.errors import UNREADABLE_ADVICE, CorruptWeightsError, MissingWeightsError


@contextmanager
def opened(path: Path, buffering: int = -1) -> Iterator[BinaryIO]:
    """The file at ``path`` for the body.

    Raises:
        MissingWeightsError: there is no such file.
        CorruptWeightsError: it is no regular file, or cannot be opened or read.
    """
    try:
        with open_regular(path, buffering) as file:
            yield file
    except (FileNotFoundError, NotADirectoryError):
        raise MissingWeightsError(path.name, (path,)) from None
    except OSError as error:
        problem = f"it cannot be read ({error.strerror})"
        raise CorruptWeightsError(path, problem, advice=UNREADABLE_ADVICE) from error
