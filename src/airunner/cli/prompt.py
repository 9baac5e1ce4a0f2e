"""The prompt of ``airunner chat``: lines that are typed, and what may be shown meanwhile.

Owns reading a line, what Ctrl-C and Ctrl-D do there, and how a reminder is shown to
somebody who is typing. What a line means is ``chat``'s.
"""

from __future__ import annotations

import sys
from contextlib import nullcontext, suppress

from airunner.cli.following import Follower
from airunner.cli.reminder_watch import ReminderWatch
from airunner.cli.streams import say
from airunner.events import ReminderDue

_SIGN = "> "


class Prompt:
    """Reads from a terminal with line editing, from anything else as it comes.

    Args:
        follower: shows what happens. At a terminal it waits while somebody types.
        reminders: those that come due are shown all the same.
        quiet: stdout is for events alone.
    """

    def __init__(self, follower: Follower, reminders: ReminderWatch, *, quiet: bool) -> None:
        self._follower, self._reminders, self._quiet = follower, reminders, quiet
        self._at_terminal = sys.stdin.isatty() and not quiet
        if self._at_terminal:
            import readline  # for line editing and history in input()

            # Python turns it off: each line of a pasted text would be a message of its own.
            readline.parse_and_bind("set enable-bracketed-paste on")
            say("/help lists the commands; Ctrl-D leaves.")

    def message(self) -> str | None:
        """What the user wants next; ``None`` where they leave."""
        self._reminders.deliver(self._follower.take)
        self._follower.wait()
        return self._line()

    def confirms(self, question: str) -> bool:
        """Whether the user says yes."""
        say(f"{question} [y/N]", aside=self._quiet)
        return (self._line() or "").strip().lower() in ("y", "yes")

    def _line(self) -> str | None:
        """The next line; ``None`` for Ctrl-D, the end of a file, and Ctrl-C twice."""
        held = self._follower.held() if self._at_terminal else nullcontext()
        with held, self._reminders.watching(self._show_meanwhile):
            try:
                return self._typed() if self._at_terminal else input()
            except (EOFError, KeyboardInterrupt):
                if self._at_terminal:
                    say()
                return None

    def _typed(self) -> str:
        try:
            return input(_SIGN)
        except KeyboardInterrupt:
            say("\nCtrl-C again leaves, as Ctrl-D does.")
            return input(_SIGN)

    def _show_meanwhile(self, event: ReminderDue) -> None:
        """Show it below what is being typed, which is then written anew."""
        if not self._at_terminal:
            self._follower.take(event)
            return
        import readline

        with suppress(OSError):  # a closed pipe, which the next turn meets as well
            say()
            self._follower.show_now(event)
            sys.stdout.write(_SIGN + readline.get_line_buffer())
            sys.stdout.flush()
