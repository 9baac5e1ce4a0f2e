"""What ``airunner chat`` shows of a turn: as a talk, as one answer, or as JSON.

Each screen is a context manager whose ``show`` takes every event of the run in
order, from one thread.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Self

from airunner.cli.console import err, out, print_json_line
from airunner.cli.narration import narrate
from airunner.cli.progress_bars import ProgressBars
from airunner.cli.safe_text import excerpt, safe
from airunner.cli.turn_ending import TurnEnding
from airunner.events import (
    Event,
    GenerationFinished,
    PermissionDecided,
    TextStreamed,
    ToolCallFinished,
    ToolCallStarted,
    TurnFinished,
)


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
    """The answer as it is written; between, dimmed, what tools returned and models did.

    Text is anybody's: a model may repeat what a web page told it. So what could
    steer the terminal is escaped in all of it.

    Args:
        shows_results: whether what a tool returned, or why it did not, is shown; not where
            the command tells it anyway.
    """

    def __init__(self, *, shows_results: bool = True) -> None:
        self._text = out()
        self._remarks = out()
        self._bars = ProgressBars()
        self._ending = TurnEnding()
        self._shows_results = shows_results
        self._in_line = self._said_anything = False
        self._denied: set[str] = set()

    def show(self, event: Event) -> None:
        """Show one event."""
        if self._bars.show(event):
            return
        self._ending.take(event)
        match event:
            case TextStreamed():
                self._stream(event)
            case TurnFinished():
                self._finish(event)
                self._said_anything = False
            case ToolCallFinished() if event.call in self._denied:
                pass  # told when it was decided
            case ToolCallFinished():
                self._show_result(event)
            case PermissionDecided(allowed=False):
                self._denied.add(event.call)
                self._remark(narrate(event.as_json()) if self._shows_results else None)
            case GenerationFinished(cached_tokens=0):
                pass
            case _:
                if isinstance(event, ToolCallStarted):
                    self._leave_text()
                self._remark(narrate(event.as_json()))

    def _stream(self, event: TextStreamed) -> None:
        style = "dim italic" if event.reasoning else None
        self._text.print(safe(event.text), end="", style=style, soft_wrap=True)
        self._text.file.flush()
        self._in_line = not event.text.endswith("\n")
        self._said_anything |= not event.reasoning

    def _leave_text(self) -> None:
        """What was said so far was not the answer: a tool is called."""
        self._said_anything = False

    def _show_result(self, event: ToolCallFinished) -> None:
        """What the tool returned, or all lines of what went wrong, below the line that says so."""
        if event.problem and not self._shows_results:
            return
        below = excerpt(event.problem or (event.result if self._shows_results else ""))
        if event.problem:
            event = replace(event, problem="".join(below[:1]))
            del below[:1]
        self._remark(narrate(event.as_json()))
        for line in below:
            self._remark(f"  {line}")

    def _finish(self, event: TurnFinished) -> None:
        if event.text.strip() and not self._said_anything:
            self._stream(TextStreamed(turn=event.turn, text=event.text))
        self._end_line()
        if (line := self._ending.in_words(event)) is not None:
            style = "red" if event.outcome == "failed" else "dim"
            self._remarks.print(line, style=style, soft_wrap=True)

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
        self._bars.close()


class AnswerScreen(TalkScreen):
    """The final text alone on stdout, everything else on stderr.

    On a terminal the text appears as it is written; into a pipe it goes, as it
    is, when it is known to be the answer. What was said before a tool call goes
    to stderr then.
    """

    def __init__(self, *, shows_results: bool = True) -> None:
        super().__init__(shows_results=shows_results)
        self._remarks = err()
        self._live = sys.stdout.isatty()
        self._unsaid = ""

    def _stream(self, event: TextStreamed) -> None:
        if event.reasoning:
            return
        if self._live:
            super()._stream(event)
        else:
            self._unsaid += event.text

    def _leave_text(self) -> None:
        super()._leave_text()
        if unsaid := self._unsaid.strip():
            self._remark(safe(unsaid))
        self._unsaid = ""

    def _finish(self, event: TurnFinished) -> None:
        super()._finish(event)
        self._unsaid = ""
        if not self._live and event.text.strip():
            sys.stdout.write(event.text.rstrip("\n") + "\n")
            sys.stdout.flush()
