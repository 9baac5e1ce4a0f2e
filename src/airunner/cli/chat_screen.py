"""What ``airunner chat`` shows of a turn: as a talk, as one answer, or as JSON.

Each screen is a context manager whose ``show`` takes every event of the run in
order, from one thread. On a terminal answers are rendered, and what happens meanwhile is
one line that goes away; into a pipe answers go as they are, and everything else to stderr. Of
that a single answer tells little: what went wrong, and all of it with --verbose.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Self

from rich.padding import Padding
from rich.text import Text

from airunner.cli.answer_pipe import AnswerPipe
from airunner.cli.console import err, moves_cursor, out, print_json_line
from airunner.cli.flags import is_verbose
from airunner.cli.live_region import LiveRegion
from airunner.cli.narration import narrate
from airunner.cli.progress_bars import ProgressBars
from airunner.cli.safe_text import excerpt, safe
from airunner.cli.status_words import StatusWords
from airunner.cli.tool_results import result_lines, told_on_terminal
from airunner.cli.turn_ending import TurnEnding
from airunner.events import (
    Event,
    GenerationFinished,
    PermissionAsked,
    PermissionDecided,
    TextStreamed,
    ToolCallFinished,
    ToolCallStarted,
    TurnFinished,
    TurnStarted,
)

if TYPE_CHECKING:
    from airunner.cli.rendered_answer import RenderedAnswer

_THOUGHT_ROWS = 4
_QUIET = {
    "conversation_switched",
    "history_trimmed",
    "memory_awaited",
    "model_load_failed",
    "permission_decided",
    "picture_saved",
    "reminder_due",
    "specialist_failed",
    "tool_refused",
    "tool_server_failed",
    "worker_died",
}
"""Events that are told for good on a terminal; of all others there is the line of what happens."""


class JsonScreen:
    """Every event as a line of JSON on stdout."""

    def show(self, event: Event) -> None:
        """Print it."""
        print_json_line(event.as_json())

    def rest(self) -> None:
        """Nothing of it is in the way of a line that is typed."""

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
        typed: what is being typed meanwhile.
    """

    _is_talk = True

    def __init__(self, *, shows_results: bool = True, typed: Callable[[], str] = str) -> None:
        self._shows_results = shows_results
        self._text, self._remarks = out(), err()
        self._is_rendered = moves_cursor(self._text)
        lives = moves_cursor(self._remarks)
        if self._is_rendered and (lives or self._is_talk):
            self._remarks, lives = self._text, True
        self._region: LiveRegion | None = None
        self._answer: RenderedAnswer | None = None
        if self._is_rendered or lives:
            self._region = LiveRegion(self._text if self._is_rendered else self._remarks, typed)
        if self._is_rendered and self._region is not None:
            from airunner.cli.rendered_answer import RenderedAnswer

            self._answer = RenderedAnswer(self._region, self._text)
        self._tells_status = lives
        is_watched = self._is_talk or self._remarks.is_terminal
        self._tells_all = is_verbose() or (is_watched and not lives)
        self._status = StatusWords()
        self._bars = ProgressBars()
        self._ending = TurnEnding()
        self._in_turn = not self._is_talk
        self._in_line = self._said_anything = False
        self._needs_gap = self._gap_before_text = False
        self._thought = ""
        self._denied: set[str] = set()
        self._told: list[str] = []

    def show(self, event: Event) -> None:
        """Show one event."""
        if self._bars.shows(event) and self._region is not None:
            self._region.close()
        if self._bars.show(event):
            return
        self._ending.take(event)
        words = self._status.take(event)
        match event:
            case TurnStarted():
                self._in_turn, self._needs_gap = True, self._is_rendered and self._is_talk
            case TextStreamed(reasoning=True):
                self._think(event.text)
            case TextStreamed() if self._is_told(event.text):
                pass
            case TextStreamed():
                self._forget_thought()
                self._stream(event)
            case TurnFinished():
                self._forget_thought()
                self._finish(event)
                self._said_anything = False
                self._in_turn = not self._is_talk
            case ToolCallFinished() if event.call in self._denied:
                pass  # told when it was decided
            case ToolCallFinished():
                self._show_result(event)
            case PermissionDecided(allowed=False):
                self._denied.add(event.call)
                self._remark(narrate(event.as_json()) if self._shows_results else None)
            case PermissionAsked():
                self._forget_thought()
                self.rest()
            case GenerationFinished(cached_tokens=0):
                pass
            case _:
                if isinstance(event, ToolCallStarted):
                    self._forget_thought()
                    self._leave_text()
                if self._tells_all or event.kind in _QUIET:
                    self._remark(narrate(event.as_json()))
        if self._region is not None and self._tells_status and self._in_turn and words is not None:
            self._region.status(words)

    def rest(self) -> None:
        """Take away what changes: somebody is going to type."""
        self._end_line()
        if self._region is not None:
            self._region.close()

    def _stream(self, event: TextStreamed) -> None:
        self._said_anything = True
        if self._answer is not None:
            self._gap()
            self._answer.add(event.text)
            return
        self._text.print(safe(event.text), end="", soft_wrap=True)
        self._text.file.flush()
        self._in_line = not event.text.endswith("\n")

    def _think(self, text: str) -> None:
        self._thought += safe(text)
        if self._region is not None and self._tells_status:
            rows = self._thought.strip().splitlines()[-_THOUGHT_ROWS:]
            self._region.text(Text("\n".join(rows), style="dim italic", overflow="ellipsis"))

    def _forget_thought(self) -> None:
        """What the model thought is kept where all is told."""
        thought, self._thought = self._thought.strip(), ""
        if not thought:
            return
        if self._region is not None:
            self._region.text(None)
        if self._tells_all:
            self._remark(thought, style="dim italic")

    def _leave_text(self) -> None:
        """What was said so far was not the answer: a tool is called."""
        self._said_anything = False
        self._end_line()

    def _show_result(self, event: ToolCallFinished) -> None:
        """What the tool returned, or all lines of what went wrong, below the line that says so."""
        if event.problem and not self._shows_results:
            return
        if self._region is not None and not self._tells_all:
            shown = told_on_terminal(event, self._remarks, whole=self._shows_results)
            self._told = excerpt(event.result) if self._shows_results else []
            self._remark(shown[0])
            for line in shown[1:]:
                self._remark(line, indent=4)
            return
        first, below = result_lines(event, whole=self._shows_results)
        self._remark(first)
        for line in below:
            self._remark(line, indent=2)

    def _is_told(self, text: str) -> bool:
        """Whether it quotes a result that stands on this terminal already, and nothing else."""
        told, self._told = self._told, []
        quote = [f"> {line}".rstrip() for line in told]
        return self._is_rendered and bool(told) and safe(text).strip().splitlines() == quote

    def _finish(self, event: TurnFinished) -> None:
        if event.text.strip() and not self._said_anything:
            self._stream(TextStreamed(turn=event.turn, text=event.text))
        self._end_answer()
        if (line := self._ending.in_words(event)) is not None:
            self._remark(line, style="red" if event.outcome == "failed" else "dim")
        if self._is_rendered and self._is_talk and self._region is not None:
            self._region.print("")
        if self._region is not None:
            self._region.close()

    def _end_answer(self) -> None:
        """All of it is said; what is told now comes behind it."""
        self._end_line()

    def _remark(self, line: str | None, *, style: str = "dim", indent: int = 0) -> None:
        if line is None:
            return
        self._end_line()
        if self._region is not None and self._tells_status:
            if self._needs_gap or self._said_anything:
                self._region.print("")
            self._needs_gap = self._said_anything = False
            self._region.print(Padding(Text(line), (0, 0, 0, indent)), style=style)
            self._gap_before_text = True
            return
        self._remarks.print(" " * indent + line, style=style, soft_wrap=True)

    def _gap(self) -> None:
        """An empty line between what was typed or told, and the answer."""
        if self._region is not None and (self._needs_gap or self._gap_before_text):
            self._region.print("")
        self._needs_gap = self._gap_before_text = False

    def _end_line(self) -> None:
        if self._answer is not None:
            self._answer.finish()
        if self._in_line:
            self._text.print()
            self._in_line = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.rest()
        self._bars.close()


class AnswerScreen(TalkScreen):
    """The final text alone on stdout, everything else on stderr.

    It appears as it is written; into a pipe as it is, but for the beginning, which waits until it
    is known to be the answer. What was said before a tool call, and what the tool returned, goes
    to stderr then where there is no answer, or with --verbose.
    """

    _is_talk = False

    def __init__(self, *, shows_results: bool = True) -> None:
        super().__init__(shows_results=shows_results)
        self._pipe = None if sys.stdout.isatty() else AnswerPipe()
        self._untold: list[tuple[str, int]] = []

    def _stream(self, event: TextStreamed) -> None:
        if self._pipe is None:
            super()._stream(event)
        else:
            self._said_anything = True
            self._pipe.add(event.text)

    def _leave_text(self) -> None:
        super()._leave_text()
        if self._pipe is not None and (unsaid := self._pipe.leave().strip()):
            self._tell_beside(safe(unsaid))

    def _show_result(self, event: ToolCallFinished) -> None:
        if self._tells_status or self._tells_all:
            super()._show_result(event)
        elif self._shows_results or not event.problem:
            first, below = result_lines(event, whole=self._shows_results)
            for line, indent in [(first or "", 0), *((each, 2) for each in below)]:
                self._tell_beside(line, indent)

    def _tell_beside(self, line: str, indent: int = 0) -> None:
        """Tell it where all is told; else only if it is all that there will be."""
        if self._tells_status or self._tells_all:
            self._remark(line, indent=indent)
        else:
            self._untold.append((line, indent))

    def _finish(self, event: TurnFinished) -> None:
        untold, self._untold = self._untold, []
        if not event.text.strip():
            for line, indent in untold:
                self._remark(line, indent=indent)
        super()._finish(event)

    def _end_answer(self) -> None:
        super()._end_answer()
        if self._pipe is not None:
            self._pipe.finish()
