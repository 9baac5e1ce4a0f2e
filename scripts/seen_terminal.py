"""A terminal that is looked at: a command in it, keys pressed, and what a person would see.

Owns the pseudo-terminal and its picture, which pyte draws. Sizes are columns and rows.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

import pyte

_READ_BYTES = 65536
_POLL_S = 0.1
_QUIET_S = 0.4


class SeenTerminal:
    """A running command and its screen."""

    def __init__(self, process: subprocess.Popen[bytes], master: int, columns: int, rows: int):
        self.process = process
        self._master = master
        self._screen = pyte.HistoryScreen(columns, rows, history=10_000, ratio=0.5)
        self._stream = pyte.ByteStream(self._screen)
        self.raw = b""

    @property
    def text(self) -> str:
        """Everything that was seen, what has scrolled away too, without blanks at line ends."""
        width = self._screen.columns
        gone = ["".join(line[x].data for x in range(width)) for line in self._screen.history.top]
        lines = [line.rstrip() for line in (*gone, *self._screen.display)]
        return "\n".join(lines).rstrip()

    @property
    def row(self) -> int:
        """The row that the cursor stands in, counted from the first that was ever written."""
        return len(self._screen.history.top) + int(self._screen.cursor.y)

    @property
    def current_line(self) -> str:
        """The row that the cursor stands in."""
        return self._screen.display[self._screen.cursor.y].rstrip()

    def press(self, keys: str) -> None:
        """Type ``keys``, such as ``\\r`` for Enter."""
        os.write(self._master, keys.encode())

    def wait_for(self, text: str, limit_s: float = 300.0, *, after: int = 0) -> None:
        """Go on when ``text`` can be seen beyond the first ``after`` characters.

        Raises:
            TimeoutError: it did not come.
        """
        ends_s = time.monotonic() + limit_s
        while text not in self.text[after:]:
            if time.monotonic() > ends_s or not self._read():
                raise TimeoutError(f"no {text!r} in:\n{self.text}")

    def enter(self, line: str, limit_s: float = 300.0) -> None:
        """Type ``line`` and Enter, and go on when a later row waits for the next."""
        row = self.row
        self.press(f"{line}\r")
        self.wait_for_prompt(limit_s=limit_s, below=row)

    def wait_for_prompt(self, sign: str = ">", limit_s: float = 300.0, *, below: int = -1) -> None:
        """Go on when nothing is written any more and the cursor stands behind ``sign``.

        It stands in a later row than ``below``: what waits in that one is of before.
        """
        ends_s = time.monotonic() + limit_s
        while self._has_more(_QUIET_S) or self.row <= below or self.current_line != sign:
            if time.monotonic() > ends_s or not self._read():
                raise TimeoutError(f"no prompt in:\n{self.text}")

    def end(self) -> int:
        """Read to the end; the exit code."""
        while self._read():
            pass
        return self.process.wait()

    def _has_more(self, within_s: float) -> bool:
        return bool(select.select([self._master], [], [], within_s)[0])

    def _read(self) -> bool:
        """Draw what has been written; false when the command has closed the terminal."""
        if not self._has_more(_POLL_S):
            return True
        with suppress(OSError):
            if data := os.read(self._master, _READ_BYTES):
                self.raw += data
                self._stream.feed(data)
                return True
        return False


@contextmanager
def seen_terminal(
    command: Sequence[str], environ: Mapping[str, str], columns: int = 80, rows: int = 24
) -> Iterator[SeenTerminal]:
    """Run ``command`` for the body; what still runs then is ended."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    inherited = {name: value for name, value in environ.items() if name not in ("COLUMNS", "LINES")}
    try:
        with subprocess.Popen(
            command,
            env={"TERM": "xterm-256color", **inherited},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=_take_terminal,
        ) as process:
            os.close(slave)
            try:
                yield SeenTerminal(process, master, columns, rows)
            finally:
                process.kill()
    finally:
        os.close(master)


def _take_terminal() -> None:
    """Make it the one that Ctrl-C is pressed on."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
