"""What speaks for each tool of a catalogue, given a request: numbers, not yet a verdict.

Owns the index over the tools' names, descriptions and parameters, and the
features that ``relevance`` weighs. A request touches only its own words and one
product with a matrix of a few hundred columns, so a thousand tools are as quick
as ten.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airunner.tools.request import Request
from airunner.tools.retrieval.sentence_model import SentenceModel
from airunner.tools.tool import Tool
from airunner.tools.words import rarities

if TYPE_CHECKING:
    import numpy as np

    Matrix = np.ndarray[Any, np.dtype[np.float32]]

FEATURES = (
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
"""The columns of ``Evidence.of``."""

_TEXTS = 3
_RUN = 4
_LONG_BODY = 300
_MOST = (2.0, 3.0, 3.0)
_NUMBER_KINDS = ("integer", "number")
_NO_LETTER = re.compile(r"[^a-z0-9]+")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_NUMBER_WORD = re.compile(
    r"\b(?:one|two|three|four|five|six|seven|eight|nine|ten|hundred|thousand|half|dozen|third"
    r"|second)\b",
    re.IGNORECASE,
)
_QUESTION = re.compile(
    r"\s*(?:what|what's|who|why|when|where|which|is|are|was|were|do|does|did|how)\b", re.IGNORECASE
)


class Evidence:
    """The index over ``tools``, which it keeps in order. Tools are read when it is made."""

    def __init__(self, tools: Sequence[Tool], model: SentenceModel) -> None:
        import numpy as np

        self._count, self._model = len(tools), model
        texts = [text for tool in tools for text in _texts_of(tool)]
        vectors = model.embed(texts).reshape(self._count, _TEXTS, -1)
        self._vectors = [np.ascontiguousarray(vectors[:, kind]) for kind in range(_TEXTS)]
        self._letters = _Letters([texts[0] for texts in map(_texts_of, tools)])
        self._fields = [_Field(words) for words in zip(*map(_fields_of, tools), strict=True)]
        self._required_numbers = np.array([_required_numbers(tool) for tool in tools])

    def of(self, request: Request) -> Matrix:
        """One row of ``FEATURES`` for each tool."""
        import numpy as np

        text = request.wish if len(request.body) > _LONG_BODY else request.message
        query = self._model.embed([text])[0]
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
            *(vectors @ query for vectors in self._vectors),
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


class _Letters:
    """The runs of letters in one text of each tool: words that share a root share most of theirs.

    Cosine of the sets of runs, each run weighing what it tells apart (its idf).
    """

    def __init__(self, texts: Sequence[str]) -> None:
        import numpy as np

        runs = [_runs(text) for text in texts]
        holders = Counter(run for of_tool in runs for run in of_tool)
        weights = {run: math.log(len(texts) / count) ** 2 for run, count in holders.items()}
        postings = _postings([dict.fromkeys(of_tool, 0.0) for of_tool in runs])
        self._postings = {run: (weights[run], numbers) for run, (numbers, _) in postings.items()}
        self._rarest = math.log(max(2, len(texts))) ** 2
        self._lengths = np.sqrt([sum(weights[run] for run in of_tool) for of_tool in runs])

    def likeness(self, text: str) -> Any:
        """Between 0 and 1 for each tool."""
        import numpy as np

        shared = np.zeros(len(self._lengths))
        squares = 0.0
        for run in _runs(text):
            weight, numbers = self._postings.get(run, (self._rarest, None))
            squares += weight
            if numbers is not None:
                shared[numbers] += weight
        return shared / np.maximum(self._lengths * math.sqrt(squares), 1e-6)


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


def _runs(text: str) -> set[str]:
    plain = f" {_NO_LETTER.sub(' ', text.lower())} "
    return {plain[start : start + _RUN] for start in range(len(plain) - _RUN + 1)}


def _texts_of(tool: Tool) -> tuple[str, ...]:
    """What is embedded of a tool, in the order of the first features."""
    name = _spaced(tool.name)
    parameters = ", ".join(map(_spaced, tool.parameters["properties"]))
    return f"{name}. {tool.description}", name, parameters or "nothing"


def _fields_of(tool: Tool) -> tuple[dict[str, float], ...]:
    """The words of name, description and parameters, each only where it comes first."""
    name = rarities(tool.name)
    description = rarities(tool.description)
    properties = tool.parameters["properties"]
    parameters = rarities(
        " ".join(f"{each} {schema.get('description', '')}" for each, schema in properties.items())
    )
    only_description = {w: r for w, r in description.items() if w not in name}
    only_parameters = {
        w: r for w, r in parameters.items() if w not in name and w not in description
    }
    return name, only_description, only_parameters


def _required_numbers(tool: Tool) -> int:
    properties = tool.parameters["properties"]
    kinds = [properties.get(name, {}).get("type") for name in tool.parameters["required"]]
    return sum(kind in _NUMBER_KINDS for kind in kinds)


def _spaced(name: str) -> str:
    return re.sub(r"[._-]", " ", name)
