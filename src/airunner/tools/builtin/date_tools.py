"""Tools about the clock and the calendar.

Each looks at the clock and leaves the rest to ``dates.answers`` and ``dates.time_zones``,
which are told what time it is.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from pydantic import Field

from airunner.tools.dates.answers import describe, shift, span
from airunner.tools.dates.date_words import DateSaid, FirstDateSaid, PeriodSaid, PlaceSaid, SpanSaid
from airunner.tools.dates.time_zones import time_in
from airunner.tools.tool import tool

_MOST = 100_000

DateText = Annotated[str, Field(min_length=1, max_length=60)]


@tool(
    permission="read",
    keywords=(
        "what time is it",
        "time is it",
        "what's the time",
        "what is the time",
        "the time in",
        "current time",
        "local time",
        "time now",
        "time zone",
        "timezone",
        "current date",
        "today's date",
        "date today",
        "what day is it",
        "day is it",
        "day is it today",
        "day is today",
        "what is the date",
        "what's the date",
    ),
    topics=("clock", "o'clock", "date", "now"),
    unless=("had", "good", "great", "nice", "hard"),
    examples=(
        "what time is it",
        "what time is it in New York",
        "current time in Tokyo",
        "what is today's date",
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
    keywords=(
        "days between",
        "days until",
        "days till",
        "days since",
        "days left",
        "weeks until",
        "weeks between",
        "weeks since",
        "months until",
        "months between",
        "how long until",
        "how long ago",
        "how long since",
        "working days between",
    ),
    topics=("between", "until", "since", "countdown"),
    unless=("favourite", "favorite"),
    examples=(
        "how many days until Christmas",
        "how many days are there between 3 May and 12 June 2026",
        "days since 1 January 2020",
        "weeks until 15 August",
    ),
)
def days_between(
    start: Annotated[DateText, PeriodSaid("start")],
    end: Annotated[DateText, PeriodSaid("end")],
) -> str:
    """Count the days from one date to another.

    Args:
        start: the first date, such as today, 3 May 2026 or next Friday.
        end: the second date.
    """
    return span(start, end, date.today())


@tool(
    permission="read",
    keywords=(
        "days from now",
        "days from today",
        "weeks from now",
        "weeks from today",
        "months from now",
        "months from today",
        "days ago",
        "weeks ago",
        "months ago",
        "days after",
        "weeks after",
        "months after",
        "days before",
        "weeks before",
        "months before",
        "will the date",
        "was the date",
        "what date is",
        "what date will",
        "what date was",
    ),
    topics=("deadline",),
    unless=("many", "much"),
    examples=(
        "what date is 90 days from today",
        "which date is 3 weeks after 5 May 2026",
        "what date was it 45 days ago",
        "add 2 months to 31 January",
    ),
)
def shift_date(
    start: Annotated[DateText, FirstDateSaid()] = "today",
    years: Annotated[int, Field(ge=-_MOST, le=_MOST), SpanSaid("year")] = 0,
    months: Annotated[int, Field(ge=-_MOST, le=_MOST), SpanSaid("month")] = 0,
    weeks: Annotated[int, Field(ge=-_MOST, le=_MOST), SpanSaid("week")] = 0,
    days: Annotated[int, Field(ge=-_MOST, le=_MOST), SpanSaid("day")] = 0,
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
    keywords=(
        "day of the week",
        "what day is",
        "what day was",
        "what day will",
        "which day is",
        "which weekday",
        "what weekday",
        "week number",
        "which week",
        "day of the year",
    ),
    topics=("weekday", "calendar"),
    unless=("today", "before", "after", "ago", "had", "good", "great", "nice", "favourite"),
    examples=(
        "what day of the week is 4 July 2026",
        "which weekday was 9 November 1989",
        "what is the week number of 15 March",
        "what day is Christmas this year",
    ),
)
def describe_date(when: Annotated[DateText, DateSaid()]) -> str:
    """Tell a date's weekday, week number and day of the year, and how far it is from today.

    Args:
        when: the date, such as 3 May 2026, next Friday or in 3 weeks.
    """
    return describe(when, date.today())
