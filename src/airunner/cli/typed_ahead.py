"""What is typed while nobody asks: kept for the next line, and not written into the answer.

Owns the terminal between two lines. Keys that mean something to a line editor, such as
arrows, are left out; Ctrl-C goes on to interrupt.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from codecs import getincrementaldecoder
from collections.abc import Iterator
from contextlib import contextmanager

from airunner.cli.safe_text import ESCAPES

_READ_BYTES = 4096
_ERASE, _KILL = "\x08\x7f", "\x15"


class TypedAhead:
    """Keeps what is typed on stdin during ``kept``."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._text = ""

    @property
    def text(self) -> str:
        """What was typed so far."""
        with self._lock:
            return self._text

    def take(self) -> str:
        """What was typed so far, for the line it waits for; then nothing is left of it."""
        with self._lock:
            text, self._text = self._text, ""
        return text.rstrip("\n")

    def put_before(self, text: str) -> None:
        """Let ``text`` wait for the next line too, before what was typed."""
        with self._lock:
            self._text = "\n".join(filter(None, (text, self._text)))

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Keep what is typed during the body, in which nobody else reads stdin."""
        try:
            import termios

            fd = sys.stdin.fileno()
            before = termios.tcgetattr(fd)
        except (ImportError, OSError, ValueError, termios.error):  # no such terminal
            yield
            return
        silent = [*before[:6], list(before[6])]
        silent[3] = (silent[3] | termios.NOFLSH) & ~(termios.ECHO | termios.ICANON)
        silent[6][termios.VMIN], silent[6][termios.VTIME] = 1, 0

        def silence(*_: object) -> None:
            termios.tcsetattr(fd, termios.TCSANOW, silent)

        # Between Ctrl-Z and `fg` the shell makes the terminal its own.
        continued = signal.signal(signal.SIGCONT, silence)
        ended, end = os.pipe()
        thread = threading.Thread(target=self._read, args=(fd, ended), name="typed ahead")
        try:
            # Nothing of what waits is thrown away, not even by an interrupt.
            silence()
            thread.start()
            yield
        finally:
            os.write(end, b".")
            if thread.ident is not None:
                thread.join()
            os.close(ended)
            os.close(end)
            signal.signal(signal.SIGCONT, continued)
            termios.tcsetattr(fd, termios.TCSANOW, before)

    def _read(self, fd: int, ended: int) -> None:
        decoder = getincrementaldecoder("utf-8")("replace")
        while True:
            ready = select.select([fd, ended], [], [])[0]
            if fd in ready:
                try:
                    data = os.read(fd, _READ_BYTES)
                except OSError:  # the terminal has gone
                    return
                if not data:
                    return
                self._add(decoder.decode(data))
            elif ended in ready:
                return

    def _add(self, typed: str) -> None:
        with self._lock:
            for character in ESCAPES.sub("", typed).replace("\r\n", "\n").replace("\r", "\n"):
                if character in _ERASE:
                    self._text = self._text[:-1]
                elif character == _KILL:
                    self._text = ""
                elif character.isprintable() or character == "\n":
                    self._text += character
