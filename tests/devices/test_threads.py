from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airunner.devices.threads import threads_for_engine


@pytest.mark.parametrize(
    ("total", "live", "expected"),
    [
        (2, [], 2),
        (2, [2], 1),
        (2, [1], 1),
        (2, [2, 1], 1),
        (8, [8], 4),
        (8, [2], 6),
        (8, [8, 4], 2),
        (8, [2, 2], 4),
        (1, [1, 1, 1], 1),
    ],
)
def test_the_share_or_what_is_left_over(total: int, live: list[int], expected: int) -> None:
    assert threads_for_engine(total, live) == expected


@given(st.integers(1, 256), st.lists(st.integers(1, 256)))
def test_there_is_always_a_thread_and_never_more_than_all(total: int, live: list[int]) -> None:
    assert 1 <= threads_for_engine(total, live) <= total
