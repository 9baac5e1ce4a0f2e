"""Which tool a request means, if any.

Owns the verdict. The order is that of ``search_tools``; what is added is a gate, since a
search always finds something and most of what people say wants no tool.

That a message has the words of an example is not enough. It must be of the example's kind: what
is asked or told is no request, whatever it speaks of, so "what is a lighthouse?" is not "show me
a picture of a lighthouse". And a single word must be one that the tool is asked for with, not
what some example happens to be about.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import fsum
from typing import Literal, Protocol

from airunner.guided.marks.documents import TABLE_TOOL, is_beside_table
from airunner.guided.marks.table import marks_of
from airunner.guided.mood import Mood, asks_what_is, mood_of
from airunner.guided.request import Request, split_request
from airunner.guided.user_words import Matching
from airunner.guided.words import COMMON, stems
from airunner.tools.search import ToolSearch
from airunner.tools.tool import Tool
from airunner.tools.toolset import Toolset

Verdict = Literal["fits", "doubtful", "unlikely"]

SURE, DOUBTFUL = 0.4, 0.38
"""How alike a request and an example are where the tool is called, and where it is asked about.

Chosen on the even half of ``benchmarks.toolbox_requests``.
"""

_COMMON_WEIGHT = 0.3
_NUMBER = "0"
_OWN_SHARE, _OWN_LEAST = 0.1, 2
"""In how many of a tool's examples a word is that it is asked for with: a share, and a number."""
_LONG, _FEW_SENTENCES = 300, 3
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


@dataclass(frozen=True, slots=True)
class Choice:
    """The tool that comes first, and whether it is meant."""

    tool: Tool
    verdict: Verdict


class ToolChooser(Protocol):
    """Something that says which tool a request means."""

    def choose(self, request: Request) -> Choice | None:
        """The likeliest tool, however unlikely; ``None`` where the request has to do with none."""
        ...


class SearchChooser:
    """By the words that tools declare: examples where they have some, else name and description.

    A tool that declares no examples fits where the request has a telling word of its name
    or description.
    """

    def __init__(self, tools: Iterable[Tool]) -> None:
        self._tools = tuple(tools)

    def choose(self, request: Request) -> Choice | None:
        """See ``ToolChooser``.

        What is asked beside an attached table and no other tool is meant by, is asked of the
        table: a model that has only read its description would make its figures up.
        """
        best = self._by_words(request)
        if (best is not None and best.verdict == "fits") or not is_beside_table(request):
            return best
        tool = next((tool for tool in self._tools if tool.name == TABLE_TOOL), None)
        mood = mood_of(request.wish)
        if tool is None or mood == "statement":
            return best
        # What goes on with a question may leave out what it asks: "and in April?".
        goes_on = request.table and request.wish.endswith("?")
        return Choice(tool, "fits" if mood == "question" or goes_on else "doubtful")

    def _by_words(self, request: Request) -> Choice | None:
        wish = _wish(request)
        found = self._search.find(wish)
        if not found:
            return None
        possible = [tool for tool in found if _is_possible(tool, request)]
        if not possible or asks_what_is(wish):
            return Choice(found[0], "unlikely")
        best = possible[0]
        said = _weights(wish)
        if not best.examples:
            telling = said.keys() - COMMON
            return Choice(best, "fits" if telling & self._described[best.name] else "unlikely")
        if not _says_what_for(said, best):
            return Choice(best, "unlikely")
        alike = max((_likeness(said, each) for each in _comparable(best, mood_of(wish))), default=0)
        fits = alike >= SURE
        return Choice(best, "fits" if fits else "doubtful" if alike >= DOUBTFUL else "unlikely")

    @cached_property
    def _search(self) -> ToolSearch:
        return ToolSearch(Toolset(self._tools))

    @cached_property
    def _described(self) -> Mapping[str, frozenset[str]]:
        return {t.name: frozenset(stems(f"{t.name} {t.description}")) for t in self._tools}


def _wish(request: Request) -> str:
    """The part of a message that says what is wanted.

    Of a page that nothing sets off from the wish, the first sentence or the last,
    whichever is shorter.
    """
    if request.body:
        return request.wish
    sentences = _SENTENCE_END.split(request.message.strip())
    if len(request.message) <= _LONG or len(sentences) <= _FEW_SENTENCES:
        return request.message
    return min(sentences[0], sentences[-1], key=len)


def _weights(text: str) -> dict[str, float]:
    """The stems of a text, each with what it counts; all numbers are alike."""
    found = (_NUMBER if stem[0].isdigit() else stem for stem in stems(text))
    return {stem: _COMMON_WEIGHT if stem in COMMON else 1.0 for stem in found}


def _comparable(tool: Tool, mood: Mood) -> Iterator[Mapping[str, float]]:
    """The words of those examples that a message of this mood can be like.

    A request may want what an example asks. A question wants what an example requests only of
    a tool that looks something up: it is none to draw, to write or to change anything.
    """
    looks_up = tool.permission in ("read", "network") and not tool.uses
    for example in tool.examples:
        wish = _wish(split_request(example))
        own = mood_of(wish)
        if mood in ("request", own) or (looks_up and (mood, own) == ("question", "request")):
            yield _weights(wish)


def _says_what_for(said: Mapping[str, float], tool: Tool) -> bool:
    """False where all that is said is one word, of an example's subject or manner."""
    telling = said.keys() - COMMON
    if len(telling) != 1 or _NUMBER in telling:
        return True
    counts = Counter(stem for example in tool.examples for stem in _weights(example))
    least = max(_OWN_LEAST, _OWN_SHARE * len(tool.examples))
    own = {stem for stem, count in counts.items() if count >= least}
    return bool(telling & (own | set(stems(f"{tool.name} {tool.description}"))))


def _likeness(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """From 0 to 1: how much of both texts is in both (Dice's coefficient, weighted).

    0 where they share no telling word: "how are you?" is not "what model are you?".
    """
    shared = one.keys() & other.keys()
    if shared <= COMMON:
        return 0.0
    return 2 * fsum(one[stem] for stem in shared) / fsum((*one.values(), *other.values()))


def _is_possible(tool: Tool, request: Request) -> bool:
    """False where the message does not settle what the tool has to be about: a file, a date."""
    marks = marks_of(tool)
    needed = (
        mark
        for name, mark in marks.items()
        if isinstance(mark, Matching) and name in tool.decoding["required"]
    )
    subjects = [mark for mark in marks.values() if mark.is_subject]
    return all(mark.take(request, "") for mark in needed) and (
        not subjects or any(mark.take(request, "") for mark in subjects)
    )
