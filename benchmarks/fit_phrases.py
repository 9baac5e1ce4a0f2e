"""Fits the weights in ``airunner.guided.grounding.phrase_weights`` and prints them.

A conditional logit for each argument of type string: of the spans of a message, the one
that BFCL accepts should score highest. The weights are held near ``phrase_guesses``, and
fitted to even-numbered cases; those of ``parallel`` and of the ``live`` categories count
less. The two thresholds of that file were set by hand from what is printed last: how often
the best span is right, by its score.

Run: ``python -m benchmarks.fit_phrases``
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from airunner.guided.grounding.grounded import read_phrases
from airunner.guided.grounding.phrase_features import Surroundings
from benchmarks.bfcl import Case, load
from benchmarks.phrase_guesses import GUESSES

SOURCES = {
    "simple_python": 1.0,
    "multiple": 1.0,
    "parallel": 0.7,
    "parallel_multiple": 0.7,
    "live_simple": 0.35,
    "live_multiple": 0.35,
}
"""How much a case of each category counts."""

HELD = 3.0
STEPS = 400
RATE = 0.05
SEEN_OFTEN = 4
SMALLEST = 0.05
COMPOSED = {f"composed {sort}": -8.0 for sort in ("identifier", "name", "phrase")}
"""Set by hand: a text that has to be composed is no span of the message."""

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Example:
    """One argument: the signs of each span, and which of them are accepted."""

    spans: Sequence[Mapping[str, float]]
    accepted: Array
    weight: float


def examples() -> Iterator[Example]:
    """Every argument of type string of the even-numbered cases."""
    for category, weight in SOURCES.items():
        for case in load(category):
            if case.number % 2 == 0:
                yield from of_case(case, weight)


def of_case(case: Case, weight: float) -> Iterator[Example]:
    """The arguments of one case that are not inside an object."""
    wanted = next(iter(case.answers[0]))
    answers: dict[str, list[str]] = defaultdict(list)
    for answer in case.answers:
        for name, values in answer.get(wanted, {}).items():
            answers[name] += map(plain, values)
    tool = next(tool for tool in case.tools if case.original(tool.name) == wanted)
    about = f"{tool.name} {tool.description}"
    slots, phrases, tokens, known = read_phrases(tool.decoding, case.text, about)
    around = Surroundings(tokens, known, slots)
    for slot in slots:
        if len(slot.path) == 1:
            spans = [summed(around.signs(slot, phrase)) for phrase in phrases]
            right = np.array([plain(p.text) in answers[slot.path[0]] for p in phrases])
            if spans:
                yield Example(spans, right, weight)


def plain(value: Any) -> str:
    """As BFCL's checker compares texts."""
    kept = str(value).lower().translate(dict.fromkeys(map(ord, " ,./-_*^")))
    return kept.replace("'", '"')


def summed(signs: Any) -> dict[str, float]:
    """A sign that is there twice counts twice."""
    total: dict[str, float] = defaultdict(float)
    for sign, strength in signs:
        total[sign] += strength
    return total


def fit(cases: Sequence[tuple[Array, Array, float]], guesses: Array) -> Array:
    """The weights, by Adam (Kingma & Ba, 2015)."""
    weights, mean, square = guesses.copy(), np.zeros_like(guesses), np.zeros_like(guesses)
    for step in range(1, STEPS + 1):
        slope = HELD * (weights - guesses)
        for spans, accepted, weight in cases:
            scores = spans @ weights
            shares = np.exp(scores - scores.max())
            shares /= shares.sum()
            wanted = shares * accepted
            slope += weight * ((shares - wanted / max(wanted.sum(), 1e-12)) @ spans)
        mean = 0.9 * mean + 0.1 * slope
        square = 0.999 * square + 0.001 * slope**2
        ahead = np.sqrt(square / (1 - 0.999**step)) + 1e-8
        weights = weights - RATE * (mean / (1 - 0.9**step)) / ahead
    return weights


def main() -> None:
    """Fit and print."""
    found = list(examples())
    settled = [each for each in found if each.accepted.any()]
    seen = Counter(sign for each in settled for sign in {s for span in each.spans for s in span})
    names = sorted(set(GUESSES) | {sign for sign, count in seen.items() if count >= SEEN_OFTEN})
    cases = []
    for each in settled:
        spans = np.array([[span.get(name, 0.0) for name in names] for span in each.spans])
        cases.append((spans, each.accepted, each.weight))
    fitted = fit(cases, np.array([GUESSES.get(name, 0.0) for name in names]))
    weights = {n: round(float(w), 2) for n, w in zip(names, fitted, strict=True)}
    weights = {n: w for n, w in weights.items() if abs(w) >= SMALLEST} | COMPOSED
    for name, weight in sorted(weights.items()):
        print(f'    "{name}": {weight},')
    right: dict[int, list[bool]] = defaultdict(list)
    for each in found:
        scores = [sum(weights.get(s, 0.0) * v for s, v in span.items()) for span in each.spans]
        best = int(np.argmax(scores))
        right[int(np.floor(scores[best]))].append(bool(each.accepted[best]))
    for floor, hits in sorted(right.items()):
        print(f"# best span scores {floor} to {floor + 1}: right in {sum(hits)} of {len(hits)}")


if __name__ == "__main__":
    main()
