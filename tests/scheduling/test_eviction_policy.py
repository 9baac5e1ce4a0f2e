"""The scheduler on whole traces: what it spends, beside plain rules and exact bounds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from benchmarks.eviction_policies import (
    greedy_dual_size_frequency,
    known_popularity,
    least_recently_used,
    look_ahead,
    optimum,
    scheduler,
)
from benchmarks.eviction_traces import KINDS, Trace, drawn_trace, trace_of_run
from hypothesis import given, settings
from hypothesis import strategies as st

from airunner.resources.run_log import RunLog, read_run, run_files
from airunner.scheduling import inputs
from airunner.scheduling.effects import Grant, Park, StartLoad
from airunner.scheduling.inputs import Demand
from airunner.scheduling.ledger import DeviceBudget
from airunner.scheduling.scheduler import Scheduler

ONLINE = (scheduler, greedy_dual_size_frequency, least_recently_used)


def shortened(kind: str, seed: int, requests: int = 200) -> Trace:
    trace = drawn_trace(kind, seed)
    return replace(trace, requests=trace.requests[:requests])


@pytest.mark.parametrize("kind", KINDS)
def test_less_is_spent_than_by_least_recently_used(kind: str) -> None:
    """On average over a few short traces; where LRU is the best there is, about as much."""
    traces = [shortened(kind, seed) for seed in range(400, 406)]
    ours = sum(scheduler(trace).seconds for trace in traces)
    assert ours <= 1.03 * sum(least_recently_used(trace).seconds for trace in traces)


def test_where_popularity_and_size_matter_much_less_is_spent() -> None:
    traces = [shortened("scans", seed, 400) for seed in range(400, 406)]
    ours = sum(scheduler(trace).seconds for trace in traces)
    assert ours <= 0.85 * sum(least_recently_used(trace).seconds for trace in traces)


@settings(max_examples=40)
@given(
    st.lists(st.integers(1, 6), min_size=1, max_size=5),
    st.lists(st.integers(0, 4), min_size=1, max_size=25),
    st.integers(0, 12),
    st.booleans(),
)
def test_no_policy_spends_less_than_the_optimum(
    sizes: list[int], asked: list[int], more: int, has_primary: bool
) -> None:
    names = [f"m{number}" for number in range(len(sizes))]
    trace = Trace(
        budget_bytes=max(sizes) + more,
        size_bytes=dict(zip(names, sizes, strict=True)),
        load_s={name: 0.5 + size for name, size in zip(names, sizes, strict=True)},
        rebuild_s={"m0": 0.5} if has_primary else {},
        requests=tuple((names[model % len(names)], True) for model in asked),
        primary="m0" if has_primary else None,
    )
    least = optimum(trace)
    assert least is not None
    for policy in (*ONLINE, look_ahead, known_popularity):
        assert policy(trace).seconds >= least - 1e-6


def test_with_models_of_one_size_looking_ahead_is_the_optimum() -> None:
    """Belady's theorem, which ties the two references together."""
    trace = shortened("alike", 3)
    assert look_ahead(trace).seconds == pytest.approx(optimum(trace))


def test_neither_pinned_nor_leased_models_leave_however_cheap() -> None:
    """Both were used once, long ago; the dear model that is idle goes."""
    machine = Scheduler([DeviceBudget("cpu", 100)])

    def ask(request: str, key: str, size: int, load_s: float = 1.0) -> list[str]:
        demand = Demand(key, {"cpu": size})
        asked = inputs.LeaseAsked(now_s=0, request=request, owner=request, demand=demand)
        effects = machine.step(asked)
        if any(isinstance(effect, StartLoad) for effect in effects):
            done = inputs.LoadFinished(now_s=0, key=key, held_bytes=size, load_s=load_s)
            effects = [*effects, *machine.step(done)]
        return [f"{type(effect).__name__} {effect.key}" for effect in effects]

    assert ask("1", "pinned", 30, load_s=0.1) == ["StartLoad pinned", "Grant pinned"]
    machine.step(inputs.LeaseReturned(now_s=0, request="1"))
    machine.step(inputs.PinsChanged(now_s=0, keys=("pinned",)))
    ask("2", "leased", 30, load_s=0.1)
    for number in range(3, 13):
        ask(str(number), "dear", 30, load_s=60.0)
        machine.step(inputs.LeaseReturned(now_s=0, request=str(number)))
    assert ask("13", "new", 30) == ["Park dear", "Hold new"]


def test_an_eviction_says_what_was_at_stake() -> None:
    machine = Scheduler([DeviceBudget("cpu", 100)])
    for request, key in enumerate(("a", "b", "a")):
        demand = Demand(key, {"cpu": 50})
        machine.step(inputs.LeaseAsked(now_s=0, request=str(request), owner="o", demand=demand))
        machine.step(inputs.LoadFinished(now_s=0, key=key, held_bytes=50, load_s=2.0))
        machine.step(inputs.LeaseReturned(now_s=0, request=str(request), rebuild_s=0.5))
    demand = Demand("c", {"cpu": 40})
    effects = machine.step(inputs.LeaseAsked(now_s=0, request="c", owner="o", demand=demand))
    (park,) = [effect for effect in effects if isinstance(effect, Park)]
    assert park.key == "b"
    share = machine.roster.forecast.likelihood["b"]
    said = f"makes room for c, which needs 40 bytes; {share:.0%} likely to be next, 2.5 s"
    assert park.reason == f"{said} to bring back"


def test_a_recorded_run_is_a_trace(tmp_path: Path) -> None:
    """A primary, a specialist between, and a series of two after which it returns once."""
    budgets = [DeviceBudget("cpu", 100)]
    machine, log = Scheduler(budgets), RunLog(tmp_path, budgets, 256, "a test")
    seconds = {"p": 4.0, "a": 1.0, "b": 2.0}

    def tell(event: inputs.Input) -> None:
        effects = machine.step(event)
        log.record_step(event, effects)
        for effect in effects:
            key = effect.key
            match effect:
                case StartLoad():
                    load_s = seconds[key]
                    tell(inputs.LoadFinished(now_s=0, key=key, held_bytes=70, load_s=load_s))
                case Park():
                    tell(inputs.ParkFinished(now_s=0, key=key, parked_bytes=0))
                    tell(inputs.StopFinished(now_s=0, key=key))
                case Grant(request=request):
                    tell(inputs.LeaseReturned(now_s=0, request=request, rebuild_s=0.5))

    def use(request: str, key: str) -> None:
        demand = Demand(key, {"cpu": 70})
        tell(inputs.LeaseAsked(now_s=0, request=request, owner=request, demand=demand))

    tell(inputs.PrimaryChanged(now_s=0, demand=Demand("p", {"cpu": 70})))
    use("1", "p")
    use("2", "a")
    tell(inputs.SeriesBegan(now_s=0, series="s"))
    use("3", "a")
    use("4", "b")
    tell(inputs.SeriesEnded(now_s=0, series="s"))
    log.close()
    (path,) = run_files(tmp_path)
    trace = trace_of_run(read_run(path))
    assert trace.needs() == ["p", "a", "p", "a", "b", "p"]
    assert (trace.budget_bytes, trace.primary, trace.load_s) == (100, "p", seconds)
    assert trace.cost_s("a") == 1.5
    spent = scheduler(trace)
    assert (spent.loads, spent.seconds) == (6, pytest.approx(3 * 4.5 + 2 * 1.5 + 2.5))
    assert spent == least_recently_used(trace)


def test_a_run_without_loads_is_no_trace(tmp_path: Path) -> None:
    log = RunLog(tmp_path, [DeviceBudget("cpu", 1)], 1, "idle")
    log.record_step(inputs.UnloadAsked(now_s=0, key="m"), [])
    log.close()
    with pytest.raises(ValueError, match="nothing was loaded"):
        trace_of_run(read_run(run_files(tmp_path)[0]))
