"""The prompt of ``airunner chat``: what is typed, and what may be shown meanwhile.

Owns where messages come from, a terminal or anything else, and how a reminder is shown to
somebody who is typing. Keys are ``line_editor``'s, what a line means is ``chat``'s.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from airunner.cli.following import Follower
from airunner.cli.reminder_watch import ReminderWatch
from airunner.cli.safe_text import typed
from airunner.cli.streams import question as asked
from airunner.cli.streams import tell
from airunner.cli.typed_ahead import TypedAhead
from airunner.events import ReminderDue

if TYPE_CHECKING:
    from prompt_toolkit.completion import Completer

    from airunner.cli.line_editor import LineEditor


class Prompt:
    """Reads from a terminal with a line editor, from anything else a line at a time.

    Args:
        follower: shows what happens. At a terminal it waits while somebody types.
        reminders: those that come due are shown all the same.
        rest: takes away what is in the way of somebody who types.
        ahead: what was typed during an answer.
        quiet: stdout is for events alone.
    """

    def __init__(
        self,
        follower: Follower,
        reminders: ReminderWatch,
        *,
        rest: Callable[[], None],
        ahead: TypedAhead,
        quiet: bool,
    ) -> None:
        self._follower, self._reminders, self._quiet = follower, reminders, quiet
        self._rest, self._ahead = rest, ahead
        self._editor: LineEditor | None = None

    @property
    def at_terminal(self) -> bool:
        """Whether somebody sits at a terminal and reads what is said there."""
        return sys.stdin.isatty() and sys.stdout.isatty() and not self._quiet

    def edit(self, home: Path, completer: Completer) -> None:
        """From now on lines are edited, with the history that is kept in ``home``."""
        from airunner.cli.line_editor import LineEditor

        self._editor = LineEditor(home, completer)

    def message(self) -> str | None:
        """What the user wants next; ``None`` where they leave."""
        self._reminders.deliver(self._show_in_turn)
        self._follower.wait()
        with self._waiting():
            if self._editor is not None:
                return self._editor.message(self._ahead.take())
            return _line()

    def put_back(self, text: str) -> None:
        """Let the next line begin with a text that could not be sent, if lines are edited."""
        if self._editor is not None:
            self._ahead.put_before(text)

    def confirms(self, question: str) -> bool:
        """Whether the user says yes."""
        with self._waiting():
            if self._editor is not None:
                said = self._editor.word(asked(f"{question} [y/N]"))
            else:
                tell(f"{question} [y/N]", aside=self._quiet)
                said = _line() or ""
        return said.strip().lower() in ("y", "yes")

    @contextmanager
    def answering(self) -> Iterator[None]:
        """An answer is written during the body; what is typed meanwhile waits for its line."""
        with self._ahead.kept() if self._editor is not None else nullcontext():
            yield

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        held = self._follower.held() if self._editor is not None else nullcontext()
        with held:
            if self._editor is not None:
                self._rest()
            with self._reminders.watching(self._show_meanwhile):
                yield

    def _show_meanwhile(self, event: ReminderDue) -> None:
        """Above what is being typed; or, where nobody waits for a line, in its turn."""
        if self._editor is None:
            self._show_in_turn(event)
        else:
            self._follower.show_now(event)

    def _show_in_turn(self, event: ReminderDue) -> None:
        """Return when it is shown: only what somebody could see is taken note of."""
        self._follower.take(event)
        self._follower.wait()


def _line() -> str | None:
    """The next line of stdin; ``None`` at its end."""
    try:
        return typed(input())
    except (EOFError, KeyboardInterrupt):
        return None
