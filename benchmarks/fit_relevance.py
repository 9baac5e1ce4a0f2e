"""Fits the numbers in ``airunner.guided.retrieval.weights`` and prints that file.

Two linear models for each kind of evidence: one orders the tools of a catalogue (a
softmax over all of them), one says whether the best of them fits at all (logistic, both
classes weighing the same).

Descriptions: even-numbered cases of the Berkeley Function Calling Leaderboard, each with
its own tools and among 39; requests that people wrote to real products, its ``live``
categories, count for the order, too. A tool fits from where ``--quiet`` of the irrelevant
cases are turned away, each with its own tools; among 39, from where ``--lost`` of the
fitting ones are lost.

Examples: even-numbered requests of ``toolbox_requests``, those that a test knows, and small
talk, to all built-in tools and to some of them, which have some of their examples. A tool
fits from where ``--no-call`` of the small talk leads to no call, and is doubtful from where
``--no-word`` of it leads to no question either.

How they do is printed as comments, for what they were fitted on; with ``--odd`` also for
the odd half, which no number was fitted on. Look at that last, and once.

Run: ``python -m benchmarks.fit_relevance > src/airunner/tools/retrieval/weights.py``
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tests.guided.retrieval.spoken_requests import PICTURES_TUNED_ON as TESTED_PICTURES
from tests.guided.retrieval.spoken_requests import TUNED_ON as TESTED

from airunner.components.llm.tools.image_tools import image_toolset
from airunner.guided.request import split_request
from airunner.guided.retrieval import descriptions, examples, weights
from airunner.guided.retrieval.descriptions import DescriptionEvidence, telling_texts
from airunner.guided.retrieval.examples import ExampleEvidence
from airunner.guided.retrieval.relevance import crowding, lead_of, lead_over
from airunner.guided.retrieval.sentence_model import SentenceModel
from airunner.toolbox.toolset import builtin_toolset
from airunner.tools.tool import Tool
from benchmarks.bfcl import CATEGORIES, LIVE, Case, load
from benchmarks.small_talk import TUNED_ON
from benchmarks.toolbox_requests import REQUESTS

CATALOGUE = 39
DRAWS = 6
WHOLE, PARTS = 10, (2, 4, 8, 16, 32) * 2
DESCRIPTION_DOUBT = 0.4
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Draw:
    """One request to one catalogue: its signs, the place of the right tool, and the occasion."""

    signs: Array
    rivals: Array
    wanted: int | None
    occasion: str


class Remembered(SentenceModel):
    """The sentence model, asked once for each text."""

    def __init__(self) -> None:
        self._known: dict[str, Array] = {}

    def embed(self, texts: Sequence[str]) -> Array:
        """One row for each text."""
        for text in texts:
            if text not in self._known:
                self._known[text] = super().embed([text])[0]
        return np.stack([self._known[text] for text in texts])


MODEL = Remembered()


def meanings_of(text: str, model: SentenceModel | None) -> Array | None:
    """The vectors of a request."""
    return None if model is None else model.embed(telling_texts(split_request(text)))


class Pool:
    """Every function of some cases once, and the signs of requests against all."""

    def __init__(self, cases: Sequence[Case], model: SentenceModel | None) -> None:
        self._tools = list({(t.name, t.description): t for c in cases for t in c.tools}.values())
        self._row = {(tool.name, tool.description): n for n, tool in enumerate(self._tools)}
        self._model, self._evidence = model, DescriptionEvidence(self._tools, model)

    def draws(self, case: Case, chance: random.Random, among: int) -> Iterator[Draw]:
        """The case with its own tools, and ``among`` times with those of others."""
        request = split_request(case.text)
        signs = np.asarray(self._evidence.of(request, meanings_of(case.text, self._model)), float)
        own = [self._row[tool.name, tool.description] for tool in case.tools]
        names = {name for answer in case.answers for name in answer}
        places = [n for n, tool in enumerate(case.tools) if case.original(tool.name) in names]
        wanted = places[0] if places else None
        yield Draw(signs[own], signs[:0], wanted, f"{case.category}, own tools")
        taken = {tool.name for tool in case.tools}
        others = [n for n, tool in enumerate(self._tools) if tool.name not in taken]
        for _ in range(among):
            rows = own + chance.sample(others, CATALOGUE - len(own))
            yield Draw(signs[rows], signs[:0], wanted, f"{case.category}, {CATALOGUE} tools")


def case_draws(
    cases: Sequence[Case], model: SentenceModel | None, among: int, chance: random.Random
) -> list[Draw]:
    """All draws of ``cases``, and of small talk to their tools."""
    pool = Pool(cases, model)
    talk = [Case(f"talk_{n}", "small talk", text, ()) for n, text in enumerate(TUNED_ON)]
    return [draw for case in cases for draw in pool.draws(case, chance, among)] + [
        draw for case in talk for draw in pool.draws(case, chance, 1) if len(draw.signs)
    ]


def toolbox_draws(
    requests: Sequence[tuple[str, str]], model: SentenceModel | None, chance: random.Random
) -> list[Draw]:
    """Requests and small talk to all built-in tools, and to some with some of their examples."""
    toolbox = list(builtin_toolset() + image_toolset())
    whole = toolbox_draw(requests, toolbox, model, "all tools")
    found = whole * WHOLE
    for size in PARTS:
        tools = [fewer(tool, chance) for tool in chance.sample(toolbox, size)]
        found += toolbox_draw(requests, tools, model, "some tools")
    return found


def toolbox_draw(
    requests: Sequence[tuple[str, str]],
    tools: Sequence[Tool],
    model: SentenceModel | None,
    which: str,
) -> list[Draw]:
    """The requests for ``tools``, and small talk."""
    places = {tool.name: place for place, tool in enumerate(tools)}
    evidence = ExampleEvidence(tools, model)

    def draw(text: str, wanted: int | None, what: str) -> Draw:
        signs = np.asarray(evidence.of(split_request(text), meanings_of(text, model)), float)
        return Draw(signs[: len(tools)], signs[len(tools) :], wanted, f"{what}, {which}")

    talk = [*TUNED_ON, *(text for text, name in (*TESTED, *TESTED_PICTURES) if name is None)]
    wanted = [draw(text, places[name], "requests") for text, name in requests if name in places]
    return wanted + [draw(text, None, "small talk") for text in talk]


def fewer(tool: Tool, chance: random.Random) -> Tool:
    """``tool`` with some of its examples."""
    kept = chance.sample(tool.examples, chance.randint(2, len(tool.examples)))
    return Tool(tool.function, name=tool.name, description=tool.description, examples=kept)


def fit_order(lists: Sequence[tuple[Array, int]], penalty: float) -> Array:
    """Weights under which the wanted row of each list comes first, by gradient descent."""
    rows = np.concatenate([signs for signs, _ in lists])
    spread = rows.std(axis=0) + 1e-6
    most = max(len(signs) for signs, _ in lists)
    scaled = np.zeros((len(lists), most, rows.shape[1]))
    there = np.zeros((len(lists), most), dtype=bool)
    for number, (signs, _) in enumerate(lists):
        scaled[number, : len(signs)] = signs / spread
        there[number, : len(signs)] = True
    wanted = scaled[np.arange(len(lists)), [place for _, place in lists]]
    slopes, momentum = np.zeros(rows.shape[1]), np.zeros(rows.shape[1])
    for _ in range(400):
        scores = np.where(there, scaled @ slopes, -np.inf)
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        pull = (np.einsum("nk,nkd->nd", shares, scaled) - wanted).mean(axis=0) + penalty * slopes
        momentum = 0.9 * momentum + pull
        slopes -= 0.15 * momentum
    return np.asarray(slopes / spread)


def fit_gate(rows: Array, fits: Array, penalty: float = 3.0) -> Array:
    """Weights and, last, a constant: positive where a tool fits, by Newton's method."""
    mean, spread = rows.mean(axis=0), rows.std(axis=0) + 1e-6
    scaled = np.c_[(rows - mean) / spread, np.ones(len(rows))]
    balance = np.where(fits, len(fits) / (2 * fits.sum()), len(fits) / (2 * (~fits).sum()))
    slopes = np.zeros(scaled.shape[1])
    for _ in range(50):
        chance = 1 / (1 + np.exp(-scaled @ slopes))
        pull = scaled.T @ (balance * (chance - fits)) + penalty * np.r_[slopes[:-1], 0]
        bend = scaled.T @ (scaled * (balance * chance * (1 - chance))[:, None])
        slopes -= np.linalg.solve(bend + penalty * np.eye(len(slopes)), pull)
    unscaled = slopes[:-1] / spread
    return np.asarray(np.r_[unscaled, slopes[-1] - unscaled @ mean])


class Fitted:
    """Both models, fitted on ``draws``; ``also`` counts for the order alone."""

    def __init__(
        self,
        draws: Sequence[Draw],
        also: Sequence[Draw] = (),
        *,
        penalty: float = 0.003,
        by_lead: bool = True,
    ) -> None:
        self._by_lead = by_lead
        lists = [
            (np.r_[draw.signs, draw.rivals], draw.wanted)
            for draw in (*draws, *also)
            if draw.wanted is not None and len(draw.signs) > 1
        ]
        self.order = fit_order(lists, penalty)
        rows = [self._first(draw) for draw in draws]
        right = np.array(
            [place == draw.wanted for draw, (place, _) in zip(draws, rows, strict=True)]
        )
        self.gate = fit_gate(np.array([row for _, row in rows]), right)
        self.crowd = 0.0

    def _first(self, draw: Draw) -> tuple[int, Array]:
        order = draw.signs @ self.order
        place = int(order.argmax())
        rivals = lead_over(order, draw.rivals @ self.order)
        return place, np.r_[draw.signs[place], self._by_lead * lead_of(order), rivals]

    def score(self, draw: Draw) -> tuple[int, float]:
        """The place of the first tool, and what the gate says of it."""
        place, row = self._first(draw)
        score = row @ self.gate[:-1] + self.gate[-1] + self.crowd * crowding(len(draw.signs))
        return place, float(score)

    def quantile(self, draws: Sequence[Draw], share: float) -> float:
        """The score that so many of ``draws`` stay below."""
        return float(np.quantile([self.score(draw)[1] for draw in draws], share))

    def right(self, draws: Sequence[Draw]) -> list[Draw]:
        """Those whose first tool is the right one."""
        return [draw for draw in draws if draw.wanted == self.score(draw)[0]]

    def as_code(self, name: str, signs: Sequence[str], doubt: float) -> str:
        """A statement of ``weights.py``."""
        order = listed({s: w for s, w in zip(signs, self.order, strict=True) if s != "is_question"})
        gate = listed(dict(zip(signs, self.gate[:-3], strict=True)))
        rest = {
            "lead": self.gate[-3],
            "rivals": self.gate[-2],
            "constant": self.gate[-1],
            "crowd": self.crowd,
            "doubt": doubt,
        }
        numbers = "".join(f"    {key}={value:.3f},\n" for key, value in rest.items())
        return f"{name} = Weights(\n    order={order},\n    gate={gate},\n{numbers})"

    def report(self, draws: Sequence[Draw], doubt: float) -> Iterator[str]:
        """How often the right tool is called, or rightly none, for each occasion."""
        for occasion in dict.fromkeys(draw.occasion for draw in draws):
            chosen = [draw for draw in draws if draw.occasion == occasion]
            scored = [(draw, *self.score(draw)) for draw in chosen]
            count = len(chosen)
            first = sum(draw.wanted == place for draw, place, _ in scored) / count
            called = sum(score >= 0 and draw.wanted == p for draw, p, score in scored) / count
            wrong = sum(score >= 0 and draw.wanted != p for draw, p, score in scored) / count
            asked = sum(-doubt <= score < 0 for _, _, score in scored) / count
            yield (
                f"# {occasion}: first {first:.1%}, called {called:.1%}, called wrongly {wrong:.1%},"
                f" asked {asked:.1%}"
            )


def listed(numbers: Mapping[str, float]) -> str:
    """A dictionary, a line for each number; those that are 0 left out."""
    kept = {name: round(float(value), 3) for name, value in numbers.items() if abs(value) > 1e-9}
    return (
        "{\n" + "".join(f'        "{name}": {value},\n' for name, value in kept.items()) + "    }"
    )


def fit_descriptions(name: str, model: SentenceModel | None, options: Any) -> Iterator[str]:
    """The weights of descriptions, and how they do."""
    chance = random.Random(1)
    cases = [case for category in CATEGORIES for case in load(category)]
    halves = [[case for case in cases if case.number % 2 == half] for half in (0, 1)]
    live = [case for category in LIVE for case in load(category) if case.number % 2 == 0]
    draws = case_draws(halves[0], model, DRAWS, chance)
    fitted = Fitted(draws, [d for d in case_draws(live, model, 1, chance) if len(d.signs) > 8])
    own = [draw for draw in draws if draw.occasion == "irrelevance, own tools"]
    fitted.gate[-1] -= fitted.quantile(own, options.quiet)
    among = [draw for draw in draws if draw.wanted is not None and len(draw.signs) == CATALOGUE]
    fitted.crowd = -fitted.quantile(fitted.right(among), options.lost)
    yield fitted.as_code(name, descriptions.SIGNS, DESCRIPTION_DOUBT)
    yield from fitted.report(draws, DESCRIPTION_DOUBT)
    if options.odd:
        yield "# odd half:"
        yield from fitted.report(case_draws(halves[1], model, 1, chance), DESCRIPTION_DOUBT)


def fit_examples(name: str, model: SentenceModel | None, options: Any) -> Iterator[str]:
    """The weights of examples, and how they do."""
    seen = [(text, name) for text, name in (*TESTED, *TESTED_PICTURES) if name is not None]
    draws = toolbox_draws([*REQUESTS[::2], *seen], model, random.Random(1))
    fitted = Fitted(draws, penalty=0.02, by_lead=False)
    talk = [draw for draw in draws if draw.occasion == "small talk, all tools"]
    fitted.gate[-1] -= fitted.quantile(talk, options.no_call)
    doubt = -fitted.quantile(talk, options.no_word)
    yield fitted.as_code(name, examples.SIGNS, doubt)
    yield from fitted.report(draws, doubt)
    if options.odd:
        yield "# odd half:"
        yield from fitted.report(toolbox_draws(REQUESTS[1::2], model, random.Random(1)), doubt)


def main() -> None:
    """Fit, and print the file."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quiet", type=float, default=0.87)
    parser.add_argument("--lost", type=float, default=0.015)
    parser.add_argument("--no-call", type=float, default=0.97)
    parser.add_argument("--no-word", type=float, default=0.9)
    parser.add_argument("--odd", action="store_true", help="judge on the odd half, too")
    options = parser.parse_args()
    head, line, _ = (
        Path(weights.__file__).read_text(encoding="utf-8").partition("    doubt: float\n")
    )
    parts = []
    for suffix, model in (("", MODEL), ("_BY_WORDS", None)):
        parts.append("\n".join(fit_descriptions(f"DESCRIPTIONS{suffix}", model, options)))
        parts.append("\n".join(fit_examples(f"EXAMPLES{suffix}", model, options)))
    print("\n\n".join([head + line, *parts]))


if __name__ == "__main__":
    main()
