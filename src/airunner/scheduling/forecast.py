"""How likely each model is to be used next, judged by the order of past uses.

Owns that one estimate, which is pure: no sizes, no seconds, no clock. What a
model costs to lose is ``eviction``.

The estimate is a Bayesian mixture of three forecasters. Each expects a model to be
used next in proportion to how often it was used before, where a use counts half
as much after 1, 16 or 128 further uses (exponentially decayed frequency, LRFU, Lee
et al. 2001). The first is close to least recently used, the last to least
frequently used. Each is weighted by how likely it held the uses that came (Bayes'
rule; older evidence fades). So a working session with few models is remembered
briefly, and a scan through many models does not drive out the popular ones.

Uses of one model in a row are one use: it had to be in memory for the first of
them, and no later one could have needed a load (the correlated references of
LRU-K, O'Neil et al. 1993). Time is counted in uses, so a night without any
changes nothing.

This form was chosen over LRU-K, LRFU, hyperbolic caching, BG/NBD and shadow caches
on traces of four kinds: ``zipf``, ``sessions`` and ``scans`` of
``benchmarks/eviction_traces.py`` and one of slow drift, with seeds below 300. The
half-lives are a coarse grid, of which those without a first or a middle forecaster
were worse by up to 7 % on one kind; among the others, as for the prior from
0.1 to 0.5 and the fading of evidence from 0.95 to 0.995, the differences were
within 2 %. ``benchmarks/eviction.py`` judges it on other seeds and kinds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import exp, log

HALF_LIVES = (1.0, 16.0, 128.0)
"""After how many further uses a use counts half, by forecaster."""

_FADES = tuple(0.5 ** (1.0 / half_life) for half_life in HALF_LIVES)
_EVIDENCE_FADES = 0.5 ** (1.0 / 32.0)
_PRIOR_USES = 0.1
"""Imagined uses, spread evenly, so that no forecaster is ruled out by a surprise."""

_NONE = (0.0,) * len(HALF_LIVES)


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
    evidence: tuple[float, ...] = _NONE

    def after_use(self, key: str) -> UseForecast:
        """The forecast once ``key`` was used, too."""
        if key == self.latest:
            return self
        # Nobody could have foretold a model that was never used.
        evidence = self._judged(key) if key in self.uses else self.evidence
        faded = {
            model: tuple(count * fade for count, fade in zip(counts, _FADES, strict=True))
            for model, counts in self.uses.items()
        }
        faded[key] = tuple(count + 1.0 for count in faded.get(key, _NONE))
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
    totals = [sum(column) * sum(weights) for column in zip(*uses.values(), strict=True)]
    shares = [weight / total for weight, total in zip(weights, totals, strict=True)]
    return {
        key: sum(share * count for share, count in zip(shares, counts, strict=True))
        for key, counts in uses.items()
    }
