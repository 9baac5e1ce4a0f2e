"""What is expected to be used next: properties of any history, and the habits it tells apart."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airunner.scheduling.forecast import UseForecast


def forecast(uses: Iterable[str]) -> UseForecast:
    known = UseForecast()
    for key in uses:
        known = known.after_use(key)
    return known


HISTORIES = st.lists(st.sampled_from("abcdef"), min_size=1, max_size=60)


@given(HISTORIES)
def test_likelihoods_add_up_over_the_models_that_were_used(uses: list[str]) -> None:
    likelihood = forecast(uses).likelihood
    assert set(likelihood) == set(uses)
    assert all(0 < each <= 1.000001 for each in likelihood.values())
    assert sum(likelihood.values()) == pytest.approx(1.0)


@given(HISTORIES, st.sampled_from("abcdef"))
def test_uses_of_one_model_in_a_row_are_one_use(uses: list[str], key: str) -> None:
    once = forecast(uses).after_use(key)
    assert once.after_use(key) is once


@given(HISTORIES, st.sampled_from("abcdef"))
def test_a_forecast_does_not_change_when_another_follows(uses: list[str], key: str) -> None:
    before = forecast(uses)
    before.after_use(key)
    assert before == forecast(uses)


def test_what_was_popular_in_an_earlier_session_is_soon_forgotten() -> None:
    likelihood = forecast([*("p", "old") * 40, *("p", "new") * 8, "p"]).likelihood
    assert likelihood["new"] > 2 * likelihood["old"]


def test_a_scan_does_not_make_the_popular_models_unlikely() -> None:
    hot = Random(1).choices("xyz", k=120)
    scanned = forecast([*hot, *"abcdefgh", *hot, *"abcdefgh"]).likelihood
    assert min(scanned[key] for key in "xyz") > 2 * max(scanned[key] for key in "abcdefgh")


def test_a_long_run_stays_within_bounds() -> None:
    """Years of uses overflow nothing, and what was used once, long ago, keeps a likelihood."""
    likelihood = forecast(["once", *("a", "b", "c") * 2000]).likelihood
    assert 0 <= likelihood["once"] < 0.1
    assert sum(likelihood.values()) == pytest.approx(1.0)
