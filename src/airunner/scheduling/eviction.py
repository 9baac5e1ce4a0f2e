"""Which idle models to evict so that enough memory comes free, and what that costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

_EXACT_LIMIT = 12
_HALF_LIFE_S = 600.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model that could be evicted: what it frees, and the expected seconds lost by it."""

    key: str
    size_bytes: int
    cost_s: float


def eviction_cost_s(
    *, load_s: float, uses: int, idle_s: float, rebuild_s: float, is_primary: bool
) -> float:
    """Expected seconds that evicting a model will cost later.

    ``load_s x P(reuse) + rebuild_s``. The primary is certain to be needed again.
    For others the likelihood grows with how often they were used (``1 - 1/(1 +
    uses)``, Laplace's rule of succession with one imagined miss) and halves for
    every ten minutes of idleness, a half-life chosen to outlast a pause in a
    conversation but not a change of task.
    """
    if is_primary:
        return load_s + rebuild_s
    likelihood = (1.0 - 1.0 / (1.0 + uses)) * float(0.5 ** (idle_s / _HALF_LIFE_S))
    return load_s * likelihood + rebuild_s


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
        best = min(
            sufficient,
            key=lambda s: (sum(c.cost_s for c in s), len(s), sum(c.size_bytes for c in s)),
        )
        return _spare(best, deficit_bytes)
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
