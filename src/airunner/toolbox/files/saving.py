"""Files written whole or not at all.

Owns the order of steps that makes it so: everything goes into a new file beside the
old one, onto the disk, and only then takes its name. What fails leaves the old file
as it was and nothing else.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from airunner.errors import ToolFailedError, ToolRetryError
from airunner.errors.system_words import system_words
from airunner.tools.real_path import made_folder, open_real, real_folder

MOST_BYTES = 50_000_000
"""The largest text file that is changed in place."""


@contextmanager
def written(path: Path, tool: str, *, replace: bool = True) -> Iterator[BinaryIO]:
    """A file that becomes the one at ``path`` if the body ends well, and else vanishes.

    The folders of ``path`` are made if need be. With ``replace`` false nothing is overwritten.

    Raises:
        ToolRetryError: a part of the path is a file, or a link by now.
        ToolFailedError: it could not be written; the disk may be full, or the name taken.
    """
    with _explained(path, tool), _folder_of(path) as folder:
        beside = f".{uuid4().hex}.part"
        try:
            with _opened(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, folder) as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
                if replace:
                    _take_mode(path.name, file, folder)
            if replace:
                os.replace(beside, path.name, src_dir_fd=folder, dst_dir_fd=folder)
            else:
                _give_free_name(beside, path.name, folder)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(beside, dir_fd=folder)


def copy(source: Path, path: Path, tool: str, *, replace: bool = True) -> None:
    """Make ``path`` a file with the content and the time of ``source``.

    Raises:
        ToolRetryError: a part of the path is a file, or a link by now.
        ToolFailedError: it could not be read or written; or its name is taken.
    """
    with written(path, tool, replace=replace) as file, open_real(source) as original:
        shutil.copyfileobj(original, file)
        file.flush()
        state = os.fstat(original.fileno())
        with suppress(OSError):  # not every file system keeps them
            os.fchmod(file.fileno(), stat.S_IMODE(state.st_mode))
            os.utime(file.fileno(), ns=(state.st_atime_ns, state.st_mtime_ns))


def move(source: Path, path: Path, tool: str) -> None:
    """Give the file at ``source`` another name, in a folder that is made if need be.

    Raises:
        ToolRetryError: a part of the path is a file, or a link by now.
        ToolFailedError: it could not be moved.
    """
    with (
        _explained(path, tool),
        _folder_of(path) as folder,
        real_folder(source.parent) as before,
    ):
        try:
            os.rename(source.name, path.name, src_dir_fd=before, dst_dir_fd=folder)
        except OSError:
            # Another disk may be mounted inside the folder. Copied whole before the original goes.
            copy(source, path, tool)
            os.unlink(source.name, dir_fd=before)
            return
        # A link may have taken the file's place since it was looked at.
        if not stat.S_ISREG(os.stat(path.name, dir_fd=folder, follow_symlinks=False).st_mode):
            os.rename(path.name, source.name, src_dir_fd=folder, dst_dir_fd=before)
            raise OSError(errno.EINVAL, "it is no regular file", source.name)


def append(path: Path, data: bytes, tool: str) -> None:
    """Add ``data`` to the end of the file at ``path``; what is there is not written again.

    Raises:
        ToolFailedError: it could not be written; the file is as it was.
    """
    with (
        _explained(path, tool),
        real_folder(path.parent) as folder,
        _opened(path.name, os.O_WRONLY, folder, buffering=0) as file,
    ):
        end = file.seek(0, os.SEEK_END)
        try:
            written = 0
            while written < len(data):
                written += file.write(data[written:])
            os.fsync(file.fileno())
        except OSError:
            file.truncate(end)
            raise


def _opened(name: str, flags: int, folder: int, buffering: int = -1) -> BinaryIO:
    """The regular file ``name`` of ``folder``, itself and not what a link would lead to."""
    flags |= os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    opened = os.open(name, flags, 0o666, dir_fd=folder)
    if not stat.S_ISREG(os.fstat(opened).st_mode):
        os.close(opened)
        raise OSError(errno.EINVAL, "it is no regular file", name)
    return open(opened, "wb", buffering)  # cuts nothing off what is open


def _take_mode(name: str, file: BinaryIO, folder: int) -> None:
    """Let ``file`` have the mode of the file that it replaces, if there is one."""
    with suppress(FileNotFoundError):
        state = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if stat.S_ISREG(state.st_mode):
            os.fchmod(file.fileno(), stat.S_IMODE(state.st_mode))


def _give_free_name(file: str, name: str, folder: int) -> None:
    """Make ``file`` known as ``name``, which a plain rename would overwrite."""
    try:
        os.link(file, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        _opened(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, folder).close()
        try:
            os.replace(file, name, src_dir_fd=folder, dst_dir_fd=folder)
        except OSError:
            os.unlink(name, dir_fd=folder)
            raise


@contextmanager
def _folder_of(path: Path) -> Iterator[int]:
    """The folder above ``path``; what was missing of it goes again if the body fails."""
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(made_folder(path.parent))
        except (FileExistsError, NotADirectoryError) as error:
            problem = f"A part of {path} is a file or a link, and cannot be a folder."
            raise ToolRetryError(problem) from error
        yield folder


@contextmanager
def _explained(path: Path, tool: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        problem = f"{path.name} could not be written: {system_words(error)}"
        raise ToolFailedError(tool, f"{problem}. Nothing was changed.") from error
