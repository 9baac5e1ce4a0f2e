"""Tools about the clock and the calendar.

Each looks at the clock and leaves the rest to ``dates.answers`` and ``dates.time_zones``,
which are told what time it is.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from pydantic import Field

from airunner.errors import ToolRetryError
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
        place: a time zone such as Europe/Paris or UTC+2, the city that one is named after, or a
            country; empty for here.
    """
    return time_in(place, datetime.now().astimezone())


@tool(
    permission="read",
    needs=(
        "dateparser",
        "dateutil",
    ),
)
def calculate_date(
    start: DateText = "today",
    end: Annotated[str, Field(max_length=60)] = "",
    years: Annotated[int, Field(ge=-_MOST, le=_MOST)] = 0,
    months: Annotated[int, Field(ge=-_MOST, le=_MOST)] = 0,
    weeks: Annotated[int, Field(ge=-_MOST, le=_MOST)] = 0,
    days: Annotated[int, Field(ge=-_MOST, le=_MOST)] = 0,
) -> str:
    """Tell a date's weekday and week, count the days between two dates, or find the date that
    lies some days, weeks, months or years after or before one.

    Args:
        start: the date, such as 2026-05-03, today or next Friday.
        end: the date to count to; empty for no count.
        years: years to go on from start; negative to go back.
        months: months to go on; negative to go back.
        weeks: weeks to go on; negative to go back.
        days: days to go on; negative to go back.
    """
    today, moves = date.today(), years or months or weeks or days
    if end.strip() and moves:
        raise ToolRetryError("Pass either an end or how far to go on from start, not both.")
    if end.strip():
        return span(start, end, today)
    if moves:
        return shift(start, today, years=years, months=months, weeks=weeks, days=days)
    return describe(start, today)
