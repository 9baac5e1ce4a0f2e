"""Fits the weights in ``airunner.tools.retrieval.relevance`` on the even-numbered cases of BFCL.

Two linear models over the features of ``airunner.tools.retrieval.evidence``: one orders the
tools of a catalogue (softmax over draws of 39; requests that people wrote to real
products, the ``live`` categories, count too), one says whether the best of them
fits at all (logistic, both classes weighing the same). Its threshold is where the given
share of the irrelevant cases is turned away, each with its own tools; among 39 it is
lowered to where the given share of the fitting tools is lost. Prints the weights, and
how they do on the even cases; with ``--odd`` on the odd-numbered ones, which no
weight here was fitted on. Look at those last, and once.

Run: ``python -m benchmarks.fit_relevance [--quiet 0.87] [--lost 0.01] [--odd]``
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from airunner.tools.request import split_request
from airunner.tools.retrieval.evidence import FEATURES, Evidence
from airunner.tools.retrieval.relevance import MOST_LEAD, SOLE_LEAD, crowding
from airunner.tools.retrieval.sentence_model import SentenceModel
from benchmarks.bfcl import CATEGORIES, LIVE, Case, as_tool, load
from benchmarks.small_talk import TUNED_ON

DRAWS = 6
CATALOGUE = 39
Array = np.ndarray[Any, Any]


class Pool:
    """Every function of some cases once, and the features of requests against all."""

    def __init__(self, cases: Sequence[Case]) -> None:
        functions = {_key(f): f for case in cases for f in case.functions}
        self._row = {key: row for row, key in enumerate(functions)}
        self._names = [f["name"] for f in functions.values()]
        self._evidence = Evidence([as_tool(f) for f in functions.values()], SentenceModel())

    @property
    def size(self) -> int:
        """How many functions there are."""
        return len(self._names)

    def features(self, text: str) -> Array:
        """Of all functions."""
        return np.asarray(self._evidence.of(split_request(text)), dtype=float)

    def own(self, case: Case) -> list[int]:
        """The rows of the functions a case comes with."""
        return [self._row[_key(f)] for f in case.functions]

    def wanted(self, case: Case) -> int:
        """The row of the function that is right."""
        (name,) = {name for answer in case.answers for name in answer}
        return next(row for row in self.own(case) if self._names[row] == name)

    def draw(self, case: Case, chance: random.Random) -> list[int]:
        """The case's own rows first, then those of others, none of the same name."""
        own = self.own(case)
        taken = {self._names[row] for row in own}
        others = [row for row, name in enumerate(self._names) if name not in taken]
        return own + chance.sample(others, CATALOGUE - len(own))


def _key(function: Any) -> str:
    return json.dumps([function["name"], function["description"], function["parameters"]])


def fit_order(lists: list[tuple[Array, int]], penalty: float = 0.003) -> Array:
    """Weights under which the wanted row of each list comes first, by gradient descent."""
    rows = np.concatenate([features for features, _ in lists])
    spread = rows.std(axis=0) + 1e-6
    scaled = np.stack([features / spread for features, _ in lists])
    wanted = scaled[np.arange(len(lists)), [index for _, index in lists]]
    weights, momentum = np.zeros(rows.shape[1]), np.zeros(rows.shape[1])
    for _ in range(400):
        scores = scaled @ weights
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        pull = (np.einsum("nk,nkd->nd", shares, scaled) - wanted).mean(axis=0) + penalty * weights
        momentum = 0.9 * momentum + pull
        weights -= 0.15 * momentum
    return np.asarray(weights / spread)


def fit_gate(rows: Array, fits: Array, penalty: float = 3.0) -> Array:
    """Weights and, last, a constant: positive where a tool fits, by Newton's method."""
    mean, spread = rows.mean(axis=0), rows.std(axis=0) + 1e-6
    scaled = np.c_[(rows - mean) / spread, np.ones(len(rows))]
    balance = np.where(fits, len(fits) / (2 * fits.sum()), len(fits) / (2 * (~fits).sum()))
    weights = np.zeros(scaled.shape[1])
    for _ in range(50):
        chance = 1 / (1 + np.exp(-scaled @ weights))
        pull = scaled.T @ (balance * (chance - fits)) + penalty * np.r_[weights[:-1], 0]
        bend = scaled.T @ (scaled * (balance * chance * (1 - chance))[:, None])
        weights -= np.linalg.solve(bend + penalty * np.eye(len(weights)), pull)
    slopes = weights[:-1] / spread
    return np.asarray(np.r_[slopes, weights[-1] - slopes @ mean])


def first(features: Array, order: Array) -> tuple[int, Array]:
    """The index of the best row, and that row with its lead over the second."""
    scores = features @ order
    best = int(scores.argmax())
    others = np.delete(scores, best)
    lead = min(MOST_LEAD, scores[best] - others.max()) if len(others) else SOLE_LEAD
    return best, np.r_[features[best], lead]


def main() -> None:
    """Fit, print, and judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quiet", type=float, default=0.87)
    parser.add_argument("--lost", type=float, default=0.01)
    parser.add_argument("--odd", action="store_true", help="judge on the odd cases, too")
    options = parser.parse_args()
    chance = random.Random(1)
    even, odd = (
        [c for name in CATEGORIES for c in load(name) if c.number % 2 == n] for n in (0, 1)
    )
    live = [case for name in LIVE for case in load(name) if case.number % 2 == 0]
    pool = Pool(even)
    lists = [*orderings(pool, even, DRAWS, chance), *orderings(Pool(live), live, 1, chance)]
    order = fit_order(lists)
    rows, fits, irrelevant, among = [], [], [], []
    for case in even:
        features = pool.features(case.text)
        for catalogue in (pool.own(case), pool.draw(case, chance)):
            best, row = first(features[catalogue], order)
            rows.append(row)
            fits.append(bool(case.answers) and catalogue[best] == pool.wanted(case))
            irrelevant.append(not case.answers)
            among.append(len(catalogue) == CATALOGUE)
    right, wrong, crowded = np.array(fits), np.array(irrelevant), np.array(among)
    gate = fit_gate(np.array(rows), right)
    scores = np.array(rows) @ gate[:-1] + gate[-1]
    alone = np.quantile(scores[wrong & ~crowded], options.quiet)
    gate[-1] -= alone
    crowd = float(alone - np.quantile(scores[right & crowded], options.lost))
    for title, weights in (("ORDER", order), ("GATE", gate[:-2])):
        print(title, {name: round(float(w), 3) for name, w in zip(FEATURES, weights, strict=True)})
    print(f"GATE_LEAD {gate[-2]:.3f}, GATE_CONSTANT {gate[-1]:.3f}, GATE_CROWD {crowd:.3f}")
    print("even, fitted on:")
    report(even, pool, order, gate, crowd)
    if options.odd:
        print("odd, held out:")
        report(odd, Pool(odd), order, gate, crowd)


def orderings(
    pool: Pool, cases: Sequence[Case], draws: int, chance: random.Random
) -> Iterator[tuple[Array, int]]:
    """The features of each draw, and which row of it is wanted."""
    for case in cases:
        if case.answers:
            features = pool.features(case.text)
            for _ in range(draws):
                drawn = pool.draw(case, chance)
                yield features[drawn], drawn.index(pool.wanted(case))


def report(cases: Sequence[Case], pool: Pool, order: Array, gate: Array, crowd: float) -> None:
    """How often the right tool is taken, or rightly none."""
    chance = random.Random(2)

    def fits(seen: Array) -> bool:
        score = first(seen, order)[1] @ gate[:-1] + gate[-1] + crowd * crowding(len(seen))
        return bool(score >= 0)

    for category in CATEGORIES:
        chosen = [case for case in cases if case.category == category]
        right = {"own": 0.0, "39": 0.0, "39 without gate": 0.0, "39 top 3": 0.0}
        for case in chosen:
            features = pool.features(case.text)
            for name, catalogue in (("own", pool.own(case)), ("39", pool.draw(case, chance))):
                seen = features[catalogue]
                by_score = np.argsort(-(seen @ order))
                if not case.answers:
                    right[name] += not fits(seen)
                    continue
                place = catalogue.index(pool.wanted(case))
                right[name] += fits(seen) and by_score[0] == place
                if name == "39":
                    right["39 without gate"] += by_score[0] == place
                    right["39 top 3"] += place in by_score[:3]
        print(" ", category, {name: f"{count / len(chosen):.1%}" for name, count in right.items()})
    quiet = 0
    for text in TUNED_ON:
        quiet += not fits(pool.features(text)[chance.sample(range(pool.size), CATALOGUE)])
    print("  small talk, 39 tools", f"{quiet / len(TUNED_ON):.1%}")


if __name__ == "__main__":
    main()
