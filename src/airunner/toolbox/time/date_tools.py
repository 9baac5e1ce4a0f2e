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
from airunner.toolbox.time.dates.date_words import DateSaid, PlaceSaid, SpanSaid
from airunner.toolbox.time.dates.time_zones import time_in
from airunner.tools.tool import tool

_MOST = 100_000

DateText = Annotated[str, Field(min_length=1, max_length=60)]


@tool(
    permission="read",
    examples=(
        "what time is it",
        "what time is it in New York?",
        "current time in Tokyo",
        "what is today's date",
        "do you know how late it is?",
        "tell me the time please",
        "which day is it today",
        "is it already morning in Sydney",
        "date and time now",
        "what's the local time in UTC+3 at the moment",
    ),
)
def current_time(
    place: Annotated[str, Field(max_length=60), PlaceSaid()] = "",
) -> str:
    """Tell the date and time now, here or in a city, country or time zone.

    Args:
        place: a city, country or time zone, such as Tokyo or Europe/Paris; empty for here.
    """
    return time_in(place, datetime.now().astimezone())


@tool(
    permission="read",
    examples=(
        "how many days until Christmas?",
        "how many days are there between 3 May and 12 June 2026",
        "days since 1 January 2020",
        "weeks until 15 August",
        "how long is it from 10 March to 2 April?",
        "count the days till my exam on 21 November",
        "how long ago was 14 February 2018",
        "I started on 7 September 2021, how many days is that up to now",
        "what date is 90 days from today?",
        "which date is 3 weeks after 5 May 2026",
        "what date was it 45 days ago",
        "add 2 months to 31 January",
        "what will the date be in six weeks",
        "go back 18 months from 1 October 2025",
        "a 14 day deadline starting on 9 April, on which date does it end?",
        "when is 10 weeks before 20 December",
        "what day of the week is 4 July 2026?",
        "which weekday was 9 November 1989",
        "what is the week number of 15 March",
        "what day is Christmas this year?",
        "is 23 August a Monday or a Tuesday",
        "I was born on 17 June 1985, what weekday was that",
        "which calendar week is 1 October in",
        "does 13 February fall on a weekend?",
    ),
)
def calculate_date(
    start: Annotated[DateText, DateSaid("start")] = "today",
    end: Annotated[str, Field(max_length=60), DateSaid("end")] = "",
    years: Annotated[int, Field(ge=-_MOST, le=_MOST), SpanSaid("year")] = 0,
    months: Annotated[int, Field(ge=-_MOST, le=_MOST), SpanSaid("month")] = 0,
    weeks: Annotated[int, Field(ge=-_MOST, le=_MOST), SpanSaid("week")] = 0,
    days: Annotated[int, Field(ge=-_MOST, le=_MOST), SpanSaid("day")] = 0,
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
