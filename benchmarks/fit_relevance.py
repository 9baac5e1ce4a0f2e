"""Fits the weights in ``airunner.tools.retrieval.relevance`` on the even-numbered cases of BFCL.

Two linear models over the features of ``airunner.tools.retrieval.evidence``: one orders the
tools of a catalogue (softmax over draws of 39), one says whether the best of them
fits at all (logistic, both classes weighing the same). The threshold is where the
given share of the fitting ones is lost. Prints the weights, and how they do on the
odd-numbered cases, which no weight here was fitted on.

Run: ``python -m benchmarks.fit_relevance [--lost 0.0375]``
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Sequence
from typing import Any

import numpy as np

from airunner.tools.request import split_request
from airunner.tools.retrieval.evidence import FEATURES, Evidence
from airunner.tools.retrieval.relevance import GATE_CROWD, MOST_LEAD, SOLE_LEAD, crowding
from airunner.tools.retrieval.sentence_model import SentenceModel
from benchmarks.bfcl import CATEGORIES, Case, as_tool, load
from benchmarks.small_talk import SMALL_TALK

DRAWS = 3
CATALOGUE = 39
Array = np.ndarray[Any, Any]


class Pool:
    """Every function of the benchmark once, and the features of requests against all."""

    def __init__(self, cases: Sequence[Case]) -> None:
        functions = {_key(f): f for case in cases for f in case.functions}
        self._row = {key: row for row, key in enumerate(functions)}
        self._names = [f["name"] for f in functions.values()]
        self._evidence = Evidence([as_tool(f) for f in functions.values()], SentenceModel())

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
    """Fit, print, and judge on the other half."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lost", type=float, default=0.0375)
    lost = parser.parse_args().lost
    cases = [case for category in CATEGORIES for case in load(category)]
    pool = Pool(cases)
    features = {case.id: pool.features(case.text) for case in cases}
    halves = [[c for c in cases if c.number % 2 == half] for half in (0, 1)]
    chance = random.Random(1)
    lists = []
    for case in halves[0]:
        for _ in range(DRAWS if case.answers else 0):
            drawn = pool.draw(case, chance)
            lists.append((features[case.id][drawn], drawn.index(pool.wanted(case))))
    order = fit_order(lists)
    rows, fits, alone = [], [], []
    for case in halves[0]:
        for catalogue in (pool.own(case), pool.draw(case, chance)):
            best, row = first(features[case.id][catalogue], order)
            rows.append(row)
            fits.append(bool(case.answers) and catalogue[best] == pool.wanted(case))
            alone.append(len(catalogue) < CATALOGUE)
    gate = fit_gate(np.array(rows), np.array(fits))
    scores = np.array(rows) @ gate[:-1] + gate[-1]
    gate[-1] -= np.quantile(scores[np.array(fits) & np.array(alone)], lost)
    for title, weights in (("order", order), ("gate", gate[:-2])):
        print(title, {name: round(float(w), 3) for name, w in zip(FEATURES, weights, strict=True)})
    print("lead", round(float(gate[-2]), 3), "constant", round(float(gate[-1]), 3))
    for half in (0, 1):
        print("even, fitted on:" if half == 0 else "odd, held out:")
        report(halves[half], features, pool, order, gate)


def crowd(seen: Array) -> float:
    """What the gate adds for the number of tools; chosen by hand, see ``GATE_CROWD``."""
    return GATE_CROWD * crowding(len(seen))


def report(
    cases: list[Case], features: dict[str, Array], pool: Pool, order: Array, gate: Array
) -> None:
    """How often the right tool is taken, or rightly none."""
    chance = random.Random(2)
    for category in CATEGORIES:
        chosen = [case for case in cases if case.category == category]
        right = {"own": 0.0, "39": 0.0, "39 without gate": 0.0, "39 top 3": 0.0}
        for case in chosen:
            for name, catalogue in (("own", pool.own(case)), ("39", pool.draw(case, chance))):
                seen = features[case.id][catalogue]
                by_score = np.argsort(-(seen @ order))
                passed = first(seen, order)[1] @ gate[:-1] + gate[-1] + crowd(seen) >= 0
                if not case.answers:
                    right[name] += not passed
                    continue
                place = catalogue.index(pool.wanted(case))
                right[name] += passed and by_score[0] == place
                if name == "39":
                    right["39 without gate"] += by_score[0] == place
                    right["39 top 3"] += place in by_score[:3]
        print(" ", category, {name: f"{count / len(chosen):.1%}" for name, count in right.items()})
    quiet = 0
    for text in SMALL_TALK:
        seen = pool.features(text)[chance.sample(range(len(pool._names)), CATALOGUE)]
        quiet += first(seen, order)[1] @ gate[:-1] + gate[-1] + crowd(seen) < 0
    print("  small talk, 39 tools", f"{quiet / len(SMALL_TALK):.1%}")


if __name__ == "__main__":
    main()
