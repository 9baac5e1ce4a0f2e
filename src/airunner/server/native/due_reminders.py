"""Reminders that are due, for pages: shown until somebody takes note of one.

Owns when the server looks, which is while a page is open. What is due stays in the records
until then: a window that closes and a server that dies take none with them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

from airunner.errors import StorageError, UnknownRecordError
from airunner.events import EventBus, RememberedChanged, ReminderDue
from airunner.records.records import Records
from airunner.records.reminders import Reminder

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
        self._changing = asyncio.Lock()

    def all(self) -> Sequence[ReminderDue]:
        """What was due at the last look, in the order in which it was."""
        return tuple(self._due.values())

    async def look(self) -> Sequence[ReminderDue]:
        """What is due now.

        Raises:
            StorageError: the records cannot be read.
        """
        due = await asyncio.to_thread(self._records.reminders.due)
        return [self._event(each) for each in due]

    def watch(self) -> Callable[[], None]:
        """Tell what comes due until the returned function is called, by each who watches."""
        self._watchers += 1
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._watching())

        def end() -> None:
            self._watchers -= 1
            if not self._watchers and self._task is not None:
                self._task.cancel()
                self._task = None
                self._due.clear()  # the next who watches looks anew

        return end

    def soon(self) -> None:
        """Look anew: a reminder was set, changed or deleted."""
        self._look.set()

    async def dismiss(self, number: int) -> None:
        """Take note of a reminder: no window shows it any more.

        Raises:
            UnknownRecordError: none of this number is due.
            StorageError: that cannot be kept; it is still shown.
        """
        async with self._changing:
            if not await asyncio.to_thread(self._records.reminders.note, number):
                raise UnknownRecordError("reminder that is due", str(number))
            self._gone(number)

    async def later(self, number: int, wait_s: float) -> None:
        """Be reminded of the same in ``wait_s`` seconds.

        Raises:
            UnknownRecordError: none of this number is due.
            StorageError: it cannot be kept; it is still shown.
        """
        async with self._changing:
            if await asyncio.to_thread(self._put_off, number, wait_s) is None:
                raise UnknownRecordError("reminder that is due", str(number))
            self._gone(number)

    def _put_off(self, number: int, wait_s: float) -> Reminder | None:
        reminders = self._records.reminders
        for due in reminders.due():
            if due.number == number:
                return reminders.change(number, due.text, reminders.now_s() + wait_s)
        return None

    def _gone(self, number: int) -> None:
        self._due.pop(number, None)
        self._bus.publish(RememberedChanged(what="reminders"))
        self.soon()

    async def _watching(self) -> None:
        while True:
            self._look.clear()
            wait_s = LONGEST_WAIT_S
            with suppress(StorageError):  # whoever opens the notes is told; here it is tried again
                async with self._changing:
                    wait_s = await self._look_now()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._look.wait(), wait_s)

    async def _look_now(self) -> float:
        """Hold what is due and publish what changed; returns how long to wait for the next."""
        reminders = self._records.reminders
        waiting = await asyncio.to_thread(reminders.waiting)
        now_s = reminders.now_s()
        due = {each.number: self._event(each) for each in waiting if each.due_s <= now_s}
        before, self._due = self._due, due
        for number, event in due.items():
            if before.get(number) is not event:
                self._bus.publish(event)
        if due != before:
            self._bus.publish(RememberedChanged(what="reminders"))
        to_come_s = (each.due_s - now_s for each in waiting if each.due_s > now_s)
        return min(LONGEST_WAIT_S, next(to_come_s, LONGEST_WAIT_S))

    def _event(self, reminder: Reminder) -> ReminderDue:
        """What is told of a reminder; the same as before, if it was told already."""
        told = self._due.get(reminder.number)
        if told is not None and (told.text, told.due_s) == (reminder.text, reminder.due_s):
            return told
        return ReminderDue(number=reminder.number, text=reminder.text, due_s=reminder.due_s)
