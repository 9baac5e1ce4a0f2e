"""Eviction policies, each run over a trace: ours, two of the textbook, and three that know more.

Ours is the scheduler itself, told of every request and every finished effect. The
others decide for the same needs in the same order, the primary's returns included.
Each function returns what loading took.

The reference that looks ahead is Belady's rule with sizes and costs: of the sets
that free enough, it evicts the one with the least sum of (seconds to bring back /
needs until the model is needed again). It is a rule and can be beaten: ``optimum``
cannot. It is the exact least, by dynamic programming over every set of models
that fits (4,096 sets for twelve models). ``known_popularity`` knows how often each
model is needed in all and nothing of when: where requests are independent, what
it spends is about the least for whoever cannot look ahead.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import count
from math import inf

import numpy as np

from airunner.scheduling import inputs
from airunner.scheduling.effects import Effect, Grant, Park, Restore, StartLoad, Stop
from airunner.scheduling.eviction import Candidate, cheapest_sufficient
from airunner.scheduling.inputs import Demand, Input
from airunner.scheduling.ledger import DeviceBudget
from airunner.scheduling.scheduler import Scheduler
from benchmarks.eviction_traces import Trace

DEVICE = "cuda:0"
MOST_FOR_OPTIMUM = 14
"""More models than this take too long to look at every set of."""

Victims = Callable[[int, set[str], int], Iterable[str]]


@dataclass
class Spent:
    """What bringing models in took."""

    loads: int = 0
    seconds: float = 0.0


def scheduler(trace: Trace) -> Spent:
    """What the scheduler spends, as it is shipped."""
    spent, now = Spent(), count()
    machine = Scheduler([DeviceBudget(DEVICE, trace.budget_bytes)])
    granted: set[str] = set()

    def tell(event: Input) -> None:
        for effect in machine.step(event):
            report(effect)

    def report(effect: Effect) -> None:
        key, now_s = effect.key, float(next(now))
        match effect:
            case StartLoad():
                spent.loads += 1
                spent.seconds += trace.cost_s(key)
                held, load_s = trace.size_bytes[key], trace.load_s[key]
                tell(inputs.LoadFinished(now_s=now_s, key=key, held_bytes=held, load_s=load_s))
            case Restore():
                tell(inputs.RestoreFinished(now_s=now_s, key=key))
            case Park():
                state = int(trace.rebuild_s.get(key, 0.0) > 0)
                tell(inputs.ParkFinished(now_s=now_s, key=key, parked_bytes=state))
            case Stop():
                tell(inputs.StopFinished(now_s=now_s, key=key))
            case Grant():
                granted.add(effect.request)

    def demand(key: str) -> Demand:
        return Demand(key, {DEVICE: trace.size_bytes[key]})

    if trace.primary:
        tell(inputs.PrimaryChanged(now_s=0.0, demand=demand(trace.primary)))
    in_series = False
    for number, (key, returns) in enumerate(trace.requests):
        if not returns and not in_series:
            tell(inputs.SeriesBegan(now_s=float(next(now)), series="s"))
            in_series = True
        request = str(number)
        tell(
            inputs.LeaseAsked(
                now_s=float(next(now)), request=request, owner=request, demand=demand(key)
            )
        )
        if request not in granted:
            raise RuntimeError(f"the scheduler did not grant {key}")
        rebuild_s = trace.rebuild_s.get(key, 0.0)
        tell(inputs.LeaseReturned(now_s=float(next(now)), request=request, rebuild_s=rebuild_s))
        if returns and in_series:
            tell(inputs.SeriesEnded(now_s=float(next(now)), series="s"))
            in_series = False
    return spent


def least_recently_used(trace: Trace) -> Spent:
    """Evict what was used longest ago, one by one, until enough is free."""
    used: dict[str, int] = {}

    def victims(_step: int, held: set[str], deficit: int) -> list[str]:
        return _until_enough(trace, sorted(held, key=lambda key: used[key]), deficit)

    return _served(trace, victims, used.__setitem__)


def greedy_dual_size_frequency(trace: Trace) -> Spent:
    """Textbook GreedyDual-Size-Frequency (Cherkasova 1998).

    Evict the least of ``L + uses since loaded x seconds / bytes``, one by one; ``L`` is that
    figure of the last model evicted.
    """
    uses: dict[str, int] = {}
    figure: dict[str, float] = {}
    floor = 0.0

    def use(key: str, _step: int) -> None:
        uses[key] = uses.get(key, 0) + 1
        figure[key] = floor + uses[key] * trace.cost_s(key) / trace.size_bytes[key]

    def victims(_step: int, held: set[str], deficit: int) -> list[str]:
        nonlocal floor
        chosen = _until_enough(trace, sorted(held, key=lambda key: (figure[key], key)), deficit)
        floor = figure[chosen[-1]]
        for key in chosen:
            del uses[key]
        return chosen

    return _served(trace, victims, use)


def look_ahead(trace: Trace) -> Spent:
    """The reference: Belady's rule with sizes and costs; see the module's description."""
    needs = trace.needs()
    upcoming: dict[str, float] = {}
    ahead: list[dict[str, float]] = []
    for step in range(len(needs) - 1, -1, -1):
        ahead.append(dict(upcoming))
        upcoming[needs[step]] = step
    ahead.reverse()

    def rate(key: str, step: int) -> float:
        return 1.0 / (ahead[step].get(key, inf) - step)

    return _served(trace, _cheapest(trace, rate), _remember_nothing)


def known_popularity(trace: Trace) -> Spent:
    """Evict the cheapest set by seconds to bring back x needs in the whole trace."""
    needs = Counter(trace.needs())
    return _served(trace, _cheapest(trace, lambda key, _step: needs[key]), _remember_nothing)


def optimum(trace: Trace) -> float | None:
    """The least seconds that any policy could spend; ``None`` for too many models.

    Dynamic programming over the set of models in memory. ``best[s]`` is the least
    that it took to serve all needs so far and hold exactly the set ``s``; a load
    may come with any eviction, so it starts from the cheapest superset of what stays.
    """
    keys = sorted(trace.size_bytes)
    n = len(keys)
    if n > MOST_FOR_OPTIMUM:
        return None
    sets = np.arange(1 << n)
    sizes = sum(((sets >> bit) & 1) * trace.size_bytes[key] for bit, key in enumerate(keys))
    too_large = sizes > trace.budget_bytes
    best = np.full(1 << n, np.inf)
    best[0] = 0.0
    for key in trace.needs():
        bit = keys.index(key)
        with_key = sets[(sets >> bit) & 1 == 1]
        stays = _least_of_supersets(best, n)[with_key ^ (1 << bit)]
        served = np.full_like(best, np.inf)
        served[with_key] = np.minimum(best[with_key], trace.cost_s(key) + stays)
        served[too_large] = np.inf
        best = served
    return float(best.min())


def _least_of_supersets(best: np.ndarray, n: int) -> np.ndarray:
    least = best.reshape([2] * n).copy()
    for axis in range(n):
        by_model = np.moveaxis(least, axis, 0)
        without, having = by_model[:1], by_model[1:]
        np.minimum(without, having, out=without)
    return least.reshape(-1)


def _cheapest(trace: Trace, rate: Callable[[str, int], float]) -> Victims:
    def victims(step: int, held: set[str], deficit: int) -> list[str]:
        candidates = [
            Candidate(key, trace.size_bytes[key], trace.cost_s(key) * rate(key, step))
            for key in sorted(held)
        ]
        return [c.key for c in cheapest_sufficient(candidates, deficit) or ()]

    return victims


def _remember_nothing(_key: str, _step: int) -> None:
    pass


def _until_enough(trace: Trace, ordered: list[str], deficit: int) -> list[str]:
    chosen: list[str] = []
    for key in ordered:
        if sum(trace.size_bytes[each] for each in chosen) >= deficit:
            break
        chosen.append(key)
    return chosen


def _served(trace: Trace, victims: Victims, use: Callable[[str, int], None]) -> Spent:
    spent, held, free = Spent(), set[str](), trace.budget_bytes
    for step, key in enumerate(trace.needs()):
        if key not in held:
            size = trace.size_bytes[key]
            if size > free:
                for victim in victims(step, held, size - free):
                    held.remove(victim)
                    free += trace.size_bytes[victim]
            held.add(key)
            free -= size
            spent.loads += 1
            spent.seconds += trace.cost_s(key)
        use(key, step)
    return spent
