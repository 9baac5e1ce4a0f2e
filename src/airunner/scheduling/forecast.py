"""How likely each model is to be used next, judged by the order of past uses.

Owns that one estimate, which is pure: no sizes, no seconds, no clock. What a
model costs to lose is ``eviction``.

Four forecasters are mixed, of two classical kinds:

- recency (the LRU stack model, Spirn 1976): of the models in the order of their last
  use, the n-th has a weight of 1/n^2.
- frequency (LRFU, Lee et al. 2001): uses are counted, and a use counts half as much
  after 8, 32 or 128 further ones. The last is close to least frequently used.

A forecaster is trusted by where the models that were then used stood in its order
(Bayes' rule, with a weight of 1/rank^2; older evidence fades by half in 128 uses).
The rank and not the probability it gave: eviction depends on the order alone, and
among models that stay in memory anyway nothing is decided. So a working session
with few models is soon forgotten, and a scan through many models does not drive
out the popular ones.

Uses of one model in a row are one use: it had to be in memory for the first of
them, and no later one could have needed a load (the correlated references of
LRU-K, O'Neil et al. 1993). Time is counted in uses, so a night without any
changes nothing.

The form was chosen over LRU-K, LRFU, hyperbolic caching, BG/NBD, shadow caches and
mixtures judged by probability, on simulated traces of six kinds with seeds below
620, with models of equal and of different sizes; ``benchmarks/eviction_traces.py``
says which. The figures are a coarse grid and not a search: neighbouring ones changed
results by 2 % at most, but a shallow recency (1/n) was worse than least recently
used by as much. ``benchmarks/eviction.py`` judges it on other seeds, and on a kind of
trace that was not used here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import exp, log

STEEPNESS = 2.0
"""Exponent of a rank's weight, both of a model by recency and of a forecaster's success."""

HALF_LIVES = (8.0, 32.0, 128.0)
"""After how many further uses a use counts half, by forecaster of frequency."""

_FADES = tuple(0.5 ** (1.0 / half_life) for half_life in HALF_LIVES)
_EVIDENCE_FADES = 0.5 ** (1.0 / 128.0)
_AT_FIRST = (3.0,) + (0.0,) * len(HALF_LIVES)
"""Recency is trusted until there is evidence for a frequency, so a run begins as LRU."""

Weights = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class UseForecast:
    """What is expected of each model that was used so far.

    Attributes:
        likelihood: the probability that a model is the next one used; they add up to 1.
        recent: the models by their last use, latest first.
        counts: decayed counts of uses by model, for each half-life.
        evidence: log of the trust in each forecaster, recency first.
    """

    likelihood: Weights = field(default_factory=dict)
    recent: tuple[str, ...] = ()
    counts: tuple[Weights, ...] = ({},) * len(HALF_LIVES)
    evidence: tuple[float, ...] = _AT_FIRST

    def after_use(self, key: str) -> UseForecast:
        """The forecast once ``key`` was used, too."""
        if self.recent[:1] == (key,):
            return self
        # Nobody could have foretold a model that was never used.
        evidence = self._judged(key) if key in self.recent else self.evidence
        recent = (key, *(model for model in self.recent if model != key))
        counts = tuple(
            {model: fade * each.get(model, 0.0) + (model == key) for model in recent}
            for fade, each in zip(_FADES, self.counts, strict=True)
        )
        best = max(evidence)
        trust = [exp(each - best) for each in evidence]
        likelihood = dict.fromkeys(recent, 0.0)
        for weight, forecast in zip(trust, _forecasts(recent, counts), strict=True):
            part = weight / sum(trust) / sum(forecast.values())
            for model in recent:
                likelihood[model] += part * forecast[model]
        return UseForecast(likelihood, recent, counts, evidence)

    def _judged(self, key: str) -> tuple[float, ...]:
        """The evidence with one more use, which was known not to be of the latest model."""
        others = self.recent[1:]
        forecasts = _forecasts(self.recent, self.counts)
        ranks = [1 + sum(each[model] > each[key] for model in others) for each in forecasts]
        return tuple(
            before * _EVIDENCE_FADES - STEEPNESS * log(rank)
            for before, rank in zip(self.evidence, ranks, strict=True)
        )


def _forecasts(recent: tuple[str, ...], counts: tuple[Weights, ...]) -> tuple[Weights, ...]:
    """Every forecaster's weight of each model."""
    by_recency = {model: rank**-STEEPNESS for rank, model in enumerate(recent, 1)}
    return by_recency, *counts
