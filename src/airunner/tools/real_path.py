"""Files reached without a symbolic link on the way, at the moment they are reached.

Owns the way from the root of the file system down. A path that was found to be inside a
folder may lead out of it an instant later, when somebody puts a link in its place: what is
checked by name and used by name is checked in vain. So each step is opened from the one
before, and none may be a link.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

# On Linux a folder can be gone through without the right to list it.
_FOLDER = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC | getattr(os, "O_PATH", os.O_RDONLY)


@contextmanager
def real_folder(path: Path) -> Iterator[int]:
    """A descriptor of the folder at ``path``, which is absolute and resolved, for the body.

    Raises:
        OSError: it is not there, or a part of it is no folder: a link, or a file.
    """
    opened = os.open(path.anchor, _FOLDER)
    try:
        for part in path.parts[1:]:
            opened = _stepped(opened, part)
        yield opened
    finally:
        os.close(opened)


@contextmanager
def made_folder(path: Path) -> Iterator[int]:
    """The same; what is missing of it is made, and goes again if the body fails.

    Raises:
        OSError: see ``real_folder``; or it cannot be made.
    """
    opened = os.open(path.anchor, _FOLDER)
    made: list[tuple[int, str]] = []
    try:
        try:
            for part in path.parts[1:]:
                with suppress(FileExistsError):
                    if not _is_there(opened, part):
                        os.mkdir(part, dir_fd=opened)
                        made.append((os.dup(opened), part))
                opened = _stepped(opened, part)
            yield opened
        except BaseException:
            for above, part in reversed(made):
                with suppress(OSError):  # somebody uses it meanwhile
                    os.rmdir(part, dir_fd=above)
            raise
    finally:
        os.close(opened)
        for above, _ in made:
            os.close(above)


def open_real(path: Path) -> BinaryIO:
    """The regular file at ``path``, which is absolute and resolved, open for reading.

    Raises:
        OSError: it is not there, is no regular file, or a link is on the way to it.
    """
    if "\0" in str(path):
        raise OSError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    with real_folder(path.parent) as folder:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        opened = os.open(path.name, flags, dir_fd=folder)
    try:
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            raise OSError(errno.EINVAL, "it is no regular file", str(path))
        return open(opened, "rb")
    except BaseException:
        os.close(opened)
        raise


def _stepped(folder: int, part: str) -> int:
    """``part`` of ``folder``, whose descriptor is closed if that can be opened."""
    opened = os.open(part, _FOLDER, dir_fd=folder)
    os.close(folder)
    return opened


def _is_there(folder: int, part: str) -> bool:
    try:
        os.stat(part, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True
