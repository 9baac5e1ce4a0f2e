"""Dates as people write them, counted between and moved, and the time in other places."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airunner.errors import ToolError, ToolRetryError
from airunner.toolbox.time.date_tools import calculate_date, current_time
from airunner.toolbox.time.dates.answers import describe, shift, span
from airunner.toolbox.time.dates.calendar import (
    in_calendar_units,
    shifted,
    weekdays_between,
    written,
)
from airunner.toolbox.time.dates.date_reader import read_date
from airunner.toolbox.time.dates.time_zones import time_in

TUESDAY = date(2026, 11, 24)
IN_LONDON = datetime(2026, 11, 24, 15, 4, 5, tzinfo=ZoneInfo("Europe/London"))


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("2026-05-03", "2026-05-03"),
        ("2026/5/3", "2026-05-03"),
        ("20260503", "2026-05-03"),
        ("2026-05-03T10:00", "2026-05-03"),
        ("3 May 2026", "2026-05-03"),
        ("May 3rd, 2026", "2026-05-03"),
        ("Sun 3 May 2026", "2026-05-03"),
        ("3 May", "2027-05-03"),
        ("on the 3rd of December", "2026-12-03"),
        ("24 November", "2026-11-24"),
        ("13/04/2026", "2026-04-13"),
        ("04/13/2026", "2026-04-13"),
        ("3.5.2026", "2026-05-03"),
        ("10.12.", "2026-12-10"),
        ("3.5.", "2027-05-03"),
        ("2027-W10-3", "2027-03-10"),
        ("05/05/70", "1970-05-05"),
        ("05/05/69", "2069-05-05"),
        ("29 February", "2028-02-29"),
        ("today", "2026-11-24"),
        ("tomorrow", "2026-11-25"),
        ("the day after tomorrow", "2026-11-26"),
        ("yesterday", "2026-11-23"),
        ("Friday", "2026-11-27"),
        ("this Tuesday", "2026-11-24"),
        ("next Tuesday", "2026-12-01"),
        ("last Tuesday", "2026-11-17"),
        ("last Monday", "2026-11-23"),
        ("Friday next week", "2026-12-04"),
        ("Monday this week", "2026-11-23"),
        ("in 3 weeks", "2026-12-15"),
        ("two weeks from now", "2026-12-08"),
        ("2 days ago", "2026-11-22"),
        ("tomorrow at 5pm", "2026-11-25"),
        ("3 mai 2026", "2026-05-03"),
        ("morgen", "2026-11-25"),
    ],
)
def test_dates_as_people_write_them(typed: str, wanted: str) -> None:
    assert read_date(typed, TUESDAY).day == date.fromisoformat(wanted)


def test_a_date_that_may_be_two_is_refused_and_a_next_friday_says_which() -> None:
    for typed in ("03/04/2026", "3/4/2026", "03-04-26", "3/4", "Friday 03/04/2026"):
        with pytest.raises(ToolRetryError, match=r"may be 3 April or 4 March.*ISO date"):
            read_date(typed, TUESDAY)
    assert read_date("04/04/2026", TUESDAY).day == date(2026, 4, 4)
    assert "first Friday after today" in read_date("next Friday", TUESDAY).note


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("2026-02-30", "does not exist: day is out of range"),
        ("2026-13-01", "does not exist"),
        ("31/04/2026", "no day that exists"),
        ("31 April 2026", "no day that exists"),
        ("May", "Write it like"),
        ("2026", "Write it like"),
        ("a", "Write it like"),
        ("hello", "Write it like"),
        ("", "Write it like"),
        ("x" * 200, "Write it like"),
        ("in 99999999 years", "Write it like"),
    ],
)
def test_what_is_no_date_is_not_guessed(typed: str, told: str) -> None:
    with pytest.raises(ToolRetryError) as raised:
        read_date(typed, TUESDAY)
    assert told in str(raised.value)


SOME_WORDS = """
next last this friday may 3 31 2026 in ago weeks days of the 5pm utc : - / . + am noon month year
99999999 00 -1 ½ é 日 mardi prochain heute vor second century decade quarter
"""


@settings(max_examples=50)
@given(st.lists(st.sampled_from(SOME_WORDS.split()), min_size=1, max_size=5))
def test_any_words_are_a_date_or_an_error_of_ours(words: list[str]) -> None:
    with suppress(ToolError):
        read_date(" ".join(words), TUESDAY)


@given(st.dates(), st.integers(0, 2000))
def test_spans_agree_with_counting(start: date, days: int) -> None:
    if (date.max - start).days < days:
        return
    end = start + timedelta(days=days)
    one_by_one = sum((start + timedelta(days=n)).weekday() < 5 for n in range(1, days + 1))
    assert weekdays_between(start, end) == one_by_one
    assert "-" not in in_calendar_units(start, end)
    assert read_date(start.isoformat(), TUESDAY).day == start


@given(st.dates(date(1900, 1, 1), date(2100, 1, 1)), st.integers(-1000, 1000))
def test_a_move_by_months_keeps_the_day_or_takes_the_last(start: date, months: int) -> None:
    moved = shifted(start, months=months)
    assert (moved.year * 12 + moved.month) - (start.year * 12 + start.month) == months
    assert moved.day == start.day or (moved + timedelta(days=1)).day == 1


def test_the_days_between_two_dates() -> None:
    assert span("today", "2026-12-25", TUESDAY) == (
        "From Tuesday 24 November 2026 to Friday 25 December 2026: 31 days, which is "
        "4 weeks and 3 days or 1 month and 1 day. 23 of these days are Monday to Friday."
    )
    assert span("today", "tomorrow", TUESDAY).endswith(
        "1 day. 1 of these days is Monday to Friday."
    )
    assert "1 day back" in span("today", "yesterday", TUESDAY)
    assert span("today", "24 November", TUESDAY).endswith("that is the same day.")
    assert "2,519 days" in span("1 January 2020", "today", TUESDAY)


def test_a_date_is_moved() -> None:
    assert shift("today", TUESDAY, days=90) == (
        "90 days after Tuesday 24 November 2026 is Monday 22 February 2027."
    )
    assert shift("31 January 2026", TUESDAY, months=1).endswith(
        "Saturday 28 February 2026. February has no day 31, so its last was taken."
    )
    assert shift("5 May 2026", TUESDAY, weeks=-3).startswith("3 weeks before Tuesday 5 May 2026")
    assert "3 days before and 2 months after" in shift("today", TUESDAY, months=2, days=-3)
    with pytest.raises(ToolRetryError, match="1 to 9999"):
        shift("today", TUESDAY, years=99_999)
    with pytest.raises(ToolRetryError, match="1 to 9999"):
        shift("today", TUESDAY, days=-100_000, years=-1_900)


def test_a_date_is_described() -> None:
    assert describe("4 July 2026", TUESDAY) == (
        "Saturday 4 July 2026 (2026-07-04) is 143 days (4 months and 20 days) ago: "
        "ISO week 27, day 185 of 365."
    )
    assert "ISO week 53 of 2026, day 1 of 365" in describe("1 Jan 2027", TUESDAY)
    assert "is today" in describe("24.11.2026", TUESDAY)
    assert "is in 3 days" in describe("next Friday", TUESDAY)
    assert "of 366" in describe("1 March 2028", TUESDAY)


def test_the_time_here_and_elsewhere() -> None:
    assert time_in("", IN_LONDON) == (
        "It is 15:04:05 on Tuesday 24 November 2026 here (UTC+0): week 48, day 328 of the year."
    )
    assert time_in("Tokyo", IN_LONDON) == (
        "In Tokyo it is 00:04 on Wednesday 25 November 2026 (Asia/Tokyo, UTC+9, 9 h ahead of here)."
    )


@pytest.mark.parametrize(
    ("place", "clock"),
    [
        ("new york", "10:04"),
        ("São Paulo", "12:04"),
        ("sao paulo", "12:04"),
        ("Paris, France", "16:04"),
        ("Europe/Paris", "16:04"),
        ("europe/paris", "16:04"),
        ("Kathmandu", "20:49"),
        ("Buenos Aires", "12:04"),
        ("Germany", "16:04"),
        ("japan", "00:04"),
        ("England", "15:04"),
        ("EST", "10:04"),
        ("utc", "15:04"),
        ("UTC+2", "17:04"),
        ("gmt-3:30", "11:34"),
        ("+05:30", "20:34"),
        ("Los Angeles time", "07:04"),
    ],
)
def test_places_by_the_names_people_use(place: str, clock: str) -> None:
    assert f"it is {clock} on" in time_in(place, IN_LONDON)


def test_a_country_with_several_times_has_them_all() -> None:
    lines = time_in("USA", IN_LONDON).splitlines()
    assert lines[0] == "USA has several times:"
    assert [line[:5] for line in lines[1:]] == [
        "05:04",
        "06:04",
        "07:04",
        "08:04",
        "09:04",
        "10:04",
    ]
    assert "New_York" in lines[-1]
    assert "Sydney" in time_in("Australia", IN_LONDON)


def test_summer_time_is_the_zones_own() -> None:
    summer = datetime(2026, 7, 1, 12, tzinfo=UTC)
    assert "it is 08:00" in time_in("New York", summer)
    assert "it is 13:00" in time_in("London", summer)


def test_places_that_are_not_known() -> None:
    with pytest.raises(ToolRetryError, match="Did you mean Tokyo"):
        time_in("Toyko", IN_LONDON)
    for place in ("Middle of Nowhere", "../../etc/passwd", "x" * 60):
        with pytest.raises(ToolRetryError, match="Name a zone such as"):
            time_in(place, IN_LONDON)
    with pytest.raises(ToolRetryError, match="no offset"):
        time_in("UTC+20", IN_LONDON)


def test_the_tools_look_at_the_clock() -> None:
    earliest = datetime.now(UTC).replace(microsecond=0)
    text = current_time("UTC")
    latest = datetime.now(UTC)
    seen = text.partition("it is ")[2].partition(" (")[0]
    assert seen in {f"{at:%H:%M} on {written(at.date())}" for at in (earliest, latest)}
    assert current_time().endswith("of the year.")
    assert calculate_date("2026-01-01", "2026-03-01").startswith(
        "From Thursday 1 January 2026 to Sunday 1 March 2026: 59 days"
    )
    assert "is Tuesday 6 May 2025" in calculate_date("6 May 2026", years=-1)
    assert calculate_date("9 November 1989").startswith("Thursday 9")
    with pytest.raises(ToolRetryError, match="not both"):
        calculate_date("2026-01-01", "2026-02-01", days=3)


def test_dateparser_is_loaded_where_it_is_needed_only() -> None:
    code = (
        "import sys, airunner.toolbox.time.date_tools as t;"
        "t.calculate_date('2026-01-01', '2026-03-01'); t.current_time('Tokyo');"
        "sys.exit('dateparser' in sys.modules)"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
