"""The last rows of a terminal: what changes stays there, what is final is printed above.

Owns drawing and erasing those rows, and that nothing else that is written meanwhile, such as
a line of the log, is torn by them. What they say is the caller's.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from io import TextIOBase
from typing import Any, TextIO

from rich.console import Console, Group, RenderableType
from rich.segment import Segment, Segments
from rich.text import Text

_TICK_S = 0.2
_SHOWS_SECONDS_AFTER_S = 2.0
_LEFT_FREE = 4
"""Rows of the terminal that are never used, so that what is above can be seen to move."""


class LiveRegion:
    """Rows of ``console``: an open text, a line that says what happens, a line being typed.

    Args:
        console: a terminal that can move its cursor.
        typed: what was typed meanwhile, shown as long as there is any.
    """

    def __init__(self, console: Console, typed: Callable[[], str] = str) -> None:
        self._console, self._typed = console, typed
        self._lock = threading.RLock()
        self._text: RenderableType | None = None
        self._status, self._since_s = "", 0.0
        self._rows = 0
        self._drawn = ""
        self._prints = False
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._stderr: TextIO | None = None

    def text(self, text: RenderableType | None) -> None:
        """What is not final yet."""
        with self._lock:
            self._text = text
            self._draw()

    def status(self, words: str) -> None:
        """What happens now; empty for nothing. The seconds that it takes are counted."""
        with self._lock:
            if words != self._status:
                self._status, self._since_s = words, time.monotonic()
            self._draw()

    def print(self, what: RenderableType, **how: Any) -> None:
        """Print above the region, for good."""
        with self._lock:
            self._erase()
            self._prints = True
            try:
                self._console.print(what, **how)
            finally:
                self._prints = False
            self._draw()

    def close(self) -> None:
        """Erase the region; it comes back with what is next shown in it."""
        with self._lock:
            self._text, self._status = None, ""
            self._erase()
            if self._stderr is not None and isinstance(sys.stderr, _Above):
                sys.stderr = self._stderr
            self._stderr = None
            self._ended.set()
            thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def write_above(self, stream: TextIO, text: str) -> int:
        """Let somebody else write whole lines to a stream that leads to the same terminal."""
        with self._lock:
            if self._prints:  # our own text, in the middle of being written
                return stream.write(text)
            self._erase()
            written = stream.write(text)
            stream.flush()
            if text.endswith("\n"):
                self._draw()
            return written

    def _begin(self) -> None:
        if self._thread is None:
            self._ended = threading.Event()
            self._thread = threading.Thread(
                target=self._tick, args=(self._ended,), name="live region", daemon=True
            )
            self._thread.start()
        if self._stderr is None and sys.stderr.isatty():
            self._stderr = sys.stderr
            sys.stderr = _Above(self, sys.stderr)

    def _tick(self, ended: threading.Event) -> None:
        while not ended.wait(_TICK_S):
            with self._lock:
                if not ended.is_set():
                    self._draw()

    def _content(self) -> list[RenderableType]:
        shown: list[RenderableType] = [] if self._text is None else [self._text]
        if self._status:
            seconds = time.monotonic() - self._since_s
            counted = f" {seconds:.0f} s" if seconds >= _SHOWS_SECONDS_AFTER_S else ""
            shown.append(_one_row(self._status + counted))
        if typed := self._typed():
            shown += [_one_row("> " + line) for line in typed.split("\n")]
        return shown

    def _draw(self) -> None:
        content = self._content()
        if not content and not self._rows:
            return
        self._begin()
        options = self._console.options.update(width=max(10, self._console.width - 1))
        room = max(1, self._console.height - _LEFT_FREE)
        rows = self._console.render_lines(Group(*content), options, pad=False) if content else []
        segments: list[Segment] = []
        for row in rows[-room:]:
            segments += [*row, Segment.line()]
        with self._console.capture() as captured:
            self._console.print(Segments(segments[:-1]), end="", soft_wrap=True)
        drawn = captured.get()
        if drawn != self._drawn or not self._rows:
            self._write(_erasing(self._rows) + drawn)
            self._rows, self._drawn = min(len(rows), room), drawn

    def _erase(self) -> None:
        if self._rows:
            self._write(_erasing(self._rows))
            self._rows, self._drawn = 0, ""

    def _write(self, codes: str) -> None:
        file = self._console.file
        if isinstance(file, _Above):
            file = file.stream
        file.write(codes)
        file.flush()


class _Above(TextIOBase):
    """A stream whose lines are written above the region."""

    def __init__(self, region: LiveRegion, stream: TextIO) -> None:
        self._region, self.stream = region, stream

    def write(self, text: str) -> int:
        return self._region.write_above(self.stream, text)

    def flush(self) -> None:
        self.stream.flush()

    def isatty(self) -> bool:
        return self.stream.isatty()

    def fileno(self) -> int:
        return self.stream.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self.stream.encoding


def _one_row(words: str) -> Text:
    return Text(words, style="dim", no_wrap=True, overflow="ellipsis", end="")


def _erasing(rows: int) -> str:
    """Back to the beginning of the first of ``rows``, the cursor being in the last, all erased."""
    return "\r\x1b[2K" + "\x1b[1A\x1b[2K" * (rows - 1) if rows else ""
