"""A command on a terminal of its own: what a person would see, and typing into it."""

from __future__ import annotations

import os
import pty
import select
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager


class Terminal:
    """A running command whose stdin and stderr are a terminal; its stdout may be a pipe."""

    def __init__(self, process: subprocess.Popen[str], master: int) -> None:
        self.process = process
        self._master = master
        self.seen = ""

    def wait_for(self, text: str) -> str:
        """Read the terminal until ``text`` is there; everything seen so far."""
        while text not in self.seen:
            piece = os.read(self._master, 4096)
            assert piece, f"the terminal closed; it showed {self.seen!r}"
            self.seen += piece.decode(errors="replace")
        return self.seen

    def shows_something(self, within_s: float) -> bool:
        """Whether there is more to read before the time is over."""
        return bool(select.select([self._master], [], [], within_s)[0])

    def type(self, line: str) -> None:
        """Type a line."""
        os.write(self._master, f"{line}\n".encode())

    def press(self, keys: str) -> None:
        """Type without a line's end, such as ``\\x04`` for Ctrl-D."""
        os.write(self._master, keys.encode())

    def finish(self) -> tuple[int, str]:
        """The exit code and what went to stdout."""
        stdout = self.process.stdout.read() if self.process.stdout else ""
        return self.process.wait(), stdout


@contextmanager
def on_a_terminal(
    line: list[str], environ: dict[str, str], *, whole: bool = False
) -> Iterator[Terminal]:
    """Run ``line`` for the body; what still runs then is ended.

    With ``whole``, stdout is the terminal too, one that can tell a pasted text.
    """
    master, slave = pty.openpty()
    try:
        with subprocess.Popen(
            line,
            env={**environ, "TERM": "xterm" if whole else "dumb", "COLUMNS": "200"},
            stdin=slave,
            stderr=slave,
            stdout=slave if whole else subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process:
            os.close(slave)
            try:
                yield Terminal(process, master)
            finally:
                process.kill()
    finally:
        os.close(master)
