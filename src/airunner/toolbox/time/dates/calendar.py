"""Reckoning with dates: moved, counted between and written.

Reading them is ``date_reader``; places are ``time_zones``.
"""

from __future__ import annotations

from datetime import date

from airunner.errors import ToolRetryError


def written(day: date) -> str:
    """A date in full: Friday 27 November 2026."""
    return f"{day:%A} {day.day} {day:%B} {day.year}"


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


def in_calendar_units(start: date, end: date) -> str:
    """The time from ``start`` to a later ``end`` in years, months and days."""
    from dateutil.relativedelta import relativedelta

    apart = relativedelta(end, start)
    return in_list(
        [counted(apart.years, "year"), counted(apart.months, "month"), counted(apart.days, "day")]
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
