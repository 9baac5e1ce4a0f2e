"""What speaks for a tool by the requests that it declares as examples.

Owns five signs: letters and words that a request shares with a tool's examples, the
meaning of both, and the things that both hold. Each is a classifier of its own whose
classes are the tools and the kinds of ``talk``; what they are worth together is for
``weights``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airunner.guided.request import Request, split_request
from airunner.guided.retrieval.descriptions import telling_texts
from airunner.guided.retrieval.letters import Letters
from airunner.guided.retrieval.sentence_model import DIMENSIONS, Embedder
from airunner.guided.retrieval.talk import TALK
from airunner.guided.retrieval.things import things_in
from airunner.tools.tool import Tool
from airunner.tools.words import stems

if TYPE_CHECKING:
    import numpy as np

    Matrix = np.ndarray[Any, np.dtype[np.float32]]
    Vector = np.ndarray[Any, np.dtype[np.float32]]

SIGNS = (
    "letters",  # cosine of runs of four letters
    "words",  # log-odds of the request's words, by naive Bayes
    "things",  # log-odds of what the request holds and lacks, by naive Bayes
    "meaning",  # log-likelihood under a Gaussian around the examples' mean; 0 without a model
    "nearest",  # cosine with the example that is most alike; 0 without a model
)
"""The columns of ``ExampleEvidence.of``."""

_USUAL_WEIGHT = 3.0
_RARE_THING = 0.25
_SURE, _UNSURE = 0.03, 0.1
_SPREAD = 0.0008
_SHRINKAGE = 0.3
_PRIOR_EXAMPLES = 64
_MEANING_SCALE = 10.0


class ExampleEvidence:
    """The index over ``tools``, which it keeps in order. Examples are read when it is made."""

    signs = SIGNS

    def __init__(self, tools: Sequence[Tool], model: Embedder | None) -> None:
        classes = [*(tool.examples for tool in tools), *TALK.values()]
        self._count = len(classes)
        self._letters = Letters(classes)
        self._words = _Words(classes)
        self._things = _Things(classes)
        self._meaning = _Meaning(classes, model) if model else None

    def of(self, request: Request, meanings: Matrix | None) -> Matrix:
        """One row of ``SIGNS`` for each tool, then for each kind of talk.

        ``meanings`` are those of the request's telling texts.
        """
        import numpy as np

        wish = telling_texts(request)[0]
        meaning = nearest = np.zeros(self._count)
        if self._meaning is not None and meanings is not None:
            meaning = np.max([self._meaning.likelihood(row) for row in meanings], axis=0)
            nearest = np.max([self._meaning.nearest(row) for row in meanings], axis=0)
        columns = [
            self._letters.likeness(wish),
            self._words.odds(wish),
            self._things.odds(request),
            meaning,
            nearest,
        ]
        return np.stack([np.asarray(c, dtype=np.float32) for c in columns], axis=1)


class _Words:
    """How often each word is in the examples of each class, against all classes together."""

    def __init__(self, classes: Sequence[Sequence[str]]) -> None:
        import numpy as np

        sizes = np.array([len(examples) for examples in classes])
        bags = [Counter(w for text in examples for w in set(stems(text))) for examples in classes]
        self._odds: dict[str, Any] = {}
        self._none = np.zeros(len(classes))
        for word in {word for bag in bags for word in bag}:
            counts = np.array([bag[word] for bag in bags])
            usual = (counts.sum() + 0.5) / (sizes.sum() + 1)
            # Smoothed towards how usual the word is, or a tool with many examples would
            # lose by every word that none of them has.
            share = (counts + _USUAL_WEIGHT * usual) / (sizes + _USUAL_WEIGHT)
            self._odds[word] = np.log(share / usual)

    def odds(self, text: str) -> Any:
        return sum((self._odds[w] for w in set(stems(text)) if w in self._odds), self._none)


class _Things:
    """How often each thing is in the examples of each class, against all classes together."""

    def __init__(self, classes: Sequence[Sequence[str]]) -> None:
        import numpy as np

        held = [[things_in(split_request(text)) for text in examples] for examples in classes]
        self._names = sorted({name for of_class in held for each in of_class for name in each})
        share = np.array(
            [
                [
                    (sum(name in each for each in of_class) + _RARE_THING) / (len(of_class) + 1)
                    for name in self._names
                ]
                for of_class in held
            ]
        )
        mean = share.mean(axis=0)
        self._present = np.log((share + _SURE) / (mean + _SURE))
        self._absent = np.log((1 - share + _UNSURE) / (1 - mean + _UNSURE))

    def odds(self, request: Request) -> Any:
        import numpy as np

        held = things_in(request)
        present = np.array([name in held for name in self._names], dtype=float)
        return self._present @ present + self._absent @ (1 - present)


class _Meaning:
    """Linear discriminant analysis: one mean for each class, one covariance for all of them.

    The covariance is shrunk towards a sphere (Ledoit & Wolf, "A well-conditioned estimator
    for large-dimensional covariance matrices", 2004, with a fixed share), the more the
    fewer examples there are.
    """

    def __init__(self, classes: Sequence[Sequence[str]], model: Embedder) -> None:
        import numpy as np

        vectors = [model.embed(examples) for examples in classes]
        self._examples = np.concatenate(vectors)
        self._starts = np.cumsum([0, *(len(each) for each in vectors[:-1])])
        means = np.stack([each.mean(axis=0) for each in vectors])
        apart = np.concatenate([each - each.mean(axis=0) for each in vectors])
        prior = _PRIOR_EXAMPLES / (len(apart) + _PRIOR_EXAMPLES)
        covariance = (1 - prior) * (apart.T @ apart) / len(apart)
        covariance += (_SHRINKAGE + prior) * _SPREAD * np.eye(DIMENSIONS)
        self._slopes = np.linalg.solve(covariance, means.T).T / _MEANING_SCALE
        self._offsets = -0.5 * np.einsum("nd,nd->n", self._slopes, means)

    def nearest(self, vector: Vector) -> Any:
        import numpy as np

        return np.maximum.reduceat(self._examples @ vector, self._starts)

    def likelihood(self, vector: Vector) -> Any:
        return self._slopes @ vector + self._offsets
