"""How much each sign counts, and from where on a tool fits.

Owns nothing but numbers, printed by ``python -m benchmarks.fit_relevance``. Those for
descriptions are fitted on even-numbered cases of the Berkeley Function Calling
Leaderboard, those for examples on even-numbered requests of ``benchmarks.toolbox``; odd
ones are reported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Weights:
    """Two linear models over the signs of one kind of evidence.

    Attributes:
        order: which tool comes first: the sum of these times the signs.
        gate: whether the first one fits: positive if so, with ``constant``.
        lead: the gate's weight for the first one's lead over the second.
        rivals: its weight for the first one's lead over the best of what is no tool.
        constant: what the gate begins with.
        crowd: what it is given beyond that among 39 tools: a crowd shortens every lead.
        doubt: how far below 0 a tool may still be what is meant.
    """

    order: Mapping[str, float]
    gate: Mapping[str, float]
    lead: float
    rivals: float
    constant: float
    crowd: float
    doubt: float


DESCRIPTIONS = Weights(
    order={
        "like_description": 12.192,
        "like_name": 2.663,
        "like_parameters": 3.976,
        "like_letters": 17.196,
        "words_of_name": 0.8,
        "words_of_description": 0.546,
        "words_of_parameters": 1.531,
        "unexplained": -1.792,
        "name_unused": 0.797,
        "description_unused": 2.46,
        "numbers_missing": 0.032,
        "no_number": -2.26,
    },
    gate={
        "like_description": 5.687,
        "like_name": 4.163,
        "like_parameters": -0.029,
        "like_letters": 5.446,
        "words_of_name": -0.485,
        "words_of_description": 0.292,
        "words_of_parameters": 1.304,
        "unexplained": 3.813,
        "name_unused": -2.714,
        "description_unused": 2.391,
        "numbers_missing": 0.823,
        "no_number": -1.613,
        "is_question": -1.303,
    },
    lead=0.338,
    rivals=0.000,
    constant=-7.873,
    crowd=1.198,
    doubt=0.400,
)
# simple_python, own tools: first 100.0%, called 93.0%, called wrongly 0.0%, asked 1.5%
# simple_python, 39 tools: first 98.5%, called 96.4%, called wrongly 1.1%, asked 0.7%
# multiple, own tools: first 99.0%, called 96.0%, called wrongly 0.0%, asked 2.0%
# multiple, 39 tools: first 97.3%, called 96.5%, called wrongly 2.7%, asked 0.7%
# parallel, own tools: first 100.0%, called 97.0%, called wrongly 0.0%, asked 1.0%
# parallel, 39 tools: first 98.5%, called 97.5%, called wrongly 1.5%, asked 0.3%
# irrelevance, own tools: first 0.0%, called 0.0%, called wrongly 13.3%, asked 1.7%
# irrelevance, 39 tools: first 0.0%, called 0.0%, called wrongly 41.5%, asked 5.8%
# small talk, 39 tools: first 0.0%, called 0.0%, called wrongly 3.0%, asked 3.0%

EXAMPLES = Weights(
    order={
        "letters": 16.902,
        "words": 0.172,
        "things": 0.483,
        "meaning": 0.171,
        "nearest": 4.942,
    },
    gate={
        "letters": 1.607,
        "words": 0.17,
        "things": 0.076,
        "meaning": 0.116,
        "nearest": 0.363,
    },
    lead=0.000,
    rivals=0.401,
    constant=-2.240,
    crowd=0.000,
    doubt=0.515,
)
# requests, all tools: first 92.8%, called 92.5%, called wrongly 6.4%, asked 1.1%
# small talk, all tools: first 0.0%, called 0.0%, called wrongly 3.4%, asked 6.9%
# requests, some tools: first 92.1%, called 82.1%, called wrongly 4.5%, asked 3.6%
# small talk, some tools: first 0.0%, called 0.0%, called wrongly 1.1%, asked 0.8%

DESCRIPTIONS_BY_WORDS = Weights(
    order={
        "like_letters": 32.18,
        "words_of_name": 1.99,
        "words_of_description": 1.272,
        "words_of_parameters": 1.507,
        "unexplained": -4.571,
        "name_unused": -0.381,
        "description_unused": 1.021,
        "numbers_missing": 0.249,
        "no_number": -2.21,
    },
    gate={
        "like_letters": 8.561,
        "words_of_name": 0.341,
        "words_of_description": 0.225,
        "words_of_parameters": 1.216,
        "unexplained": 2.376,
        "name_unused": -2.359,
        "description_unused": 1.487,
        "numbers_missing": 0.834,
        "no_number": -2.15,
        "is_question": -1.14,
    },
    lead=0.443,
    rivals=0.000,
    constant=-3.470,
    crowd=0.761,
    doubt=0.400,
)
# simple_python, own tools: first 100.0%, called 91.0%, called wrongly 0.0%, asked 1.5%
# simple_python, 39 tools: first 95.9%, called 94.8%, called wrongly 1.7%, asked 0.5%
# multiple, own tools: first 99.0%, called 97.0%, called wrongly 0.0%, asked 1.0%
# multiple, 39 tools: first 97.2%, called 95.3%, called wrongly 1.5%, asked 0.8%
# parallel, own tools: first 100.0%, called 96.0%, called wrongly 0.0%, asked 0.0%
# parallel, 39 tools: first 96.2%, called 95.2%, called wrongly 2.3%, asked 0.3%
# irrelevance, own tools: first 0.0%, called 0.0%, called wrongly 13.3%, asked 5.0%
# irrelevance, 39 tools: first 0.0%, called 0.0%, called wrongly 36.1%, asked 7.1%
# small talk, 39 tools: first 0.0%, called 0.0%, called wrongly 7.0%, asked 8.0%

EXAMPLES_BY_WORDS = Weights(
    order={
        "letters": 29.982,
        "words": 0.218,
        "things": 0.582,
    },
    gate={
        "letters": 2.558,
        "words": 0.146,
        "things": 0.232,
    },
    lead=0.000,
    rivals=0.474,
    constant=-3.512,
    crowd=0.000,
    doubt=1.186,
)
# requests, all tools: first 90.9%, called 86.8%, called wrongly 6.8%, asked 4.2%
# small talk, all tools: first 0.0%, called 0.0%, called wrongly 3.4%, asked 6.9%
# requests, some tools: first 87.4%, called 73.4%, called wrongly 5.3%, asked 7.9%
# small talk, some tools: first 0.0%, called 0.0%, called wrongly 0.9%, asked 1.7%
