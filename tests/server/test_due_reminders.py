"""A reminder that is due is in the records until somebody takes note of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.records.test_reminders import Clock

from airunner.errors import UnknownRecordError
from airunner.events import Event, EventBus, ReminderDue
from airunner.records.records import Records
from airunner.server.native.due_reminders import DueReminders


def texts(due: Sequence[ReminderDue]) -> list[str]:
    return [each.text for each in due]


async def watched(due: DueReminders, bus: EventBus) -> list[str]:
    """What a window is shown that is opened and closed without anybody having looked at it."""
    loop, told = asyncio.get_running_loop(), asyncio.Event()

    def hear(event: Event) -> None:
        if isinstance(event, ReminderDue):
            loop.call_soon_threadsafe(told.set)

    unsubscribe, end = bus.subscribe(hear), due.watch()
    await told.wait()
    shown = texts(due.all())
    end()
    unsubscribe()
    return shown


def test_what_a_closed_window_was_shown_is_in_the_next(tmp_path: Path) -> None:
    clock, bus = Clock(), EventBus()

    async def windows(records: Records) -> None:
        killed = DueReminders(records, bus)
        assert await watched(killed, bus) == ["tea"]
        assert await watched(killed, bus) == ["tea"]
        due = DueReminders(records, bus)  # of the server that starts afterwards
        assert texts(await due.look()) == await watched(due, bus) == ["tea"]
        (tea,) = records.reminders.waiting()
        await due.later(tea.number, 60.0)
        assert await due.look() == []
        with pytest.raises(UnknownRecordError):
            await due.dismiss(tea.number)
        clock.now_s += 60.0
        assert await watched(due, bus) == ["tea"]
        await due.dismiss(tea.number)
        assert [*await due.look(), *records.reminders.waiting()] == []
        with pytest.raises(UnknownRecordError):
            await due.later(tea.number, 60.0)

    with Records(tmp_path / "records.sqlite3", clock=clock) as records:
        records.reminders.add("tea", clock.now_s)
        asyncio.run(windows(records))


def test_a_reminder_is_told_once_unless_it_is_changed(tmp_path: Path) -> None:
    clock, bus, told = Clock(), EventBus(), list[str]()

    async def main(records: Records) -> None:
        due, heard = DueReminders(records, bus), asyncio.Event()

        def hear(event: Event) -> None:
            if isinstance(event, ReminderDue):
                told.append(event.text)
                heard.set()

        async def tell(text: str) -> None:
            due.soon()
            while text not in told:
                heard.clear()
                await heard.wait()

        bus.subscribe(hear)
        end = due.watch()
        tea = records.reminders.add("tea", clock.now_s)
        await tell("tea")
        records.reminders.add("bun", clock.now_s)
        await tell("bun")
        records.reminders.change(tea.number, "green tea", clock.now_s)
        await tell("green tea")
        end()

    with Records(tmp_path / "records.sqlite3", clock=clock) as records:
        asyncio.run(main(records))
    assert told == ["tea", "bun", "green tea"]
