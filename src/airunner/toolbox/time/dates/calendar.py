"""Reckoning with dates: moved, counted between and written.

Reading them is ``date_reader``; places are ``time_zones``; dates within a message,
``date_words``.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import date

from airunner.errors import ToolRetryError

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
HOLIDAYS = {
    **dict.fromkeys(("new year", "new year's day", "new years day"), (1, 1)),
    **dict.fromkeys(("valentine's day", "valentines day"), (2, 14)),
    "halloween": (10, 31),
    "christmas eve": (12, 24),
    "boxing day": (12, 26),
    **dict.fromkeys(("christmas", "christmas day", "xmas"), (12, 25)),
    **dict.fromkeys(("new year's eve", "new years eve"), (12, 31)),
}
"""Days that are the same every year, as (month, day)."""

FROM_EASTER = {
    "good friday": -2,
    "easter": 0,
    "easter sunday": 0,
    "easter monday": 1,
    "pentecost": 49,
    "whit monday": 50,
}
"""Days that move with Easter, in days from its Sunday."""


def written(day: date) -> str:
    """A date in full: Friday 27 November 2026."""
    return f"{WEEKDAYS[day.weekday()]} {day.day} {MONTHS[day.month - 1]} {day.year}"


def shifted(day: date, *, years: int = 0, months: int = 0, weeks: int = 0, days: int = 0) -> date:
    """``day`` moved: first by years and months, at most to the month's end, then by days.

    Raises:
        ToolRetryError: the result is outside of the years 1 to 9999.
    """
    from dateutil.relativedelta import relativedelta

    try:
        moved: date = day + relativedelta(years=years, months=months, weeks=weeks, days=days)
    except (ValueError, OverflowError):
        raise ToolRetryError("That leads outside of the years 1 to 9999.") from None
    return moved


def days_in_month(day: date) -> int:
    """How many days the month of ``day`` has."""
    return monthrange(day.year, day.month)[1]


def in_calendar_units(start: date, end: date) -> str:
    """The time from ``start`` to a later ``end`` in years, months and days."""
    months = (end.year - start.year) * 12 + end.month - start.month
    # 31 January to 28 February is no whole month, though 28 is that month's last day.
    if shifted(start, months=months) > end or (end.day < start.day and months > 0):
        months -= 1
    rest = (end - shifted(start, months=months)).days
    return in_list(
        [counted(months // 12, "year"), counted(months % 12, "month"), counted(rest, "day")]
    )


def weekdays_between(start: date, end: date) -> int:
    """The days after ``start`` up to and with ``end`` that are Monday to Friday."""
    weeks, rest = divmod((end - start).days, 7)
    return weeks * 5 + sum((start.weekday() + ahead) % 7 < 5 for ahead in range(1, rest + 1))


def counted(number: int, unit: str) -> str:
    """``"1 day"``, ``"2 days"``, or nothing for none."""
    return f"{number:,} {unit}{'' if number == 1 else 's'}" if number else ""


def in_list(parts: list[str]) -> str:
    """The parts that are not empty, with commas and an "and"."""
    there = [part for part in parts if part]
    return " and ".join([", ".join(there[:-1]), there[-1]] if len(there) > 1 else there)


def distance(day: date, today: date) -> str:
    """How far ``day`` is from ``today``: "in 3 days", "2 weeks ago", with exact days."""
    days = (day - today).days
    if days in (0, 1, -1):
        return {0: "today", 1: "tomorrow", -1: "yesterday"}[days]
    amount = counted(abs(days), "day")
    if abs(days) >= 31:
        amount += f" ({in_calendar_units(min(day, today), max(day, today))})"
    return f"in {amount}" if days > 0 else f"{amount} ago"
