"""How likely each model is to be used next, judged by the order of past uses.

Owns that one estimate, which is pure: no sizes, no seconds, no clock. What a
model costs to lose is ``eviction``.

The estimate is a Bayesian mixture of five forecasters, of two classical kinds:

- recency (the LRU stack model, Spirn 1976): of the models in the order of their last
  use, the n-th has a weight of 1/n, 1/n^2 or 1/n^3. The last is close to least
  recently used.
- frequency (LRFU, Lee et al. 2001): uses are counted, and a use counts half as much
  after 16 or 128 further ones. The last is close to least frequently used.

Each is weighted by how likely it held the uses that came (Bayes' rule; older
evidence fades). So a working session with few models is remembered briefly, and a
scan through many models does not drive out the popular ones.

Uses of one model in a row are one use: it had to be in memory for the first of
them, and no later one could have needed a load (the correlated references of
LRU-K, O'Neil et al. 1993). Time is counted in uses, so a night without any
changes nothing.

The form was chosen over LRU-K, LRFU, hyperbolic caching, BG/NBD, shadow caches and
mixtures of frequencies alone on simulated traces of five kinds with seeds below 300;
``benchmarks/eviction_traces.py`` says which. The figures are a coarse grid and not a
search. What mattered there was to have a steep and a shallow recency and a fast
and a slow frequency, up to 10 % on one kind; prior and fading changed 2 % at most.
``benchmarks/eviction.py`` judges it on other seeds, and on a kind not used here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import exp, log

STEEPNESSES = (1.0, 2.0, 3.0)
"""Exponents of the rank by recency, by forecaster."""

HALF_LIVES = (16.0, 128.0)
"""After how many further uses a use counts half, by forecaster."""

_FADES = tuple(0.5 ** (1.0 / half_life) for half_life in HALF_LIVES)
_EVIDENCE_FADES = 0.5 ** (1.0 / 32.0)
_SURPRISE = 0.1
"""Weight of any model whatever, in all, so that no surprise rules a forecaster out."""


@dataclass(frozen=True, slots=True)
class UseForecast:
    """What is expected of each model that was used so far.

    Attributes:
        likelihood: the probability that a model is the next one used; they add up to 1.
        recent: the models by their last use, latest first.
        counts: decayed counts of a model's uses, by half-life.
        evidence: log-likelihood of the recent uses, by forecaster.
    """

    likelihood: Mapping[str, float] = field(default_factory=dict)
    recent: tuple[str, ...] = ()
    counts: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    evidence: tuple[float, ...] = (0.0,) * len(STEEPNESSES + HALF_LIVES)

    def after_use(self, key: str) -> UseForecast:
        """The forecast once ``key`` was used, too."""
        if self.recent[:1] == (key,):
            return self
        # Nobody could have foretold a model that was never used.
        evidence = self._judged(key) if key in self.counts else self.evidence
        recent = (key, *(model for model in self.recent if model != key))
        counts = {
            model: tuple(count * fade for count, fade in zip(each, _FADES, strict=True))
            for model, each in self.counts.items()
        }
        known = counts.get(key, (0.0,) * len(HALF_LIVES))
        counts[key] = tuple(count + 1.0 for count in known)
        best = max(evidence)
        weights = [exp(each - best) for each in evidence]
        forecasts = _forecasts(recent, counts)
        likelihood = {
            model: sum(w * f[model] for w, f in zip(weights, forecasts, strict=True)) / sum(weights)
            for model in recent
        }
        return UseForecast(likelihood, recent, counts, evidence)

    def _judged(self, key: str) -> tuple[float, ...]:
        """The evidence with one more use, which was known not to be of the latest model."""
        anything = _SURPRISE / len(self.recent)
        others = self.recent[1:]
        forecasts = _forecasts(self.recent, self.counts)
        return tuple(
            before * _EVIDENCE_FADES
            + log((each[key] + anything) / sum(each[model] + anything for model in others))
            for before, each in zip(self.evidence, forecasts, strict=True)
        )


def _forecasts(
    recent: tuple[str, ...], counts: Mapping[str, tuple[float, ...]]
) -> list[dict[str, float]]:
    """Every forecaster's probability of each model."""
    by_recency = [
        {model: rank**-steepness for rank, model in enumerate(recent, 1)}
        for steepness in STEEPNESSES
    ]
    by_frequency = [
        {model: counts[model][n] for model in recent} for n in range(len(HALF_LIVES))
    ]
    return [_shares(weights) for weights in (*by_recency, *by_frequency)]


def _shares(weights: Mapping[str, float]) -> dict[str, float]:
    total = sum(weights.values())
    return {model: weight / total for model, weight in weights.items()}
