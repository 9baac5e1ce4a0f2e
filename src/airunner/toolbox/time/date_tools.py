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
    place: Annotated[str, Field(max_length=60)] = "",
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
        "how many days are left before the year ends",
        "I started on 7 September 2021, how many days is that up to now",
        "number of weeks from Easter to 30 June",
    ),
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
    examples=(
        "what date is 90 days from today?",
        "which date is 3 weeks after 5 May 2026",
        "what date was it 45 days ago",
        "add 2 months to 31 January",
        "today plus 100 days",
        "what will the date be in six weeks",
        "go back 18 months from 1 October 2025",
        "a 14 day deadline starting on 9 April, on which date does it end?",
        "when is 10 weeks before 20 December",
        "tell me the date one year and 3 days after 2 February 2024",
    ),
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
    examples=(
        "what day of the week is 4 July 2026?",
        "which weekday was 9 November 1989",
        "what is the week number of 15 March",
        "what day is Christmas this year?",
        "is 23 August a Monday or a Tuesday",
        "I was born on 17 June 1985, what weekday was that",
        "which calendar week is 1 October in",
        "what day of the year is 5 May",
        "does 13 February fall on a weekend?",
        "weekday of 29 February 2028",
    ),
)
def describe_date(when: DateText) -> str:
    """Tell a date's weekday, week number and day of the year, and how far it is from today.

    Args:
        when: the date, such as 3 May 2026, next Friday or in 3 weeks.
    """
    return describe(when, date.today())
