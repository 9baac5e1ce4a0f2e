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
        constant: what the gate begins with.
        crowd: what it is given beyond that among 39 tools: a crowd shortens every lead.
        doubt: how far below 0 a tool may still be what is meant.
    """

    order: Mapping[str, float]
    gate: Mapping[str, float]
    lead: float
    constant: float
    crowd: float
    doubt: float


DESCRIPTIONS = Weights(
    order={
        "like_description": 12.136,
        "like_name": 2.659,
        "like_parameters": 3.768,
        "like_letters": 18.894,
        "words_of_name": 0.787,
        "words_of_description": 0.679,
        "words_of_parameters": 1.596,
        "unexplained": -1.66,
        "name_unused": 0.701,
        "description_unused": 3.486,
        "numbers_missing": 0.192,
        "no_number": -2.58,
    },
    gate={
        "like_description": 4.681,
        "like_name": 3.815,
        "like_parameters": -0.002,
        "like_letters": 7.006,
        "words_of_name": -0.265,
        "words_of_description": 0.189,
        "words_of_parameters": 1.388,
        "unexplained": 4.202,
        "name_unused": -2.595,
        "description_unused": 2.488,
        "numbers_missing": 1.021,
        "no_number": -2.296,
        "is_question": -1.287,
    },
    lead=0.372,
    constant=-7.826,
    crowd=0.577,
    doubt=0.400,
)
# simple_python, own tools: first 100.0%, called 94.0%, called wrongly 0.0%, asked 1.0%
# simple_python, 39 tools: first 98.3%, called 96.2%, called wrongly 1.2%, asked 0.3%
# multiple, own tools: first 99.0%, called 97.0%, called wrongly 0.0%, asked 1.0%
# multiple, 39 tools: first 97.3%, called 96.2%, called wrongly 1.5%, asked 0.8%
# parallel, own tools: first 100.0%, called 100.0%, called wrongly 0.0%, asked 0.0%
# parallel, 39 tools: first 98.8%, called 98.8%, called wrongly 1.2%, asked 0.0%
# irrelevance, own tools: first 0.0%, called 0.0%, called wrongly 13.3%, asked 5.0%
# irrelevance, 39 tools: first 0.0%, called 0.0%, called wrongly 32.5%, asked 9.2%
# small talk, 39 tools: first 0.0%, called 0.0%, called wrongly 3.0%, asked 0.0%

EXAMPLES = Weights(
    order={
        "letters": 21.426,
        "words": 0.227,
        "things": 0.465,
        "meaning": 0.227,
    },
    gate={
        "letters": 5.525,
        "words": 0.252,
        "things": 0.422,
        "meaning": 0.275,
    },
    lead=0.437,
    constant=-3.336,
    crowd=0.000,
    doubt=0.562,
)
# requests, all tools: first 91.7%, called 88.0%, called wrongly 5.7%, asked 1.6%
# small talk, all tools: first 0.0%, called 0.0%, called wrongly 2.0%, asked 4.0%
# requests, some tools: first 87.6%, called 78.0%, called wrongly 4.6%, asked 2.7%
# small talk, some tools: first 0.0%, called 0.0%, called wrongly 5.0%, asked 1.3%

DESCRIPTIONS_BY_WORDS = Weights(
    order={
        "like_letters": 34.718,
        "words_of_name": 2.017,
        "words_of_description": 1.27,
        "words_of_parameters": 1.462,
        "unexplained": -4.977,
        "name_unused": -0.143,
        "description_unused": 2.588,
        "numbers_missing": 0.486,
        "no_number": -3.036,
    },
    gate={
        "like_letters": 9.066,
        "words_of_name": 0.397,
        "words_of_description": 0.15,
        "words_of_parameters": 1.34,
        "unexplained": 2.964,
        "name_unused": -2.495,
        "description_unused": 1.465,
        "numbers_missing": 1.059,
        "no_number": -2.492,
        "is_question": -1.098,
    },
    lead=0.472,
    constant=-3.907,
    crowd=0.718,
    doubt=0.400,
)
# simple_python, own tools: first 100.0%, called 91.5%, called wrongly 0.0%, asked 0.5%
# simple_python, 39 tools: first 95.8%, called 94.1%, called wrongly 1.8%, asked 0.7%
# multiple, own tools: first 99.0%, called 96.0%, called wrongly 0.0%, asked 0.0%
# multiple, 39 tools: first 97.2%, called 95.3%, called wrongly 1.5%, asked 0.8%
# parallel, own tools: first 100.0%, called 99.0%, called wrongly 0.0%, asked 0.0%
# parallel, 39 tools: first 97.3%, called 97.3%, called wrongly 1.7%, asked 0.2%
# irrelevance, own tools: first 0.0%, called 0.0%, called wrongly 13.3%, asked 4.2%
# irrelevance, 39 tools: first 0.0%, called 0.0%, called wrongly 34.9%, asked 7.2%
# small talk, 39 tools: first 0.0%, called 0.0%, called wrongly 8.0%, asked 9.0%

EXAMPLES_BY_WORDS = Weights(
    order={
        "letters": 29.987,
        "words": 0.279,
        "things": 0.576,
    },
    gate={
        "letters": 14.324,
        "words": 0.284,
        "things": 0.551,
    },
    lead=0.380,
    constant=-6.806,
    crowd=0.000,
    doubt=2.109,
)
# requests, all tools: first 88.0%, called 58.9%, called wrongly 1.0%, asked 22.4%
# small talk, all tools: first 0.0%, called 0.0%, called wrongly 2.0%, asked 4.0%
# requests, some tools: first 83.9%, called 42.5%, called wrongly 1.1%, asked 27.2%
# small talk, some tools: first 0.0%, called 0.0%, called wrongly 0.8%, asked 4.0%
