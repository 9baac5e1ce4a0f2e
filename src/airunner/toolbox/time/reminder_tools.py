"""Tools for reminders. Showing one that is due belongs to the page and ``airunner chat``."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import Field

from airunner.errors import ToolRetryError
from airunner.records.reminders import MOST_TEXT, Reminder
from airunner.toolbox.memory.named_record import MOST_WANTED, one_meant
from airunner.toolbox.time.dates.date_reader import in_words, read_moment
from airunner.tools.tool import tool

_MOST_LISTED = 30


@tool(
    permission="write",
    needs=(
        "dateparser",
        "dateutil",
    ),
)
def set_reminder(
    text: Annotated[str, Field(max_length=MOST_TEXT)],
    when: Annotated[str, Field(max_length=80)],
    api: Any = None,
) -> str:
    """Set a reminder for a time.

    Args:
        text: what to remind the user of.
        when: an ISO date with a time, or words such as in 10 minutes or tomorrow at 9:00.
    """
    if not text.strip():
        raise ToolRetryError("text is empty; pass what to remind the user of.")
    reminders = api.records.reminders
    reminder = reminders.add(text, read_moment(when, reminders.now_s()))
    return (
        f"Reminder {reminder.number} is set for {in_words(reminder.due_s)} local time: "
        f"{reminder.text}. It is shown on the page or in `airunner chat`: "
        "then if one is open, else in the next that is opened."
    )


@tool(
    permission="read",
)
def list_reminders(api: Any = None) -> str:
    """List the reminders that are still to come, and those that are due and nobody has seen."""
    reminders = api.records.reminders
    waiting, now_s = reminders.waiting(), reminders.now_s()
    if not waiting:
        return "No reminder is set."
    lines = [
        f"- {_shown(reminder)}{' (due; nobody has seen it yet)' * (reminder.due_s <= now_s)}"
        for reminder in waiting[:_MOST_LISTED]
    ]
    if len(waiting) > _MOST_LISTED:
        lines.append(f"and {len(waiting) - _MOST_LISTED} later ones.")
    return "\n".join(lines)


@tool(
    permission="write",
)
def cancel_reminder(
    reminder: Annotated[str, Field(max_length=MOST_WANTED)], api: Any = None
) -> str:
    """Cancel a reminder that is still to come.

    Args:
        reminder: its number, or what it is about.
    """
    reminders = api.records.reminders
    waiting = reminders.waiting()
    numbers = {int(number) for number in re.findall(r"(?<![\w:])\d{1,9}(?![\w:])", reminder)}
    by_number = [each for each in waiting if each.number in numbers]
    if len(by_number) == 1:
        found = by_number[0]
    else:
        found = one_meant(
            reminder,
            waiting,
            lambda each: each.text,
            kind="reminder",
            listing="list_reminders",
            show=_shown,
        )
    if not reminders.cancel(found.number):
        raise ToolRetryError(f"Reminder {found.number} is gone already.")
    return f"Cancelled reminder {_shown(found)}."


def _shown(reminder: Reminder) -> str:
    return f"{reminder.number}, {in_words(reminder.due_s)}: {reminder.text}"
