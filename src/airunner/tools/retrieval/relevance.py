"""Choosing tools by what they say of themselves.

Owns the verdict: which tool of a catalogue comes first, and whether even that one
fits. Tools that declare examples compete by these, the others by their names and
descriptions; each kind has weights of its own, and scores that compare.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from airunner.tools.request import Request
from airunner.tools.retrieval import descriptions, examples
from airunner.tools.retrieval.known_sentences import KnownSentences
from airunner.tools.retrieval.ranking import Match
from airunner.tools.retrieval.sentence_model import Embedder, SentenceModel
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

MOST_LEAD, SOLE_LEAD = 5.0, 2.5
"""The first tool's lead over the second counts up to the one, or as the other where it is alone."""

_NO_CROWD, _CROWD = 4, 39


class Evidence(Protocol):
    """Signs for each of some tools, in order, and for ``rivals`` of theirs, which are none."""

    rivals: int

    def of(self, request: Request, meanings: Matrix | None) -> Matrix:
        """One row for each tool."""
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
        self._reading = threading.Lock()

    def prepare(self) -> None:
        """Read the tools: some 30 ms for each that ``known`` does not have yet."""
        with self._reading:
            _ = self._groups

    def rank(self, request: Request, limit: int = 5) -> list[Match]:
        """At most ``limit`` tools, best first; equal ones keep the tools' own order."""
        if not rarities(request.message) and request.message.isascii():
            return []  # "Hello!" is about nothing
        self.prepare()
        meanings = None
        if self._model is not None and self._tools:
            meanings = self._model.embed(descriptions.telling_texts(request))
        found = [match for group in self._groups for match in group.rank(request, meanings, limit)]
        return sorted(found, key=lambda match: -match.score)[:limit]

    @cached_property
    def _groups(self) -> tuple[_Group, ...]:
        # Asked for under the lock, so that two threads do not both read the tools.
        told = [tool for tool in self._tools if tool.examples]
        others = [tool for tool in self._tools if not tool.examples]
        with_model = self._model is not None
        reader: Embedder | None = self._model
        if self._model is not None and self._known is not None:
            reader = kept = KnownSentences(self._model, self._known)
        groups = []
        if told:
            weights = EXAMPLES if with_model else EXAMPLES_BY_WORDS
            evidence: Evidence = examples.ExampleEvidence(told, reader)
            groups.append(_Group(told, evidence, examples.SIGNS, weights))
        if others:
            weights = DESCRIPTIONS if with_model else DESCRIPTIONS_BY_WORDS
            evidence = descriptions.DescriptionEvidence(others, reader)
            groups.append(_Group(others, evidence, descriptions.SIGNS, weights))
        if reader is not self._model:
            kept.keep()
        return tuple(groups)


class _Group:
    """Tools that are judged by the same evidence."""

    def __init__(
        self, tools: Sequence[Tool], evidence: Evidence, signs: Sequence[str], weights: Weights
    ) -> None:
        self._tools, self._evidence, self._weights = tools, evidence, weights
        self._order = [weights.order.get(sign, 0.0) for sign in signs]
        self._gate = [weights.gate.get(sign, 0.0) for sign in signs]

    def rank(self, request: Request, meanings: Matrix | None, limit: int) -> list[Match]:
        """The best tools; the scores never rise."""
        import numpy as np

        signs = self._evidence.of(request, meanings)
        order = signs @ self._order
        count = len(self._tools)
        places = np.argsort(-order[:count], kind="stable")[:limit]
        fits = signs[places] @ self._gate + self._weights.constant
        fits += self._weights.lead * lead_of(order[:count])
        fits += self._weights.rivals * lead_over(order[:count], order[count:])
        fits += self._weights.crowd * crowding(count)
        score = math.inf
        matches = []
        for place, fit in zip(places.tolist(), fits.tolist(), strict=True):
            tool = self._tools[place]
            if not _is_possible(tool, request):
                fit = min(fit, -self._weights.doubt / 2)
            score = min(score, fit)
            matches.append(Match(tool, score, -self._weights.doubt <= score < 0))
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
        for name, mark in tool.user_words.items()
        if isinstance(mark, Matching) and name in tool.parameters["required"]
    )
