"""Tools for reminders. They are shown by ``airunner chat``; see ``airunner.records.reminders``."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import Field

from airunner.errors import ToolRetryError
from airunner.records.reminders import MOST_TEXT, Reminder
from airunner.toolbox.memory.named_record import MOST_WANTED, one_meant
from airunner.toolbox.time.dates.moments import in_words, moment_meant
from airunner.tools.request import Request
from airunner.tools.tool import tool
from airunner.tools.user_words import RequestText, UserWords

_MOST_LISTED = 30
_UNIT = r"(?:second|sec|minute|min|hour|hr|day|week|month|year)s?"
_DAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day"
_MONTH = (
    r"(?:january|february|march|april|may|june|july|august|september|october|november|december)"
)
_PIECES = (
    rf"in\s+(?:about\s+)?(?:half\s+)?(?:an?|\d+(?:[.,]\d+)?|\w+)\s+{_UNIT}"
    rf"(?:\s+and\s+(?:a\s+half|\d+\s+{_UNIT}))?",
    r"in\s+half\s+an?\s+hour",
    rf"\w+\s+{_UNIT}\s+from\s+now",
    r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2})?(?:Z|[+-]\d{2}:\d{2})?)?",
    rf"(?:on\s+)?(?:the\s+)?\d{{1,2}}(?:st|nd|rd|th)?\.?\s+(?:of\s+)?{_MONTH}(?:\s+\d{{4}})?",
    rf"(?:on\s+)?{_MONTH}\s+\d{{1,2}}(?:st|nd|rd|th)?(?:,?\s+\d{{4}})?",
    r"(?:on\s+)?\d{1,2}[./]\d{1,2}[./]\d{2,4}",
    rf"(?:on\s+)?(?:next\s+|this\s+)?{_DAY}",
    r"(?:the\s+)?day\s+after\s+tomorrow|tomorrow|today|tonight",
    r"(?:in\s+the|this)\s+(?:morning|afternoon|evening)|morning|afternoon|evening",
    r"(?:at\s+)?\d{1,2}:\d{2}(?:\s*[ap]\.?m\b\.?)?",
    r"(?:at\s+)?\d{1,2}\s*[ap]\.?m\b\.?",
    r"(?:at\s+)?(?:half|quarter)\s+(?:past|to)\s+\w+",
    r"(?:at\s+)?(?:noon|midday|midnight)",
    r"at\s+\d{1,2}(?:\s+o'?clock)?",
)
_PIECE = f"(?:{'|'.join(_PIECES)})"
_TIME = re.compile(rf"\b{_PIECE}(?:[\s,]+{_PIECE})*(?!\w)", re.IGNORECASE)
_ASKING = re.compile(
    r"^.*?\b(?:remind\s+me|(?:a|the)\s+reminder|alarm)\b(?:\s+for)?\s*", re.IGNORECASE | re.DOTALL
)
_POLITE = re.compile(r"\s*,?\s*\bplease\b,?", re.IGNORECASE)
_LINK = re.compile(r"^(?:to|that|about|of|for|saying)\b\s*", re.IGNORECASE)


class _TimeSaid(UserWords):
    """The time that the message names, if it names one."""

    def take(self, request: Request, earlier_answer: str) -> str | None:
        """The longest run of words that speak of a time."""
        found = [match[0] for match in _TIME.finditer(request.message)]
        return max(found, key=len) if found else None


class _Reminded(UserWords):
    """What the user wants to be reminded of: the message without its time and the asking."""

    def take(self, request: Request, earlier_answer: str) -> str | None:
        """The text, or ``None`` if nothing is left."""
        if request.body:
            return request.body
        time = _TimeSaid().take(request, earlier_answer)
        text = request.message.replace(time, " ", 1) if time else request.message
        text = " ".join(_ASKING.sub("", _POLITE.sub("", text).strip()).split())
        return _LINK.sub("", text).strip(" .,!?") or None


@tool(
    permission="write",
    examples=(
        "remind me in 10 minutes to take the cake out",
        "remind me tomorrow at 9 to call the bank",
        "set a reminder for Friday at 5 pm: water the plants",
        "can you remind me about the meeting at 14:30?",
        "alarm at 6:45 please",
        "don't let me forget to pay the rent on the 1st at noon",
        "wake me in half an hour",
        "I need a reminder next Monday morning to send the parcel",
        "ping me at eight tonight about the film",
        "let me know in two hours that the laundry is done",
    ),
)
def set_reminder(
    text: Annotated[str, Field(max_length=MOST_TEXT), _Reminded()],
    when: Annotated[str, Field(max_length=80), _TimeSaid()],
    api: Any = None,
) -> str:
    """Set a reminder for a time.

    Args:
        text: what to remind the user of.
        when: the time in English as the user said it, such as in 10 minutes, or tomorrow at
            9:00; or as an ISO date with a time.
    """
    if not text.strip():
        raise ToolRetryError("text is empty; pass what to remind the user of.")
    reminders = api.records.reminders
    reminder = reminders.add(text, moment_meant(when, reminders.now_s()))
    return (
        f"Reminder {reminder.number} is set for {in_words(reminder.due_s)} local time: "
        f"{reminder.text}. It is shown in `airunner chat`: then if one is open, else when the "
        "next one starts."
    )


@tool(
    permission="read",
    examples=(
        "which reminders are set?",
        "list my reminders",
        "do I have any reminders?",
        "what will you remind me of today",
        "show everything you're going to remind me about",
        "my upcoming reminders",
        "are there alarms still to come",
        "when is my next reminder due?",
        "how many reminders are pending",
        "let me see all the reminders I've set",
    ),
)
def list_reminders(api: Any = None) -> str:
    """List the reminders that are still to come."""
    waiting = api.records.reminders.waiting()
    if not waiting:
        return "No reminder is set."
    lines = [f"- {_shown(reminder)}" for reminder in waiting[:_MOST_LISTED]]
    if len(waiting) > _MOST_LISTED:
        lines.append(f"and {len(waiting) - _MOST_LISTED} later ones.")
    return "\n".join(lines)


@tool(
    permission="write",
    examples=(
        "cancel the reminder about the bank",
        "delete reminder 3",
        "you needn't remind me of the dentist any more",
        "remove my reminder for Friday",
        "turn off the alarm at 7",
        "drop the reminder to water the plants",
        "I've already paid, so cancel that rent reminder",
        "can you clear the reminder about the cake?",
        "please stop the 14:30 reminder",
        "no need for the parcel reminder, delete it",
    ),
)
def cancel_reminder(
    reminder: Annotated[RequestText, Field(max_length=MOST_WANTED)], api: Any = None
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
