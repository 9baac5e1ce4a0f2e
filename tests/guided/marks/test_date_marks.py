"""Dates and places are taken out of a message."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from airunner.guided.marks.date_words import plain_date, plain_time
from airunner.guided.marks.table import marks_of
from airunner.guided.request import split_request
from airunner.toolbox.time.date_tools import calculate_date, current_time
from airunner.toolbox.time.dates.date_reader import read_moment
from airunner.tools.tool import Tool


def said(tool: Tool, message: str) -> dict[str, str]:
    """The arguments that the user's own words give, as for a guided model."""
    request = split_request(message)
    taken = {name: mark.take(request, "") for name, mark in marks_of(tool).items()}
    return {name: value for name, value in taken.items() if value is not None}


@pytest.mark.parametrize(
    ("tool", "message", "wanted"),
    [
        (current_time, "what time is it", {}),
        (current_time, "What time is it in New York right now?", {"place": "New York"}),
        (current_time, "what's the time in Paris, France?", {"place": "Paris, France"}),
        (current_time, "Tokyo time please", {"place": "Tokyo"}),
        (current_time, "time in UTC+2", {"place": "UTC+2"}),
        (current_time, "What's the time at the moment?", {}),
        (current_time, "what time is it for a friend in Delhi", {"place": "Asia/Kolkata"}),
        (
            calculate_date,
            "How many days are there between 3 May and 12 June 2026?",
            {"start": "3 May", "end": "12 June 2026"},
        ),
        (
            calculate_date,
            "how long is it since 1 January 2020",
            {"start": "1 January 2020", "end": "today"},
        ),
        (calculate_date, "days until the party", {}),
        (calculate_date, "what date is 90 days from today", {"start": "today", "days": "90"}),
        (calculate_date, "what date was it 45 days ago", {"days": "-45"}),
        (calculate_date, "a fortnight before 5 May", {"start": "5 May", "weeks": "-2"}),
        (
            calculate_date,
            "two weeks and 3 days after 5 May 2026",
            {"start": "5 May 2026", "weeks": "2", "days": "3"},
        ),
        (calculate_date, "what day of the week is 4 July 2026", {"start": "4 July 2026"}),
        (calculate_date, "was 1 March 2020 a Sunday?", {"start": "1 March 2020"}),
        (calculate_date, "what day is it in 3 weeks", {"weeks": "3"}),
        (calculate_date, "what day is it", {}),
    ],
)
def test_dates_and_places_are_taken_out_of_a_message(
    tool: Tool, message: str, wanted: dict[str, str]
) -> None:
    assert said(tool, message) == wanted


TUESDAY = date(2026, 11, 24)


@pytest.mark.parametrize(
    ("words", "plain"),
    [
        ("Christmas", "2026-12-25"),
        ("New Year’s Day", "2027-01-01"),
        ("Easter", "2027-03-28"),
        ("good friday", "2027-03-26"),
        ("the end of the month", "2026-11-30"),
        ("end of next month", "2026-12-31"),
        ("end of next year", "2027-12-31"),
        ("tomorrow", "tomorrow"),
    ],
)
def test_days_with_a_name_are_told_as_dates(words: str, plain: str) -> None:
    assert plain_date(words, TUESDAY) == plain


def test_a_holiday_of_a_message_is_a_date_to_come() -> None:
    end = date.fromisoformat(said(calculate_date, "how many days until Christmas")["end"])
    assert (end.month, end.day) == (12, 25)
    assert end >= date.today()


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("In half an hour", "2027-03-17 15:00"),
        ("in twenty seconds", "2027-03-17 14:30:20"),
        ("in half a minute", "2027-03-17 14:30:30"),
        ("in an hour and a half", "2027-03-17 16:00"),
        ("in two hours", "2027-03-17 16:30"),
        ("tomorrow morning at nine", "2027-03-18 09:00"),
        ("tomorrow at a quarter to eight", "2027-03-18 07:45"),
        ("this evening at half past 7", "2027-03-17 19:30"),
        ("the day after tomorrow at 9.30", "2027-03-19 09:30"),
        ("Sunday 10 o'clock", "2027-03-21 10:00"),
    ],
)
def test_times_in_words_are_told_so_that_a_reminder_can_be_set(words: str, meant: str) -> None:
    now_s = datetime(2027, 3, 17, 14, 30).timestamp()
    assert read_moment(plain_time(words), now_s) == datetime.fromisoformat(meant).timestamp()
