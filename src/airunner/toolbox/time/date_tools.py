"""Tools about the clock and the calendar.

Each looks at the clock and leaves the rest to ``dates.answers`` and ``dates.time_zones``,
which are told what time it is.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from pydantic import Field

from airunner.toolbox.time.dates.answers import describe, shift, span
from airunner.toolbox.time.dates.time_zones import time_in
from airunner.tools.tool import tool

_MOST = 100_000

DateText = Annotated[str, Field(min_length=1, max_length=60)]


@tool(
    permission="read",
)
def current_time(
    place: Annotated[str, Field(max_length=60)] = "",
) -> str:
    """Tell the date and time now, here or in a city, country or time zone.

    Args:
        place: a city, country or time zone, such as Tokyo or Europe/Paris; empty for here.
    """
    return time_in(place, datetime.now().astimezone())


@tool(
    permission="read",
)
def days_between(
    start: DateText,
    end: DateText,
) -> str:
    """Count the days from one date to another.

    Args:
        start: the first date, such as today, 3 May 2026 or next Friday.
        end: the second date.
    """
    return span(start, end, date.today())


@tool(
    permission="read",
)
def shift_date(
    start: DateText = "today",
    years: Annotated[int, Field(ge=-_MOST, le=_MOST)] = 0,
    months: Annotated[int, Field(ge=-_MOST, le=_MOST)] = 0,
    weeks: Annotated[int, Field(ge=-_MOST, le=_MOST)] = 0,
    days: Annotated[int, Field(ge=-_MOST, le=_MOST)] = 0,
) -> str:
    """Find the date that lies some days, weeks, months or years after or before a date.

    Args:
        start: the date to start from, such as today or 3 May 2026.
        years: years to go on; negative to go back.
        months: months to go on; negative to go back.
        weeks: weeks to go on; negative to go back.
        days: days to go on; negative to go back.
    """
    return shift(start, date.today(), years=years, months=months, weeks=weeks, days=days)


@tool(
    permission="read",
)
def describe_date(when: DateText) -> str:
    """Tell a date's weekday, week number and day of the year, and how far it is from today.

    Args:
        when: the date, such as 3 May 2026, next Friday or in 3 weeks.
    """
    return describe(when, date.today())
