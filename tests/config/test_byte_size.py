from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airunner.config.byte_size import format_bytes, parse_bytes, size_bytes

UNITS = {"": 1, "B": 1, "k": 10**3, "MB": 10**6, "G": 10**9, "TB": 10**12}
UNITS |= {"KiB": 2**10, "mib": 2**20, "GiB": 2**30, "Ti": 2**40}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("600MB", 600_000_000),
        ("6.5GiB", 13 * 2**29),
        ("8G", 8_000_000_000),
        (" 5 mb ", 5_000_000),
        ("1_000", 1000),
        ("0.1KiB", 102),
        ("0.3TB", 300_000_000_000),
        (0, 0),
        (123, 123),
    ],
)
def test_sizes_are_read_exactly_and_rounded_down(text: str | int, expected: int) -> None:
    assert parse_bytes(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "MB", "-1", "-5MB", "1e3", "1.2.3GB", "5 i", "5iB", "8 GBs", "nan", "٣GB", True, -1],
)
def test_what_is_not_a_size_is_refused_with_the_way_to_write_one(text: str | int) -> None:
    with pytest.raises(ValueError, match=r"600MB, 6\.5GiB"):
        parse_bytes(text)


@given(st.integers(0, 10**7), st.sampled_from(sorted(UNITS)))
def test_a_whole_number_of_any_unit_is_exact(number: int, unit: str) -> None:
    assert parse_bytes(f"{number}{unit}") == number * UNITS[unit]


@given(st.integers(0, 10**19))
def test_a_formatted_size_is_read_back_within_half_a_percent(n_bytes: int) -> None:
    back = parse_bytes(format_bytes(n_bytes))
    assert abs(back - n_bytes) <= n_bytes * 0.005 + (n_bytes >= 1000)


@pytest.mark.parametrize(
    ("n_bytes", "expected"),
    [
        (None, "unknown"),
        (0, "0 B"),
        (999, "999 B"),
        (999_499, "999 KB"),
        (999_999, "1.00 MB"),
        (613_400_000, "613 MB"),
        (6_500_000_000, "6.50 GB"),
        (12_340_000_000, "12.3 GB"),
        (1234 * 10**12, "1234 TB"),
        (-2_500_000, "-2.50 MB"),
    ],
)
def test_sizes_for_people(n_bytes: int | None, expected: str) -> None:
    assert format_bytes(n_bytes) == expected


@pytest.mark.parametrize(
    ("written", "n_bytes"),
    [
        ("6", 6 * 10**9),
        (8, 8 * 10**9),
        (7.5, 75 * 10**8),
        ("0.5", 5 * 10**8),
        ("6B", 6),
        ("600000000", 600_000_000),
        (600_000_000, 600_000_000),
        ("0", 0),
        (0, 0),
        ("6KB", 6000),
    ],
)
def test_a_number_alone_means_the_same_everywhere(written: str | float, n_bytes: int) -> None:
    assert size_bytes(written) == n_bytes


@pytest.mark.parametrize("written", ["6000", 1000, 999_999, "1e9", "99999999TB", -3.0, "12345.5"])
def test_a_size_that_nobody_can_mean_is_refused(written: str | float) -> None:
    with pytest.raises(ValueError, match=r"of what|6\.5GiB|no machine"):
        size_bytes(written)
