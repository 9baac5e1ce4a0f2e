"""What speaks for a tool by its name, its description and its parameters.

Owns the index over these, and the signs that ``weights`` weighs. A request touches
only its own words and one product with a matrix of a few hundred columns, so a
thousand tools are as quick as ten.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airunner.guided.request import Request
from airunner.guided.retrieval.letters import Letters
from airunner.guided.retrieval.rarity import rarities
from airunner.guided.retrieval.sentence_model import Embedder
from airunner.tools.tool import Tool

if TYPE_CHECKING:
    import numpy as np

    Matrix = np.ndarray[Any, np.dtype[np.float32]]

SIGNS = (
    "like_description",  # cosine with name and description
    "like_name",  # cosine with the name
    "like_parameters",  # cosine with the parameters' names
    "like_letters",  # cosine of the runs of four letters with name's and description's, by rarity
    "words_of_name",  # rarity of the request's words that the name has, summed
    "words_of_description",  # that only the description has
    "words_of_parameters",  # that only the parameters' names or descriptions have
    "unexplained",  # share of the request's rarity that the tool does not have
    "name_unused",  # share of the name's rarity that the request does not have
    "description_unused",
    "numbers_missing",  # required numbers beyond those in the request, as a negative count
    "no_number",  # none in the request, though one is required
    "is_question",
)
"""The columns of ``DescriptionEvidence.of``; the first three are 0 without a sentence model."""

_TEXTS = 3
_LONG = 300
_FEW_SENTENCES = 3
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
_MOST = (2.0, 3.0, 3.0)
_NUMBER_KINDS = ("integer", "number")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_NUMBER_WORD = re.compile(
    r"\b(?:one|two|three|four|five|six|seven|eight|nine|ten|hundred|thousand|half|dozen|third"
    r"|second)\b",
    re.IGNORECASE,
)
_QUESTION = re.compile(
    r"\s*(?:what|what's|who|why|when|where|which|is|are|was|were|do|does|did|how)\b", re.IGNORECASE
)


class DescriptionEvidence:
    """The index over ``tools``, which it keeps in order. Tools are read when it is made."""

    signs = SIGNS

    def __init__(self, tools: Sequence[Tool], model: Embedder | None) -> None:
        import numpy as np

        self._count = len(tools)
        vectors = np.zeros((self._count, _TEXTS, 1), dtype=np.float32)
        if model is not None:
            texts = [text for tool in tools for text in _texts_of(tool)]
            vectors = model.embed(texts).reshape(self._count, _TEXTS, -1)
        self._vectors = [np.ascontiguousarray(vectors[:, kind]) for kind in range(_TEXTS)]
        self._letters = Letters([_texts_of(tool)[:1] for tool in tools])
        self._fields = [_Field(words) for words in zip(*map(_fields_of, tools), strict=True)]
        self._required_numbers = np.array([_required_numbers(tool) for tool in tools])

    def of(self, request: Request, meanings: Matrix | None) -> Matrix:
        """One row of ``SIGNS`` for each tool; ``meanings`` are those of the telling texts."""
        import numpy as np

        text = telling_texts(request)[0]
        queries = np.zeros((1, self._vectors[0].shape[1])) if meanings is None else meanings
        words = rarities(text)
        total = sum(words.values()) or 1.0
        name, description, parameters = (field.shared(words) for field in self._fields)
        shared = [
            np.minimum(s, most)
            for (s, _), most in zip((name, description, parameters), _MOST, strict=True)
        ]
        numbers = len(_NUMBER.findall(text)) + len(_NUMBER_WORD.findall(text))
        missing = np.minimum(numbers, self._required_numbers) - self._required_numbers
        columns = [
            *((vectors @ queries.T).max(axis=1) for vectors in self._vectors),
            self._letters.likeness(text),
            *shared,
            1 - (name[0] + description[0] + parameters[0]) / total,
            name[1],
            description[1],
            missing,
            (self._required_numbers > 0) & (numbers == 0),
            np.full(self._count, bool(_QUESTION.match(text))),
        ]
        return np.stack([np.asarray(c, dtype=np.float32) for c in columns], axis=1)


def in_short(request: Request) -> Request:
    """``request``, with a page that nothing sets off from the wish taken for its body.

    The wish is then the first sentence or the last, whichever is shorter.
    """
    sentences = _SENTENCE_END.split(request.message.strip())
    if request.body or len(request.message) <= _LONG or len(sentences) <= _FEW_SENTENCES:
        return request
    wish = min(sentences[0], sentences[-1], key=len)
    return Request(wish, wish, request.message)


def telling_texts(request: Request) -> list[str]:
    """The part of a message that says what is wanted, and all of it where that is short."""
    wish = request.wish if request.body else request.message
    is_long = len(request.message) > _LONG
    return [wish] if is_long or wish == request.message else [wish, request.message]


class _Field:
    """One field of every tool, as an inverted index from its words."""

    def __init__(self, words_of_tools: Sequence[Mapping[str, float]]) -> None:
        import numpy as np

        self._postings = _postings(words_of_tools)
        self._totals = np.array([sum(words.values()) for words in words_of_tools])

    def shared(self, words: Mapping[str, float]) -> tuple[Any, Any]:
        """For each tool: the rarity of the words it shares, and the share of its own unused."""
        import numpy as np

        found = np.zeros(len(self._totals))
        used = np.zeros(len(self._totals))
        for word in words.keys() & self._postings.keys():
            numbers, rarities_of_tools = self._postings[word]
            found[numbers] += words[word]
            used[numbers] += rarities_of_tools
        unused = 1 - used / np.maximum(self._totals, 1e-6)
        return found, np.where(self._totals > 0, unused, 0.0)


def _postings(of_tools: Sequence[Mapping[str, float]]) -> dict[str, tuple[Any, Any]]:
    """From each term to the numbers of the tools that have it, and to its value in each."""
    import numpy as np

    found: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for number, terms in enumerate(of_tools):
        for term, value in terms.items():
            found[term].append((number, value))
    return {
        term: (np.array([n for n, _ in each]), np.array([value for _, value in each]))
        for term, each in found.items()
    }


def _texts_of(tool: Tool) -> tuple[str, ...]:
    """What is embedded of a tool, in the order of the first features."""
    name = _spaced(tool.name)
    parameters = ", ".join(map(_spaced, tool.decoding["properties"]))
    return f"{name}. {tool.description}", name, parameters or "nothing"


def _fields_of(tool: Tool) -> tuple[dict[str, float], ...]:
    """The words of name, description and parameters, each only where it comes first."""
    name = rarities(tool.name)
    description = rarities(tool.description)
    properties = tool.decoding["properties"]
    parameters = rarities(
        " ".join(f"{each} {schema.get('description', '')}" for each, schema in properties.items())
    )
    only_description = {w: r for w, r in description.items() if w not in name}
    only_parameters = {
        w: r for w, r in parameters.items() if w not in name and w not in description
    }
    return name, only_description, only_parameters


def _required_numbers(tool: Tool) -> int:
    properties = tool.decoding["properties"]
    kinds = [properties.get(name, {}).get("type") for name in tool.decoding["required"]]
    return sum(kind in _NUMBER_KINDS for kind in kinds)


def _spaced(name: str) -> str:
    return re.sub(r"[._-]", " ", name)
