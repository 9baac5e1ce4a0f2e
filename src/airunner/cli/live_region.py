"""The last rows of a terminal: what changes stays there, what is final is printed above.

Owns what those rows show and for how long; rich draws them, and keeps whole whatever else is
written meanwhile, such as a line of the log. What they say is the caller's.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.live import Live
from rich.segment import Segment
from rich.text import Text

from airunner.durations import format_seconds

_PER_S = 5
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
        self._text: RenderableType | None = None
        self._status, self._since_s = "", 0.0
        self._live: Live | None = None

    def text(self, text: RenderableType | None) -> None:
        """What is not final yet."""
        self._text = text
        self._show()

    def status(self, words: str) -> None:
        """What happens now; empty for nothing. The seconds that it takes are counted."""
        if words != self._status:
            self._status, self._since_s = words, time.monotonic()
        self._show()

    def print(self, what: RenderableType, **how: Any) -> None:
        """Print above the region, for good."""
        self._console.print(what, **how)

    def close(self) -> None:
        """Erase the region; it comes back with what is next shown in it."""
        self._text, self._status = None, ""
        live, self._live = self._live, None
        if live is not None:
            live.stop()

    def _show(self) -> None:
        if self._live is None:
            if self._text is None and not self._status:
                return
            self._live = Live(
                self,
                console=self._console,
                transient=True,
                refresh_per_second=_PER_S,
                redirect_stdout=False,
                redirect_stderr=sys.stderr.isatty(),
                vertical_overflow="visible",
            )
            self._live.start()
            self._console.show_cursor(True)  # it stands where somebody types
        self._live.refresh()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        shown: list[RenderableType] = [] if self._text is None else [self._text]
        if self._status:
            seconds = time.monotonic() - self._since_s
            counted = (
                f" {format_seconds(round(seconds))}" if seconds >= _SHOWS_SECONDS_AFTER_S else ""
            )
            shown.append(_one_row(self._status + counted))
        if typed := self._typed():
            shown += [_one_row("> " + line) for line in typed.split("\n")]
        narrow = options.update(width=max(10, console.width - 1))
        rows = console.render_lines(Group(*shown or [""]), narrow, pad=False)
        room = max(1, console.height - _LEFT_FREE)
        for row in rows[-room:]:
            yield from row
            yield Segment.line()


def _one_row(words: str) -> Text:
    return Text(words, style="dim", no_wrap=True, overflow="ellipsis")
