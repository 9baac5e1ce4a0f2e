"""Durations in words."""

import pytest

from airunner.durations import about_seconds, format_seconds


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.0, "0 ms"),
        (0.00534, "5.3 ms"),
        (0.038, "38 ms"),
        (0.1, "0.1 s"),
        (0.5, "0.5 s"),
        (0.554, "0.55 s"),
        (30, "30 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min"),
        (394.0, "6 min 34 s"),
        (3600, "1 h"),
        (7500.0, "2 h 5 min"),
        (172_800, "2 days"),
        (200_000.0, "2 days 7 h"),
    ],
)
def test_a_duration_is_in_the_units_that_people_use(value: float, words: str) -> None:
    assert format_seconds(value) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.0, "1 s"),
        (43.4, "43 s"),
        (90, "2 min"),
        (4620, "77 min"),
        (5400, "1.5 h"),
        (36_000, "10 h"),
    ],
)
def test_an_estimate_is_in_one_unit(value: float, words: str) -> None:
    assert about_seconds(value) == words
