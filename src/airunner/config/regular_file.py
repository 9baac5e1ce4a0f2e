"""Files of other people's making, opened once and looked at before anything is read.

Owns the refusal of what is no regular file: a named pipe has no end and no beginning, and
``/dev/zero`` a beginning only. The check is made on the file that is open, so that nobody
can put another one in its place between check and use.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

from airunner.config.byte_size import format_bytes


def open_regular(path: Path, buffering: int = -1) -> BinaryIO:
    """The file at ``path``, open for reading bytes. Returns at once, whatever lies there.

    Raises:
        OSError: it cannot be opened, or is no regular file; ``FileNotFoundError`` where there
            is nothing.
    """
    try:
        # Without O_NONBLOCK, opening a pipe waits for somebody who writes into it.
        opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except ValueError:  # a zero byte in its name
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path)) from None
    try:
        mode = os.fstat(opened).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "it is no regular file", str(path))
        os.set_blocking(opened, True)
        return open(opened, "rb", buffering=buffering)
    except BaseException:
        os.close(opened)
        raise


def read_regular(path: Path, most_bytes: int) -> bytes:
    """All of the file at ``path``.

    Raises:
        OSError: see ``open_regular``; or it has more than ``most_bytes``.
    """
    with open_regular(path) as file:
        # Also of a file that grows meanwhile no more is taken.
        data = file.read(most_bytes + 1)
    if len(data) > most_bytes:
        problem = f"it has more than {format_bytes(most_bytes)}"
        raise OSError(errno.EFBIG, problem, str(path))
    return data
