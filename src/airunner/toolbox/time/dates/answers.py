"""What the date tools answer: spans, moved dates and single dates, in sentences.

Owns the wording and which facts belong into an answer. What a date means is
``date_reader``, reckoning with dates ``calendar``; today is given by the caller.
"""

from __future__ import annotations

from datetime import date

from airunner.toolbox.time.dates import calendar
from airunner.toolbox.time.dates.calendar import counted, in_list, shifted, written
from airunner.toolbox.time.dates.date_reader import read_date


def span(start: str, end: str, today: date) -> str:
    """The time from ``start`` to ``end``, for somebody who asks on ``today``."""
    first, last = read_date(start, today), read_date(end, today)
    days = (last.day - first.day).days
    notes = first.note + last.note
    said = f"From {written(first.day)} to {written(last.day)}"
    if days == 0:
        return f"{said}: that is the same day.{notes}"
    early, late = sorted((first.day, last.day))
    amount = counted(abs(days), "day") + (" back" if days < 0 else "")
    weeks, rest = divmod(abs(days), 7)
    others = [in_list([counted(weeks, "week"), counted(rest, "day")])] if weeks else []
    if weeks >= 4:
        others.append(calendar.in_calendar_units(early, late))
    if others:
        amount += f", which is {' or '.join(dict.fromkeys(others))}"
    weekdays = calendar.weekdays_between(early, late)
    verb = "is" if weekdays == 1 else "are"
    return f"{said}: {amount}. {weekdays:,} of these days {verb} Monday to Friday.{notes}"


def shift(
    start: str, today: date, *, years: int = 0, months: int = 0, weeks: int = 0, days: int = 0
) -> str:
    """The date so far from ``start``, for somebody who asks on ``today``."""
    first = read_date(start, today)
    result = shifted(first.day, years=years, months=months, weeks=weeks, days=days)
    units = {"year": years, "month": months, "week": weeks, "day": days}
    before = in_list([counted(-number, unit) for unit, number in units.items() if number < 0])
    after = in_list([counted(number, unit) for unit, number in units.items() if number > 0])
    moved = " and ".join([f"{before} before"] * bool(before) + [f"{after} after"] * bool(after))
    month_end = shifted(first.day, years=years, months=months)
    short = (
        f" {month_end:%B} has no day {first.day.day}, so its last was taken."
        if month_end.day != first.day.day
        else ""
    )
    return f"{moved} {written(first.day)} is {written(result)}.{short}{first.note}"


def describe(when: str, today: date) -> str:
    """What there is to say about a date, for somebody who asks on ``today``."""
    read = read_date(when, today)
    day, week = read.day, read.day.isocalendar()
    length = date(day.year, 12, 31).timetuple().tm_yday
    return (
        f"{written(day)} ({day.isoformat()}) is {calendar.distance(day, today)}: "
        f"ISO week {week.week}{'' if week.year == day.year else f' of {week.year}'}, "
        f"day {day.timetuple().tm_yday} of {length}.{read.note}"
    )
