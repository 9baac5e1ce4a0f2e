"""Files written whole or not at all.

Owns the order of steps that makes it so: everything goes into a new file beside the
old one, onto the disk, and only then takes its name. What fails leaves the old file
as it was and nothing else.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from airunner.errors import ToolFailedError, ToolRetryError

MOST_BYTES = 50_000_000
"""The largest text file that is changed in place."""


@contextmanager
def written(path: Path, tool: str, *, replace: bool = True) -> Iterator[BinaryIO]:
    """A file that becomes the one at ``path`` if the body ends well, and else vanishes.

    The folders of ``path`` are made if need be. With ``replace`` false nothing is overwritten.

    Raises:
        ToolRetryError: a part of the path is a file.
        ToolFailedError: it could not be written; the disk may be full, or the name taken.
    """
    with _explained(path, tool), _folders_of(path):
        beside = path.with_name(f".{uuid4().hex}.part")
        try:
            with beside.open("xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            if not replace:
                _give_free_name(beside, path)
            else:
                if path.exists():
                    shutil.copymode(path, beside)
                beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)


def copy(source: Path, path: Path, tool: str) -> None:
    """Make ``path`` a file with the content and the time of ``source``.

    Raises:
        ToolRetryError: a part of the path is a file.
        ToolFailedError: it could not be read or written.
    """
    with written(path, tool) as file, source.open("rb") as original:
        shutil.copyfileobj(original, file)
    with suppress(OSError):  # not every file system keeps them
        shutil.copystat(source, path)


def move(source: Path, path: Path, tool: str) -> None:
    """Give the file at ``source`` another name, in a folder that is made if need be.

    Raises:
        ToolRetryError: a part of the path is a file.
        ToolFailedError: it could not be moved.
    """
    with _explained(path, tool), _folders_of(path):
        try:
            source.rename(path)
        except OSError:
            # Another disk may be mounted inside the folder. Copied whole before the original goes.
            copy(source, path, tool)
            source.unlink()


def append(path: Path, data: bytes, tool: str) -> None:
    """Add ``data`` to the end of the file at ``path``; what is there is not written again.

    Raises:
        ToolFailedError: it could not be written; the file is as it was.
    """
    with _explained(path, tool), path.open("r+b", buffering=0) as file:
        end = file.seek(0, os.SEEK_END)
        try:
            written = 0
            while written < len(data):
                written += file.write(data[written:])
            os.fsync(file.fileno())
        except OSError:
            file.truncate(end)
            raise


def _give_free_name(file: Path, path: Path) -> None:
    """Make ``file`` known as ``path``, which a plain rename would overwrite."""
    try:
        path.hardlink_to(file)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        path.touch(exist_ok=False)
        try:
            file.replace(path)
        except OSError:
            path.unlink()
            raise


@contextmanager
def _folders_of(path: Path) -> Iterator[None]:
    """Make the folders above ``path``; those that were missing go again if the body fails."""
    missing = [folder for folder in path.parents if not folder.is_dir()]
    try:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise ToolRetryError(f"A part of {path} is a file and cannot be a folder.") from error
        yield
    except BaseException:
        for folder in missing:
            with suppress(OSError):
                folder.rmdir()
        raise


@contextmanager
def _explained(path: Path, tool: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        problem = f"{path.name} could not be written: {error.strerror or error}"
        raise ToolFailedError(tool, f"{problem}. Nothing was changed.") from error
