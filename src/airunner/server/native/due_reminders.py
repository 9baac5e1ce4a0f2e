"""Reminders that are due, for pages: claimed while somebody looks, shown until noted.

Owns when the server claims them. Nobody is looking when no page is open: then they wait for
the next one, or for ``airunner chat``. That each is claimed once is the records' own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

from airunner.errors import StorageError, UnknownRecordError
from airunner.events import EventBus, RememberedChanged, ReminderDue
from airunner.records.records import Records

LONGEST_WAIT_S = 5.0
"""How long a reminder that another process sets, or a clock that jumps, may go unnoticed."""


class DueReminders:
    """What is due and nobody has taken note of. Used on the loop that serves."""

    def __init__(self, records: Records, bus: EventBus) -> None:
        self._records, self._bus = records, bus
        self._due: dict[int, ReminderDue] = {}
        self._watchers = 0
        self._task: asyncio.Task[None] | None = None
        self._look = asyncio.Event()

    def all(self) -> Sequence[ReminderDue]:
        """What is due, in the order in which it was."""
        return tuple(self._due.values())

    def watch(self) -> Callable[[], None]:
        """Claim what comes due until the returned function is called, by each who watches."""
        self._watchers += 1
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._watching())

        def end() -> None:
            self._watchers -= 1
            if not self._watchers and self._task is not None:
                self._task.cancel()
                self._task = None

        return end

    def soon(self) -> None:
        """Look anew when the next is due: one was set or changed."""
        self._look.set()

    def dismiss(self, number: int) -> None:
        """Take note of a reminder: no window shows it any more.

        Raises:
            UnknownRecordError: none of this number is shown.
        """
        if self._due.pop(number, None) is None:
            raise UnknownRecordError("reminder that is due", str(number))
        self._bus.publish(RememberedChanged(what="reminders"))

    async def later(self, number: int, wait_s: float) -> None:
        """Be reminded of the same in ``wait_s`` seconds.

        Raises:
            UnknownRecordError: none of this number is shown.
            StorageError: it cannot be kept; it is still shown.
        """
        reminder = self._due.get(number)
        if reminder is None:
            raise UnknownRecordError("reminder that is due", str(number))
        reminders = self._records.reminders
        await asyncio.to_thread(reminders.add, reminder.text, reminders.now_s() + wait_s)
        self._due.pop(number, None)
        self._bus.publish(RememberedChanged(what="reminders"))
        self.soon()

    async def _watching(self) -> None:
        while True:
            wait_s = LONGEST_WAIT_S
            with suppress(StorageError):  # whoever opens the notes is told; here it is tried again
                wait_s = await self._claim()
            self._look.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._look.wait(), wait_s)

    async def _claim(self) -> float:
        """Claim what is due; returns how long to wait for the next."""
        reminders = self._records.reminders
        claimed = await asyncio.shield(asyncio.to_thread(self._claimed))
        next_s = await asyncio.to_thread(reminders.next_due_s)
        if claimed:
            self._bus.publish(RememberedChanged(what="reminders"))
        return (
            LONGEST_WAIT_S
            if next_s is None
            else min(LONGEST_WAIT_S, max(0.0, next_s - reminders.now_s()))
        )

    def _claimed(self) -> int:
        """Whoever claims keeps what it was given, also if nobody waits for it any more."""
        claimed = self._records.reminders.claim()
        for each in claimed:
            due = ReminderDue(number=each.number, text=each.text, due_s=each.due_s)
            self._due[each.number] = due
            self._bus.publish(due)
        return len(claimed)
