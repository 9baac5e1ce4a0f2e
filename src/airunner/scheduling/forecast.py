"""How likely each model is to be used next, judged by the order of past uses.

Owns that one estimate, which is pure: no sizes, no seconds, no clock. What a
model costs to lose is ``eviction``.

The estimate is a Bayesian mixture of four forecasters. Each expects a model to be
used next in proportion to how often it was used before, where a use counts half
as much after 2, 8, 32 or 128 further uses (exponentially decayed frequency, as in
LRFU, Lee et al. 2001). The first is close to least recently used, the last to
least frequently used. Each is weighted by how well it foretold the recent uses
(the likelihood of what happened, Bayes' rule, older evidence fading as in
discounted model averaging). So a working session with few models is remembered
briefly, and a scan through many models does not drive out the popular ones.

Uses of one model in a row are one use: it had to be in memory for the first of
them, and no later one could have needed a load (the correlated references of
LRU-K, O'Neil et al. 1993). Time is counted in uses, so a night without any
changes nothing.

The form was chosen on traces of three kinds (Zipf, sessions, scans; seeds 0 to 7
and 100 to 115) from LRU-K, LRFU, GreedyDual-Size-Frequency, hyperbolic caching,
BG/NBD and this one. The figures are round and were not searched for: other
half-lives between 1 and 256 and other rates of fading, 0.95 to 1, changed the
results by about 2 %. ``benchmarks/eviction.py`` judges it on other seeds, and on
two kinds of traces that were written afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import exp, log

HALF_LIVES = (2.0, 8.0, 32.0, 128.0)
"""After how many uses of other models a use counts half, by forecaster."""

_FADES = tuple(0.5 ** (1.0 / half_life) for half_life in HALF_LIVES)
_EVIDENCE_FADES = 0.5 ** (1.0 / 32.0)
_PRIOR_USES = 0.5
"""Imagined uses, spread evenly over all known models (the Krichevsky-Trofimov prior)."""


@dataclass(frozen=True, slots=True)
class UseForecast:
    """What is expected of each model that was used so far.

    Attributes:
        likelihood: the probability that a model is the next one used; they add up to 1.
        latest: the model used last.
        uses: decayed counts of a model's uses, by forecaster.
        evidence: log-likelihood of the recent uses, by forecaster.
    """

    likelihood: Mapping[str, float] = field(default_factory=dict)
    latest: str = ""
    uses: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    evidence: tuple[float, ...] = (0.0,) * len(HALF_LIVES)

    def after_use(self, key: str) -> UseForecast:
        """The forecast once ``key`` was used, too."""
        if key == self.latest:
            return self
        evidence = self.evidence
        if key in self.uses:  # nobody could have foretold a model that was never used
            evidence = self._judged(key)
        faded = {
            model: tuple(count * fade for count, fade in zip(counts, _FADES, strict=True))
            for model, counts in self.uses.items()
        }
        faded[key] = tuple(count + 1.0 for count in faded.get(key, (0.0,) * len(HALF_LIVES)))
        return UseForecast(_mixture(faded, evidence), key, faded, evidence)

    def _judged(self, key: str) -> tuple[float, ...]:
        """The evidence with one more use, which was known not to be of the latest model."""
        prior = _PRIOR_USES / len(self.uses)
        others = [counts for model, counts in self.uses.items() if model != self.latest]
        return tuple(
            before * _EVIDENCE_FADES
            + log((self.uses[key][n] + prior) / sum(counts[n] + prior for counts in others))
            for n, before in enumerate(self.evidence)
        )


def _mixture(
    uses: Mapping[str, tuple[float, ...]], evidence: tuple[float, ...]
) -> dict[str, float]:
    best = max(evidence)
    weights = [exp(each - best) for each in evidence]
    totals = [sum(column) + _PRIOR_USES for column in zip(*uses.values(), strict=True)]
    prior = _PRIOR_USES / len(uses)
    return {
        key: sum(
            weight * (count + prior) / total
            for weight, count, total in zip(weights, counts, totals, strict=True)
        )
        / sum(weights)
        for key, counts in uses.items()
    }
