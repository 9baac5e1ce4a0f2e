"""Choosing tools by what they say of themselves.

Owns the verdict: which tool of a catalogue comes first, and whether even that one
fits. Tools that declare examples compete by these, the others by their names and
descriptions; each kind has weights of its own, and scores that compare.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from airunner.tools.request import Request
from airunner.tools.retrieval import descriptions, examples
from airunner.tools.retrieval.ranking import Match
from airunner.tools.retrieval.sentence_model import SentenceModel
from airunner.tools.retrieval.weights import (
    DESCRIPTIONS,
    DESCRIPTIONS_BY_WORDS,
    EXAMPLES,
    EXAMPLES_BY_WORDS,
    Weights,
)
from airunner.tools.tool import Tool
from airunner.tools.user_words import Matching
from airunner.tools.words import rarities

if TYPE_CHECKING:
    import numpy as np

    Matrix = np.ndarray[Any, np.dtype[np.float32]]
    Vector = np.ndarray[Any, np.dtype[np.float32]]

MOST_LEAD, SOLE_LEAD = 5.0, 2.5
"""The first tool's lead over the second counts up to the one, or as the other where it is alone."""

_NO_CROWD, _CROWD = 4, 39


class Evidence(Protocol):
    """Signs for each of some tools, in order."""

    def of(self, request: Request, vector: Vector | None) -> Matrix:
        """One row for each tool."""
        ...


class RelevanceIndex:
    """Ranks by all that tools declare; by meaning, too, where a sentence model is given.

    The tools are read, and the model loaded, by ``prepare`` or when it is first asked.
    """

    def __init__(self, tools: Iterable[Tool], model: SentenceModel | None = None) -> None:
        self._tools, self._model = tuple(tools), model
        self._reading = threading.Lock()

    def prepare(self) -> None:
        """Load the model and read the tools: some 10 ms for each."""
        with self._reading:
            _ = self._groups

    def rank(self, request: Request, limit: int = 5) -> list[Match]:
        """At most ``limit`` tools, best first; equal ones keep the tools' own order."""
        self.prepare()
        vector = None
        if self._model is not None and self._tools:
            vector = self._model.embed([descriptions.telling_text(request)])[0]
        found = [match for group in self._groups for match in group.rank(request, vector, limit)]
        return sorted(found, key=lambda match: -match.score)[:limit]

    @cached_property
    def _groups(self) -> tuple[_Group, ...]:
        # Asked for under the lock, so that two threads do not both read the tools.
        told = [tool for tool in self._tools if tool.examples]
        others = [tool for tool in self._tools if not tool.examples]
        with_model = self._model is not None
        groups = []
        if told:
            weights = EXAMPLES if with_model else EXAMPLES_BY_WORDS
            evidence: Evidence = examples.ExampleEvidence(told, self._model)
            groups.append(_Group(told, evidence, examples.SIGNS, weights))
        if others:
            weights = DESCRIPTIONS if with_model else DESCRIPTIONS_BY_WORDS
            evidence = descriptions.DescriptionEvidence(others, self._model)
            groups.append(_Group(others, evidence, descriptions.SIGNS, weights))
        return tuple(groups)


class _Group:
    """Tools that are judged by the same evidence."""

    def __init__(
        self, tools: Sequence[Tool], evidence: Evidence, signs: Sequence[str], weights: Weights
    ) -> None:
        self._tools, self._evidence, self._weights = tools, evidence, weights
        self._order = [weights.order.get(sign, 0.0) for sign in signs]
        self._gate = [weights.gate.get(sign, 0.0) for sign in signs]

    def rank(self, request: Request, vector: Vector | None, limit: int) -> list[Match]:
        """The best tools; the scores never rise."""
        import numpy as np

        signs = self._evidence.of(request, vector)
        order = signs @ self._order
        places = np.argsort(-order, kind="stable")[:limit]
        fits = signs[places] @ self._gate + self._weights.constant
        fits += self._weights.lead * lead_of(order)
        fits += self._weights.crowd * crowding(len(order))
        score = math.inf
        matches = []
        for place, fit in zip(places.tolist(), fits.tolist(), strict=True):
            tool = self._tools[place]
            if not _is_possible(tool, request):
                fit = min(fit, -2 * self._weights.doubt)
            score = min(score, fit)
            matches.append(Match(tool, score, -self._weights.doubt <= score < 0))
        return matches


def best_ranker(tools: Iterable[Tool]) -> RelevanceIndex:
    """By meaning, too, where the sentence model is installed."""
    return RelevanceIndex(tools, SentenceModel() if SentenceModel.is_installed() else None)


def lead_of(order: Any) -> float:
    """By how much the first of some scores leads; ``order`` has one for each tool."""
    import numpy as np

    if len(order) == 1:
        return SOLE_LEAD
    second, first = np.partition(order, -2)[-2:]
    return min(MOST_LEAD, float(first - second))


def crowding(count: int) -> float:
    """How much of a crowd ``count`` tools are: 0 up to four, 1 at 39, more beyond."""
    return max(0.0, math.log(count / _NO_CROWD)) / math.log(_CROWD / _NO_CROWD)


def _is_possible(tool: Tool, request: Request) -> bool:
    """False where what the tool has to be about is not mentioned, such as a file.

    A message without a telling word, such as "Hello!", is about nothing at all.
    """
    if not rarities(request.message):
        return False
    properties: Mapping[str, Any] = tool.user_words
    return all(
        mark.take(request, "")
        for name, mark in properties.items()
        if isinstance(mark, Matching) and name in tool.parameters["required"]
    )
