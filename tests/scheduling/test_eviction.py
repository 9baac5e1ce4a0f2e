"""The choice of victims, against a search through every set there is."""

from __future__ import annotations

from itertools import chain, combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airunner.scheduling.eviction import Candidate, cheapest_sufficient, eviction_cost_s


def candidates(least: int, most: int) -> st.SearchStrategy[list[Candidate]]:
    figures = st.tuples(st.integers(0, 50), st.integers(0, 9))
    return st.lists(figures, min_size=least, max_size=most).map(
        lambda drawn: [Candidate(f"m{i}", size, cost) for i, (size, cost) in enumerate(drawn)]
    )


def size(chosen: tuple[Candidate, ...]) -> int:
    return sum(c.size_bytes for c in chosen)


def cost(chosen: tuple[Candidate, ...]) -> float:
    return sum(c.cost_s for c in chosen)


@given(candidates(0, 8), st.integers(-5, 250))
def test_no_set_is_cheaper_and_no_member_can_be_spared(idle: list[Candidate], deficit: int) -> None:
    found = cheapest_sufficient(idle, deficit)
    every = chain.from_iterable(combinations(idle, n) for n in range(len(idle) + 1))
    enough = [s for s in every if size(s) >= deficit]
    if found is None:
        assert not enough
        return
    assert size(found) >= deficit
    assert cost(found) == min(cost(s) for s in enough)
    assert all(size(found) - c.size_bytes < deficit for c in found)


@given(candidates(13, 30), st.integers(1, 800))
def test_many_candidates_still_yield_a_set_without_spare_members(
    idle: list[Candidate], deficit: int
) -> None:
    found = cheapest_sufficient(idle, deficit)
    if found is None:
        assert sum(c.size_bytes for c in idle) < deficit
        return
    assert size(found) >= deficit
    assert len({c.key for c in found}) == len(found)
    assert all(size(found) - c.size_bytes < deficit for c in found)


def test_one_large_model_goes_rather_than_two_dearer_small_ones() -> None:
    small = [Candidate("a", 40, 3.0), Candidate("b", 40, 3.0)]
    large = Candidate("c", 90, 5.0)
    assert cheapest_sufficient([*small, large], 80) == (large,)
    assert cheapest_sufficient([*small, large], 40) == (small[0],)


def test_equal_costs_go_to_fewer_models_then_to_fewer_bytes() -> None:
    free = [Candidate("a", 30, 0.0), Candidate("b", 30, 0.0), Candidate("c", 90, 0.0)]
    assert cheapest_sufficient(free, 60) == (free[2],)
    assert cheapest_sufficient([free[2], free[0]], 20) == (free[0],)


def test_cost_counts_what_coming_back_takes_its_likelihood_and_the_primary() -> None:
    def cost_of(likelihood: float, is_primary: bool = False) -> float:
        return eviction_cost_s(load_s=10, rebuild_s=2, likelihood=likelihood, is_primary=is_primary)

    assert cost_of(0.25) == pytest.approx(12 * 0.25)
    assert cost_of(0.0) == 0, "what nobody used is not expected to be used"
    assert cost_of(0.0, is_primary=True) == 12, "the primary is certain to come back"
