"""Moments as people and programs write them: clear ones are read, others are sent back."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airunner.errors import ToolRetryError
from airunner.toolbox.time.dates.date_reader import in_words, read_moment

NOW = datetime(2027, 3, 17, 14, 30)  # a Wednesday
NOW_S = NOW.timestamp()


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("in 10 minutes", "2027-03-17 14:40"),
        ("in an hour", "2027-03-17 15:30"),
        ("in 2 hours and 15 minutes", "2027-03-17 16:45"),
        ("90 seconds from now", "2027-03-17 14:31:30"),
        ("in 20 minutes", "2027-03-17 14:50"),
        ("tomorrow 10:00", "2027-03-18 10:00"),
        ("tomorrow morning at 9", "2027-03-18 09:00"),
        ("this evening at 7:30", "2027-03-17 19:30"),
        ("the day after tomorrow at 9:30", "2027-03-19 09:30"),
        ("in two hours", "2027-03-17 16:30"),
        ("in a week", "2027-03-24 14:30"),
        ("in 3 days at 10:00", "2027-03-20 10:00"),
        ("tomorrow at 9", "2027-03-18 09:00"),
        ("tomorrow at 3 in the afternoon", "2027-03-18 15:00"),
        ("2 pm tomorrow", "2027-03-18 14:00"),
        ("at 17:30", "2027-03-17 17:30"),
        ("at 5 p.m.", "2027-03-17 17:00"),
        ("tonight at 8", "2027-03-17 20:00"),
        ("today at 3 pm", "2027-03-17 15:00"),
        ("on Friday at noon", "2027-03-19 12:00"),
        ("next Monday at 8", "2027-03-22 08:00"),
        ("next Friday at 10am", "2027-03-19 10:00"),
        ("Wednesday at 5 pm", "2027-03-17 17:00"),
        ("20 March at 7 pm", "2027-03-20 19:00"),
        ("March 20th, 9am", "2027-03-20 09:00"),
        ("on the 20th of March at 09:15", "2027-03-20 09:15"),
        ("13/04/2027 10:00", "2027-04-13 10:00"),
        ("2027-03-20T08:00", "2027-03-20 08:00"),
        ("20270320T0800", "2027-03-20 08:00"),
        ("2027-3-20 10:00", "2027-03-20 10:00"),
        ("2027-03-20 at 10", "2027-03-20 10:00"),
        ("tomorrow 00:15", "2027-03-18 00:15"),
    ],
)
def test_what_is_clear_is_read(words: str, meant: str) -> None:
    assert read_moment(words, NOW_S) == datetime.fromisoformat(meant).timestamp()


def test_an_offset_is_minded() -> None:
    meant = datetime.fromisoformat("2027-03-20T08:00+02:00").timestamp()
    assert read_moment("2027-03-20T08:00+02:00", NOW_S) == meant


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("tomorrow", "it needs a time of day"),
        ("tomorrow morning", "it needs a time of day"),
        ("Friday", "it needs a time of day"),
        ("2027-03-20", "it needs a time of day"),
        ("tomorrow at 3", "may be in the morning or in the afternoon"),
        ("tomorrow at midnight", "no time that can be read"),
        ("Wednesday at 9am", "17 March 2027, 09:00, which is over"),
        ("03/04/2027 10:00", "may be 3 April or 4 March"),
        ("31 June at 10:00", "no day that exists"),
        ("31/06/2027 10:00", "no day that exists"),
        ("next week at 9:00", "no date that can be read"),
        ("in 2 hours at 10:00", "both a span and a time of day"),
        ("at 9", "Wednesday 17 March 2027, 09:00, which is over; it is now Wednesday 17 March"),
        ("yesterday at 5pm", "is over"),
        ("20 March 2026 at 10:00", "is over"),
        ("10 minutes ago", "is over"),
        ("in 50 years", "more than 10 years away"),
        ("soon", "no time that can be read"),
        ("every day at 9", "no date that can be read"),
        ("at 25:00", "no time that can be read"),
        ("in 99999999999 days", "no time that can be read"),
        ("call mum", "no time that can be read"),
        (" ", "no time that can be read"),
        ("9", "no time that can be read"),
    ],
)
def test_what_is_vague_or_over_is_sent_back(words: str, hint: str) -> None:
    with pytest.raises(ToolRetryError, match=hint):
        read_moment(words, NOW_S)


@given(minutes=st.integers(1, 5 * 365 * 24 * 60))
def test_what_is_told_is_what_is_understood(minutes: int) -> None:
    at = datetime.fromtimestamp(NOW_S + 60 * minutes).replace(fold=0)
    assert read_moment(in_words(at.timestamp()), NOW_S) == at.timestamp()
