"""Choosing the tools that fit a request, by its words.

Owns a lexical score: BM25F over what a tool declares and is called (Robertson &
Zaragoza, "The Probabilistic Relevance Framework", 2009, section 3.6). Two things
differ, so that one threshold serves any catalogue: idf is scaled to be 1 for a
word of one tool alone, among 3 tools as among 1,000; and a field counts each of
its words once, which leaves nothing for a length penalty to correct. It knows
no synonyms but those a tool declares. Anything with the ``rank`` of
``ToolRanker`` can stand beside it or in its place.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from airunner.tools.request import Request
from airunner.tools.tool import Tool
from airunner.tools.user_words import Matching
from airunner.tools.words import COMMON as _COMMON
from airunner.tools.words import stems as _words

THRESHOLD = 1.15
"""The score below which nothing fits: one keyword reaches it, or two topics."""

_FIELD_WEIGHTS = {
    "keyword": 1.6,
    "topic": 0.8,
    "name": 0.7,
    "example": 0.35,
    "parameter": 0.3,
    "prose": 0.3,
}
_SATURATION = 1.2
_BODY_WEIGHT = 0.3
_BODY_TERMS = 12
_QUESTION_WEIGHT = 0.55
_UNLESS_WEIGHT = 0.2
_THING_WEIGHT = 0.5
_NO_THING_WEIGHT = 0.3
_COUNTED_TERMS = 4
_LONGEST_PHRASE = 4

_Postings = dict[str, list[tuple[int, float]]]

_QUESTION = re.compile(
    r"\s*(?:what|what's|who|why|when|where|which|is|are|was|were|do|does|did)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Match:
    """A tool and how well it fits; scores of one ranker compare across requests.

    ``doubtful`` says that it may be what is meant, although it stays below the threshold.
    """

    tool: Tool
    score: float
    doubtful: bool = False


class ToolRanker(Protocol):
    """Something that orders tools by how well they fit a request."""

    def prepare(self) -> None:
        """Do now what the first ``rank`` would have to do; may take a second, from any thread."""
        ...

    def rank(self, request: Request, limit: int = 5) -> list[Match]:
        """At most ``limit`` tools, best first, those without any evidence left out."""
        ...


class LexicalIndex:
    """An inverted index over a fixed set of tools; a request touches only its own words."""

    def __init__(self, tools: Iterable[Tool]) -> None:
        self._tools = tuple(tools)
        self._postings: _Postings = defaultdict(list)
        for number, tool in enumerate(self._tools):
            for term, weight in _term_weights(tool).items():
                value = weight * (_SATURATION + 1) / (weight + _SATURATION)
                self._postings[term].append((number, value))
        self._takes_questions = [
            any(_QUESTION.match(example) for example in tool.examples) for tool in self._tools
        ]
        self._unless = [
            {word for text in tool.unless for word in _words(text)} for tool in self._tools
        ]
        self._things = [required_things(tool) for tool in self._tools]
        rarest = _idf(len(self._tools), 1)
        declared = Counter(term for tool in self._tools for term in _keyword_terms(tool))
        # A keyword is as rare as its declarations: "summarize" in another tool's name or
        # description takes nothing from the tool that it marks.
        self._idf = {
            term: _idf(len(self._tools), declared[term] or len(posting)) / rarest
            for term, posting in self._postings.items()
        }
        self._declaring = {
            term: kept
            for term, posting in self._postings.items()
            if (kept := [each for each in posting if self._tools[each[0]].keywords])
        }

    def prepare(self) -> None:
        """Nothing is left to do."""

    def rank(self, request: Request, limit: int = 5) -> list[Match]:
        """The best tools by score; equal scores keep the tools' own order."""
        matches = [
            Match(self._tools[n], score) for n, score in self._scores(request, self._postings)
        ]
        return sorted(matches, key=lambda match: -match.score)[:limit]

    def declared(self, request: Request) -> dict[str, float]:
        """The scores of the tools that declare keywords, by name, where there is any evidence."""
        return {
            self._tools[number].name: score
            for number, score in self._scores(request, self._declaring)
        }

    def _scores(self, request: Request, postings: _Postings) -> Iterator[tuple[int, float]]:
        found: dict[int, list[float]] = defaultdict(list)
        for term, importance in _query_terms(request).items():
            for number, value in postings.get(term, ()):
                found[number].append(importance * self._idf[term] * value)
        # A question about French is seldom a wish for a translation, unless the
        # tool's own examples ask so.
        is_question = bool(_QUESTION.match(request.wish))
        wish = set(_words(request.wish))
        for number, values in sorted(found.items()):
            # Only the strongest words count: a long message must not win by its length.
            score = sum(sorted(values, reverse=True)[:_COUNTED_TERMS])
            if is_question and not self._takes_questions[number]:
                score *= _QUESTION_WEIGHT
            if not wish.isdisjoint(self._unless[number]):
                score *= _UNLESS_WEIGHT
            if self._things[number]:
                named = all(thing.take(request, "") for thing in self._things[number])
                score = score + _THING_WEIGHT if named else score * _NO_THING_WEIGHT
            yield number, score


def pick(ranker: ToolRanker, request: Request, threshold: float = THRESHOLD) -> Tool | None:
    """The tool that fits ``request`` best, or ``None`` if none reaches ``threshold``."""
    best = ranker.rank(request, limit=1)
    return best[0].tool if best and best[0].score >= threshold else None


def required_things(tool: Tool) -> tuple[Matching, ...]:
    """What a message has to mention for ``tool`` to be of use, such as the name of a file."""
    required = tool.parameters["required"]
    return tuple(
        mark
        for name, mark in tool.user_words.items()
        if isinstance(mark, Matching) and name in required
    )


def _keyword_terms(tool: Tool) -> set[str]:
    return {" ".join(_words(text)) for text in tool.keywords}


def _term_weights(tool: Tool) -> dict[str, float]:
    weights: dict[str, float] = defaultdict(float)
    fields = {
        "name": [tool.name],
        "keyword": tool.keywords,
        "topic": tool.topics,
        "example": tool.examples,
        "prose": [tool.description],
        "parameter": list(tool.parameters["properties"]),
    }
    for kind, texts in fields.items():
        terms: dict[str, float] = {}
        for text in texts:
            words = _words(text)
            if kind == "keyword" and len(words) > 1:
                # A phrase counts as a whole; its words alone may mean anything.
                terms[" ".join(words)] = _FIELD_WEIGHTS[kind]
            else:
                terms |= {word: _FIELD_WEIGHTS[kind] for word in words if word not in _COMMON}
        for term, weight in terms.items():
            weights[term] += weight
    return weights


def _query_terms(request: Request) -> dict[str, float]:
    wish = _words(request.wish)
    terms = dict.fromkeys(_words(request.body[:400])[:_BODY_TERMS], _BODY_WEIGHT)
    terms |= dict.fromkeys(wish, 1.0)
    terms = {word: weight for word, weight in terms.items() if word not in _COMMON}
    for size in range(2, _LONGEST_PHRASE + 1):
        for start in range(len(wish) - size + 1):
            terms[" ".join(wish[start : start + size])] = 1.0
    # "sum this up" is "sum up": a phrase of two words may hold one more.
    terms |= {f"{first} {last}": 1.0 for first, last in zip(wish, wish[2:], strict=False)}
    return terms


def _idf(count: int, containing: int) -> float:
    return math.log(1 + (count - containing + 0.5) / (containing + 0.5))
