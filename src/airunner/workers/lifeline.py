"""A process that ends when the one that started it does.

Owns the child's end of the pipe whose closing means "the parent is gone",
however it went: stopped, crashed, or killed with -9.

While a model loads, the engine holds Python's interpreter lock for seconds, so
no Python thread could notice the closing. The kernel does: an asynchronous
pipe (``O_ASYNC``) sends ``SIGIO`` to its owner, and the default action of
``SIGIO`` ends the process. ``PR_SET_PDEATHSIG`` would not do, because it fires
when the *thread* that started the child ends, and exists on Linux only.
"""

from __future__ import annotations

import fcntl
import os
import select
import threading
from collections.abc import Iterator
from contextlib import contextmanager

PARENT_CHECK_S = 2.0
"""How often an idle child compares its parent's id, in case the pipe is held open elsewhere."""

_WATCH_MS = 100


def kill_on_close(fd: int, pid: int) -> None:
    """Let the kernel end process ``pid`` when the last writer of ``fd``'s pipe is gone."""
    fcntl.fcntl(fd, fcntl.F_SETOWN, pid)
    fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_ASYNC)


class Lifeline:
    """The read end of the pipe to the parent, file descriptor ``fd``."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._parent = os.getppid()
        self._buffer = b""

    def read_line(self) -> bytes | None:
        """Wait for one line from the parent; ``None`` when the parent is gone."""
        while b"\n" not in self._buffer:
            if not self._readable():
                return None
            piece = os.read(self._fd, 65536)
            if not piece:
                return None
            self._buffer += piece
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def wait_until_cut(self) -> None:
        """Return when the parent is gone."""
        while self._readable() and os.read(self._fd, 65536):
            pass

    @contextmanager
    def deadly(self) -> Iterator[None]:
        """Inside the body the kernel ends this process as soon as the parent is gone."""
        kill_on_close(self._fd, os.getpid())
        if select.select([self._fd], [], [], 0)[0]:
            os._exit(0)  # It went before the kernel was told to watch.
        try:
            yield
        finally:
            fcntl.fcntl(self._fd, fcntl.F_SETFL, fcntl.fcntl(self._fd, fcntl.F_GETFL) & ~os.O_ASYNC)

    def outlast(self, work: threading.Thread) -> None:
        """Return when ``work`` is done; end this process if the parent is gone before.

        Unlike with ``deadly``, lines from the parent may arrive meanwhile and are kept.
        For work that lets other threads run, such as importing a library.
        """
        hang_up = select.poll()
        hang_up.register(self._fd, 0)  # only the hang-up, which cannot be left out
        while work.is_alive():
            if hang_up.poll(_WATCH_MS) or os.getppid() != self._parent:
                os._exit(0)

    def _readable(self) -> bool:
        """Wait for input or end of file; false when the process has been adopted by another.

        A process forked from the parent may hold the pipe open after the
        parent's death, so the parent's id is compared as well.
        """
        while os.getppid() == self._parent:
            if select.select([self._fd], [], [], PARENT_CHECK_S)[0]:
                return True
        return False
