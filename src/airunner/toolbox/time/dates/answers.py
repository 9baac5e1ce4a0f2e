"""What the date tools answer: spans, moved dates and single dates, in sentences.

Owns the wording and which facts belong into an answer. What a date in words
means is ``date_reader``, reckoning with dates ``calendar``; today is given by the caller.
"""

from __future__ import annotations

import re
from calendar import isleap
from datetime import date, timedelta

from airunner.toolbox.time.dates import calendar
from airunner.toolbox.time.dates.calendar import counted, in_list, shifted, written
from airunner.toolbox.time.dates.date_reader import ReadDate, read_date

_DAY_AND_MONTH = re.compile(
    r"\d{1,2}\D*[a-z]{3,}\.?|[a-z]{3,}\.?\s+\d{1,2}(?:st|nd|rd|th)?", re.IGNORECASE
)


def span(start: str, end: str, today: date) -> str:
    """The time from ``start`` to ``end``, for somebody who asks on ``today``."""
    last = read_date(end, today)
    if _DAY_AND_MONTH.fullmatch(start.strip()) and re.search(r"\d{4}", end):
        # "3 May to 12 June 2026": the first is in the year before the second.
        first = read_date(start, shifted(last.day, years=-1) + timedelta(days=1))
    else:
        first = read_date(start, today)
    days = (last.day - first.day).days
    notes = _notes(first, last)
    said = f"From {written(first.day)} to {written(last.day)}"
    if days == 0:
        return f"{said}: that is the same day.{notes}"
    early, late = sorted((first.day, last.day))
    amount = counted(abs(days), "day") + (" back" if days < 0 else "")
    if others := _in_longer_units(early, late):
        amount += f", which is {' or '.join(others)}"
    weekdays = calendar.weekdays_between(early, late)
    verb = "is" if weekdays == 1 else "are"
    return f"{said}: {amount}. {weekdays:,} of these days {verb} Monday to Friday.{notes}"


def _in_longer_units(early: date, late: date) -> list[str]:
    weeks, days = divmod((late - early).days, 7)
    in_weeks = in_list([counted(weeks, "week"), counted(days, "day")])
    texts = [in_weeks] if weeks else []
    if weeks >= 4:
        texts.append(calendar.in_calendar_units(early, late))
    return list(dict.fromkeys(texts))


def shift(
    start: str, today: date, *, years: int = 0, months: int = 0, weeks: int = 0, days: int = 0
) -> str:
    """The date so far from ``start``, for somebody who asks on ``today``."""
    first = read_date(start, today)
    result = shifted(first.day, years=years, months=months, weeks=weeks, days=days)
    units = {"year": years, "month": months, "week": weeks, "day": days}
    steps = {
        "before": {unit: -number for unit, number in units.items() if number < 0},
        "after": {unit: number for unit, number in units.items() if number > 0},
    }
    moved = " and ".join(
        f"{in_list([counted(number, unit) for unit, number in step.items()])} {word}"
        for word, step in steps.items()
        if step
    )
    month_end = shifted(first.day, years=years, months=months)
    short = (
        f" {calendar.MONTHS[month_end.month - 1]} has no day {first.day.day},"
        " so its last was taken."
        if month_end.day != first.day.day
        else ""
    )
    return f"{moved} {written(first.day)} is {written(result)}.{short}{_notes(first)}"


def describe(when: str, today: date) -> str:
    """What there is to say about a date, for somebody who asks on ``today``."""
    read = read_date(when, today)
    day, week = read.day, read.day.isocalendar()
    number = day.timetuple().tm_yday
    length = 366 if isleap(day.year) else 365
    return (
        f"{written(day)} ({day.isoformat()}) is {calendar.distance(day, today)}: "
        f"ISO week {week.week}{'' if week.year == day.year else f' of {week.year}'}, "
        f"day {number} of {length}.{_notes(read)}"
    )


def _notes(*read: ReadDate) -> str:
    return "".join(f" {each.note}" for each in read if each.note)
