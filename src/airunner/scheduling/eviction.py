"""Which idle models to evict so that enough memory comes free, and what that costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

_EXACT_LIMIT = 12


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model that could be evicted: what it frees, and the expected seconds lost by it."""

    key: str
    size_bytes: int
    cost_s: float


def eviction_cost_s(
    *, load_s: float, rebuild_s: float, likelihood: float, is_primary: bool
) -> float:
    """Seconds that evicting a model is expected to add to the next use of any model.

    What it takes to bring the model back, its weights (``load_s``) and its parked
    conversations (``rebuild_s``), times the ``likelihood`` that it is the next one
    used (``forecast``). The primary is certain to be brought back.

    Keeping what is dearest by frequency x cost is the cost-benefit rule of LNC-R
    (Scheuermann et al. 1996) and GreedyDual-Size-Frequency (Cherkasova 1998). They
    divide by size and evict one by one, which frees too much where few large
    things are held; here size decides in ``cheapest_sufficient``.
    """
    return (load_s + rebuild_s) * (1.0 if is_primary else likelihood)


def cheapest_sufficient(
    candidates: Sequence[Candidate], deficit_bytes: int
) -> tuple[Candidate, ...] | None:
    """The cheapest set of candidates that frees at least ``deficit_bytes``.

    Exact for up to twelve candidates (ties go to fewer models, then fewer
    bytes); beyond that, cheapest per byte first. Either way no member of the
    result could be spared. ``None`` if all together are not enough.
    """
    if deficit_bytes <= 0:
        return ()
    if sum(c.size_bytes for c in candidates) < deficit_bytes:
        return None
    if len(candidates) <= _EXACT_LIMIT:
        sufficient = (
            chosen
            for count in range(1, len(candidates) + 1)
            for chosen in combinations(candidates, count)
            if sum(c.size_bytes for c in chosen) >= deficit_bytes
        )
        return min(
            sufficient,
            key=lambda s: (sum(c.cost_s for c in s), len(s), sum(c.size_bytes for c in s)),
        )
    chosen: list[Candidate] = []
    for candidate in sorted(candidates, key=lambda c: (c.cost_s / max(1, c.size_bytes), c.key)):
        chosen.append(candidate)
        if sum(c.size_bytes for c in chosen) >= deficit_bytes:
            break
    return _spare(chosen, deficit_bytes)


def _spare(chosen: Sequence[Candidate], deficit_bytes: int) -> tuple[Candidate, ...]:
    """``chosen`` without members the deficit does not need, dearest dropped first."""
    kept = list(chosen)
    for candidate in sorted(chosen, key=lambda c: -c.cost_s):
        rest = sum(c.size_bytes for c in kept) - candidate.size_bytes
        if rest >= deficit_bytes:
            kept.remove(candidate)
    return tuple(kept)
