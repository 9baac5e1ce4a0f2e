"""What ``airunner chat`` shows of a turn: as a talk, as one answer, or as JSON.

Each screen is a context manager whose ``show`` takes every event of the run in
order, from one thread.
"""

from __future__ import annotations

import sys
from typing import Self

from airunner.cli.console import err, out, print_json_line
from airunner.cli.download_bar import DownloadBar
from airunner.cli.narration import narrate
from airunner.cli.step_bar import StepBar
from airunner.events import Event, GenerationFinished, TextStreamed, TurnFinished


class JsonScreen:
    """Every event as a line of JSON on stdout."""

    def show(self, event: Event) -> None:
        """Print it."""
        print_json_line(event.as_json())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is kept open."""


class TalkScreen:
    """The answer as it is written; what happened to models and memory between, dimmed."""

    def __init__(self) -> None:
        self._text = out()
        self._remarks = out()
        self._bars = (DownloadBar(), StepBar())
        self._in_line = False

    def show(self, event: Event) -> None:
        """Show one event."""
        # Each sees every event: what one draws ends the other.
        taken = [bar.show(event) for bar in self._bars]
        if any(taken):
            return
        if isinstance(event, TextStreamed):
            self._stream(event)
        elif isinstance(event, TurnFinished):
            self._finish(event)
        elif not isinstance(event, GenerationFinished) or event.cached_tokens:
            self._remark(narrate(event.as_json()))

    def _stream(self, event: TextStreamed) -> None:
        style = "dim italic" if event.reasoning else None
        self._text.print(event.text, end="", style=style, soft_wrap=True)
        self._text.file.flush()
        self._in_line = not event.text.endswith("\n")

    def _finish(self, event: TurnFinished) -> None:
        self._end_line()
        if event.outcome == "failed":
            self._remarks.print(f"error: {event.problem}", style="red")
        elif event.outcome != "answered":
            self._remark(f"({event.outcome.replace('_', ' ')})")

    def _remark(self, line: str | None) -> None:
        if line is not None:
            self._end_line()
            self._remarks.print(line, style="dim", soft_wrap=True)

    def _end_line(self) -> None:
        if self._in_line:
            self._text.print()
            self._in_line = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end_line()
        for bar in self._bars:
            bar.close()


class AnswerScreen(TalkScreen):
    """The final text alone on stdout, everything else on stderr.

    On a terminal the text appears as it is written; into a pipe it goes when
    it is known to be the answer and not what was said before a tool call.
    """

    def __init__(self) -> None:
        super().__init__()
        self._remarks = err()
        self._live = sys.stdout.isatty()

    def _stream(self, event: TextStreamed) -> None:
        if self._live and not event.reasoning:
            super()._stream(event)

    def _finish(self, event: TurnFinished) -> None:
        super()._finish(event)
        if not self._live and event.text:
            sys.stdout.write(event.text.rstrip("\n") + "\n")
            sys.stdout.flush()
