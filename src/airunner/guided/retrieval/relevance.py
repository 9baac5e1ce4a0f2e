"""Choosing tools by what they say of themselves.

Owns the verdict: which tool of a catalogue comes first, and whether even that one
fits. Tools that declare examples compete by these, the others by their names and
descriptions; each kind has weights of its own, and scores that compare.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from airunner.guided.marks.table import marks_of
from airunner.guided.request import Request
from airunner.guided.retrieval.descriptions import DescriptionEvidence, in_short, telling_texts
from airunner.guided.retrieval.examples import ExampleEvidence
from airunner.guided.retrieval.known_sentences import KnownSentences
from airunner.guided.retrieval.ranking import Match
from airunner.guided.retrieval.rarity import rarities
from airunner.guided.retrieval.sentence_model import Embedder, SentenceModel
from airunner.guided.retrieval.weights import (
    DESCRIPTIONS,
    DESCRIPTIONS_BY_WORDS,
    EXAMPLES,
    EXAMPLES_BY_WORDS,
    Weights,
)
from airunner.guided.user_words import Matching
from airunner.tools.tool import Tool

if TYPE_CHECKING:
    import numpy as np

    Matrix = np.ndarray[Any, np.dtype[np.float32]]

MOST_LEAD, SOLE_LEAD = 5.0, 2.5
"""The first tool's lead over the second counts up to the one, or as the other where it is alone."""

_NO_CROWD, _CROWD = 4, 39
_AHEAD = 1e-3


class Evidence(Protocol):
    """Signs for each of some tools, in order, and for rivals of theirs, which are no tools."""

    @property
    def signs(self) -> Sequence[str]:
        """What the columns are."""
        ...

    def of(self, request: Request, meanings: Matrix | None) -> Matrix:
        """One row for each tool, then one for each rival."""
        ...


class RelevanceIndex:
    """Ranks by all that tools declare; by meaning, too, where a sentence model is given.

    The tools are read by ``prepare`` or when it is first asked. ``known`` is a file that
    keeps what was read for the next time.
    """

    def __init__(
        self,
        tools: Iterable[Tool],
        model: SentenceModel | None = None,
        known: Path | None = None,
    ) -> None:
        self._tools, self._model = tuple(tools), model
        self._known = known
        self._reading, self._is_read = threading.Lock(), False
        self._by_examples: _Group | None = None
        self._described: _Group | None = None

    def prepare(self) -> None:
        """Read the tools: some 30 ms for each that ``known`` does not have yet."""
        with self._reading:
            if not self._is_read:
                self._read()
                self._is_read = True

    def rank(self, request: Request, limit: int = 5) -> list[Match]:
        """At most ``limit`` tools, best first; equal ones keep the tools' own order."""
        if not rarities(request.message) and request.message.isascii():
            return []  # "Hello!" is about nothing
        self.prepare()
        request = in_short(request)
        meanings = None
        if self._model is not None and self._tools:
            meanings = self._model.embed(telling_texts(request))
        told = self._by_examples.rank(request, meanings, limit) if self._by_examples else []
        others = self._described.rank(request, meanings, limit) if self._described else []
        if self._described and told and others and told[0].fits and others[0].fits:
            # Both kinds claim the request; what they both have is a description.
            order = self._described.order(request, meanings)
            ahead = told if order[told[0].tool.name] > order[others[0].tool.name] else others
            score = max(told[0].score, others[0].score) + _AHEAD
            ahead[0] = replace(ahead[0], score=score)
        return sorted([*told, *others], key=lambda match: -match.score)[:limit]

    def _read(self) -> None:
        told = [tool for tool in self._tools if tool.examples]
        others = [tool for tool in self._tools if not tool.examples]
        with_model = self._model is not None
        reader: Embedder | None = self._model
        if self._model is not None and self._known is not None:
            reader = kept = KnownSentences(self._model, self._known)
        if told:
            weights = EXAMPLES if with_model else EXAMPLES_BY_WORDS
            evidence: Evidence = ExampleEvidence(told, reader)
            self._by_examples = _Group(told, len(told), evidence, weights)
        if others:
            weights = DESCRIPTIONS if with_model else DESCRIPTIONS_BY_WORDS
            everything = [*others, *told]
            evidence = DescriptionEvidence(everything, reader)
            self._described = _Group(everything, len(others), evidence, weights)
        if reader is not self._model:
            kept.keep()


class _Group:
    """Tools with the same evidence, of which the first ``count`` are judged by it."""

    def __init__(
        self, tools: Sequence[Tool], count: int, evidence: Evidence, weights: Weights
    ) -> None:
        self._tools, self._count = tools, count
        self._evidence, self._weights = evidence, weights
        self._order = [weights.order.get(sign, 0.0) for sign in evidence.signs]
        self._gate = [weights.gate.get(sign, 0.0) for sign in evidence.signs]

    def order(self, request: Request, meanings: Matrix | None) -> dict[str, float]:
        """What puts all tools in order, by name."""
        order = self._evidence.of(request, meanings) @ self._order
        return {tool.name: float(order[place]) for place, tool in enumerate(self._tools)}

    def rank(self, request: Request, meanings: Matrix | None, limit: int) -> list[Match]:
        """The best tools; the scores never rise."""
        import numpy as np

        signs, weights = self._evidence.of(request, meanings), self._weights
        order = signs @ self._order
        own, rivals = order[: self._count], order[len(self._tools) :]
        places = np.argsort(-own, kind="stable")[:limit]
        fits = signs[places] @ self._gate + weights.constant
        fits += weights.lead * lead_of(own) + weights.rivals * lead_over(own, rivals)
        fits += weights.crowd * crowding(self._count)
        score = math.inf
        matches = []
        for place, fit in zip(places.tolist(), fits.tolist(), strict=True):
            tool = self._tools[place]
            possible = fit if _is_possible(tool, request) else min(fit, -weights.doubt / 2)
            score = min(score, possible)
            matches.append(Match(tool, score, -weights.doubt <= score < 0))
        return matches


def best_ranker(tools: Iterable[Tool], known: Path | None = None) -> RelevanceIndex:
    """By meaning, too, where the sentence model is installed."""
    model = SentenceModel() if SentenceModel.is_installed() else None
    return RelevanceIndex(tools, model, known)


def lead_of(order: Any) -> float:
    """By how much the first of some scores leads; ``order`` has one for each tool."""
    import numpy as np

    if len(order) == 1:
        return SOLE_LEAD
    second, first = np.partition(order, -2)[-2:]
    return min(MOST_LEAD, float(first - second))


def lead_over(order: Any, rivals: Any) -> float:
    """By how much the best tool leads over the best rival; 0 where there is none."""
    return float(order.max() - rivals.max()) if len(rivals) else 0.0


def crowding(count: int) -> float:
    """How much of a crowd ``count`` tools are: 0 up to four, 1 at 39, more beyond."""
    return max(0.0, math.log(count / _NO_CROWD)) / math.log(_CROWD / _NO_CROWD)


def _is_possible(tool: Tool, request: Request) -> bool:
    """False where the message does not settle what the tool has to be about, such as a file."""
    return all(
        mark.take(request, "")
        for name, mark in marks_of(tool).items()
        if isinstance(mark, Matching) and name in tool.decoding["required"]
    )
