"""Choosing tools by what they mean, beside the words that they declare.

Owns the verdict over the evidence: which tool of a catalogue comes first, and
whether even that one fits. Two linear models, whose weights are printed by
``python -m benchmarks.fit_relevance`` (fitted on even-numbered cases of the
Berkeley Function Calling Leaderboard; reported on odd ones).

A tool that declares keywords has said itself what it is for: its words decide
whether it fits, and likeness alone makes it doubtful at most.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Container, Iterable, Mapping
from functools import cached_property

from airunner.tools.request import Request
from airunner.tools.retrieval.evidence import FEATURES, Evidence
from airunner.tools.retrieval.lexical import (
    THRESHOLD,
    LexicalIndex,
    Match,
    ToolRanker,
    required_things,
)
from airunner.tools.retrieval.sentence_model import SentenceModel
from airunner.tools.tool import Tool
from airunner.tools.words import rarities

ORDER: Mapping[str, float] = {
    "like_description": 11.63,
    "like_name": 3.568,
    "like_parameters": 3.743,
    "like_letters": 15.962,
    "words_of_name": 0.116,
    "words_of_description": 0.657,
    "words_of_parameters": 1.305,
    "unexplained": -3.634,
    "name_unused": 0.245,
    "description_unused": 3.698,
    "numbers_missing": 0.256,
    "no_number": -2.278,
}
"""Which tool comes first: the sum of these weights times the features."""

GATE: Mapping[str, float] = {
    "like_description": 4.77,
    "like_name": 3.5,
    "like_parameters": 0.587,
    "like_letters": 6.086,
    "words_of_name": -0.173,
    "words_of_description": 0.225,
    "words_of_parameters": 1.065,
    "unexplained": 3.354,
    "name_unused": -2.779,
    "description_unused": 2.024,
    "numbers_missing": 1.12,
    "no_number": -2.32,
    "is_question": -1.476,
}
"""Whether the first tool fits: positive if so."""

GATE_LEAD = 0.376
GATE_CONSTANT = -6.711
GATE_CROWD = 0.942
"""What the first of 39 tools is given beyond that: a crowd shortens every lead."""

MOST_LEAD, SOLE_LEAD = 5.0, 2.5
"""The first tool's lead over the second counts up to the one, or as the other where it is alone."""

_JUST_BELOW = THRESHOLD - 0.01
_DOUBT = 0.4
_NO_CROWD, _CROWD = 4, 39


class RelevanceIndex:
    """Ranks by sentence vectors and words together; its scores are on ``LexicalIndex``'s scale.

    The tools are read, and the model loaded, by ``prepare`` or when it is first asked.
    """

    def __init__(self, tools: Iterable[Tool], model: SentenceModel) -> None:
        self._tools, self._model = tuple(tools), model
        self._lexical = LexicalIndex(self._tools)
        self._reading = threading.Lock()

    def prepare(self) -> None:
        """Load the model and read the tools: some 10 ms for each."""
        if self._tools:
            with self._reading:
                _ = self._evidence

    def rank(self, request: Request, limit: int = 5) -> list[Match]:
        """At most ``limit`` tools, best first."""
        if not self._tools:
            return []
        by_words = self._lexical.declared(request)
        matches = [
            self._match(tool, self._possible(tool, likeness, request), by_words.get(tool.name, 0.0))
            for tool, likeness in self._candidates(request, by_words, limit)
        ]
        return sorted(matches, key=lambda match: -match.score)[:limit]

    def _possible(self, tool: Tool, likeness: float, request: Request) -> float:
        """``likeness``, or less than any doubt where what the tool is about is not mentioned.

        A message without a telling word, such as "Hello!", is about nothing.
        """
        things = required_things(tool)
        if rarities(request.message) and all(thing.take(request, "") for thing in things):
            return likeness
        return min(likeness, THRESHOLD - 2 * _DOUBT)

    def _match(self, tool: Tool, likeness: float, by_words: float) -> Match:
        score, least = likeness, THRESHOLD - _DOUBT
        if tool.keywords:
            score, least = max(min(likeness, _JUST_BELOW), by_words), THRESHOLD
        return Match(tool, score, score < THRESHOLD and likeness >= least)

    def _candidates(
        self, request: Request, named: Container[str], limit: int
    ) -> list[tuple[Tool, float]]:
        """All that could be among the first ``limit``, by likeness: of a thousand, a few."""
        found = self._by_likeness(request)
        left = {True: limit, False: limit}  # with keywords, and without
        chosen = []
        for tool, likeness in found:
            has_keywords = bool(tool.keywords)
            if left[has_keywords] > 0 or (has_keywords and tool.name in named):
                left[has_keywords] -= 1
                chosen.append((tool, likeness))
        return chosen

    def _by_likeness(self, request: Request) -> list[tuple[Tool, float]]:
        """All tools, best first; the scores never rise."""
        import numpy as np

        with self._reading:
            evidence = self._evidence
        features = evidence.of(request)
        order = features @ _weights(ORDER)
        places = np.argsort(-order, kind="stable")
        lead = min(MOST_LEAD, order[places[0]] - order[places[1]]) if len(places) > 1 else SOLE_LEAD
        fits = features[places] @ _weights(GATE) + GATE_LEAD * lead + GATE_CONSTANT
        fits += GATE_CROWD * crowding(len(places))
        scores = THRESHOLD + np.minimum.accumulate(fits)
        tools = map(self._tools.__getitem__, places.tolist())
        return list(zip(tools, scores.tolist(), strict=True))

    @cached_property
    def _evidence(self) -> Evidence:
        # Asked for under the lock, so that two threads do not both read the tools.
        return Evidence(self._tools, self._model)


def best_ranker(tools: Iterable[Tool]) -> ToolRanker:
    """By likeness where the sentence model is installed, else by words alone."""
    if SentenceModel.is_installed():
        return RelevanceIndex(tools, SentenceModel())
    return LexicalIndex(tools)


def crowding(count: int) -> float:
    """How much of a crowd ``count`` tools are: 0 up to four, 1 at 39, more beyond."""
    return max(0.0, math.log(count / _NO_CROWD)) / math.log(_CROWD / _NO_CROWD)


def _weights(of: Mapping[str, float]) -> list[float]:
    return [of.get(name, 0.0) for name in FEATURES]
