"""Times in words: those that are clear are read, and the others are sent back."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airunner.errors import ToolRetryError
from airunner.toolbox.time.dates.moments import in_words, moment_meant

NOW = datetime(2027, 3, 17, 14, 30)  # a Wednesday
NOW_S = NOW.timestamp()


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("in 10 minutes", "2027-03-17 14:40"),
        ("In half an hour.", "2027-03-17 15:00"),
        ("in an hour", "2027-03-17 15:30"),
        ("in an hour and a half", "2027-03-17 16:00"),
        ("in 2 hours and 15 minutes", "2027-03-17 16:45"),
        ("90 seconds from now", "2027-03-17 14:31:30"),
        ("in two hours", "2027-03-17 16:30"),
        ("in a week", "2027-03-24 14:30"),
        ("in 3 days at 10:00", "2027-03-20 10:00"),
        ("tomorrow at 9", "2027-03-18 09:00"),
        ("tomorrow morning at nine", "2027-03-18 09:00"),
        ("tomorrow at 3 in the afternoon", "2027-03-18 15:00"),
        ("2 pm tomorrow", "2027-03-18 14:00"),
        ("quarter to eight tomorrow", "2027-03-18 07:45"),
        ("the day after tomorrow at 9.30", "2027-03-19 09:30"),
        ("at 17:30", "2027-03-17 17:30"),
        ("at 5 p.m.", "2027-03-17 17:00"),
        ("tonight at 8", "2027-03-17 20:00"),
        ("this evening at half past 7", "2027-03-17 19:30"),
        ("today at 3 pm", "2027-03-17 15:00"),
        ("midnight", "2027-03-18 00:00"),
        ("on Friday at noon", "2027-03-19 12:00"),
        ("Sunday 10 o'clock", "2027-03-21 10:00"),
        ("next Monday at 8", "2027-03-22 08:00"),
        ("next Friday at 10am", "2027-03-19 10:00"),
        ("Wednesday at 5 pm", "2027-03-17 17:00"),
        ("Easter Monday at 10:00", "2027-03-29 10:00"),
        ("20 March at 7 pm", "2027-03-20 19:00"),
        ("March 20th, 9am", "2027-03-20 09:00"),
        ("on the 20th of March at 09:15", "2027-03-20 09:15"),
        ("13/04/2027 10:00", "2027-04-13 10:00"),
        ("2027-03-20T08:00", "2027-03-20 08:00"),
        ("2027-03-20 at 10", "2027-03-20 10:00"),
        ("tomorrow 00:15", "2027-03-18 00:15"),
    ],
)
def test_what_is_clear_is_read(words: str, meant: str) -> None:
    assert moment_meant(words, NOW_S) == datetime.fromisoformat(meant).timestamp()


def test_an_offset_is_minded() -> None:
    meant = datetime.fromisoformat("2027-03-20T08:00+02:00").timestamp()
    assert moment_meant("2027-03-20T08:00+02:00", NOW_S) == meant


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("tomorrow", "has no time of day"),
        ("tomorrow morning", "has no time of day"),
        ("Friday", "has no time of day"),
        ("2027-03-20", "has no time of day"),
        ("tomorrow at 3", "may be in the morning or in the afternoon"),
        ("half past five", "may be in the morning or in the afternoon"),
        ("tomorrow at midnight", "beginning or the end"),
        ("Wednesday at 9am", "17 March 2027, 09:00, which is over"),
        ("03/04/2027 10:00", "may be 3 April or 4 March"),
        ("31 June at 10:00", "not understood"),
        ("31/06/2027 10:00", "June 2027 has 30 days"),
        ("next week at 9:00", "not understood"),
        ("in 2 hours at 10:00", "both a span and a time of day"),
        ("at 9", "Wednesday 17 March 2027, 09:00, which is over; it is now Wednesday 17 March"),
        ("yesterday at 5pm", "is over"),
        ("20 March 2026 at 10:00", "is over"),
        ("10 minutes ago", "is over"),
        ("in 50 years", "more than 10 years away"),
        ("soon", "not understood"),
        ("every day at 9", "not understood"),
        ("at 25:00", "not understood"),
        ("in 99999999999 days", "not understood"),
        ("call mum", "not understood"),
        (" ", "not understood"),
        ("9", "not understood"),
    ],
)
def test_what_is_vague_or_over_is_sent_back(words: str, hint: str) -> None:
    with pytest.raises(ToolRetryError, match=hint):
        moment_meant(words, NOW_S)


@given(minutes=st.integers(1, 5 * 365 * 24 * 60))
def test_what_is_told_is_what_is_understood(minutes: int) -> None:
    at = datetime.fromtimestamp(NOW_S + 60 * minutes).replace(fold=0)
    assert moment_meant(in_words(at.timestamp()), NOW_S) == at.timestamp()
