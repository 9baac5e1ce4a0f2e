"""Reminders that come due while ``airunner chat`` waits for its user.

Owns the thread that looks, which lives as long as the prompt does, and that a reminder is
noted when it was shown and not before. How it is shown is the caller's.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from airunner.errors import StorageError
from airunner.events import ReminderDue
from airunner.records.reminders import Reminder, Reminders

LONGEST_WAIT_S = 5.0
"""How long a reminder that another process sets, or a clock that jumps, may go unnoticed."""


class ReminderWatch:
    """Delivers what is due, at once or while something else is waited for.

    Args:
        reminders: where they are kept.
        warn: is told why nothing is delivered any more, once.
        longest_wait_s: between two looks.
    """

    def __init__(
        self,
        reminders: Reminders,
        warn: Callable[[str], None],
        *,
        longest_wait_s: float = LONGEST_WAIT_S,
    ) -> None:
        self._reminders, self._warn = reminders, warn
        self._longest_wait_s = longest_wait_s
        self._failed = False

    def deliver(self, show: Callable[[ReminderDue], None]) -> None:
        """Show what is due now: ``show`` returns when it is seen, or raises."""
        for each in self._due():
            show(ReminderDue(number=each.number, text=each.text, due_s=each.due_s))
            try:
                self._reminders.note(each.number)
            except StorageError as error:
                self._fail(error)
                return

    def _due(self) -> Sequence[Reminder]:
        if not self._failed:
            try:
                return self._reminders.due()
            except StorageError as error:
                self._fail(error)
        return ()

    @contextmanager
    def watching(self, show: Callable[[ReminderDue], None]) -> Iterator[None]:
        """Show what comes due during the body, from a thread that has ended when this returns."""
        ended = threading.Event()
        thread = threading.Thread(
            target=self._watch, args=(ended, show), name="reminders", daemon=True
        )
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _watch(self, ended: threading.Event, show: Callable[[ReminderDue], None]) -> None:
        while not self._failed and not ended.wait(self._pause_s()):
            try:
                self.deliver(show)
            except Exception:  # the screen is gone; whoever waits for it is told why
                return

    def _pause_s(self) -> float:
        try:
            next_due_s = self._reminders.next_due_s()
        except StorageError as error:
            self._fail(error)
            return 0.0
        if next_due_s is None:
            return self._longest_wait_s
        return min(self._longest_wait_s, max(0.0, next_due_s - self._reminders.now_s()))

    def _fail(self, error: StorageError) -> None:
        self._failed = True
        self._warn(f"warning: reminders are not shown. {error}")
