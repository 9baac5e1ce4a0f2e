"""Which passages speak of what was asked for, by their words.

Owns the score: BM25 (Robertson & Zaragoza, "The Probabilistic Relevance Framework",
2009, section 3.3), with pairs of neighbouring words as words of their own, so that
"notice period" finds the clause before one that speaks of a period elsewhere.
It knows no synonyms.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

from airunner.toolbox.documents.document import Passage
from airunner.tools.words import COMMON, stem, stems

_K1, _B = 1.2, 0.75
_PAIR_WEIGHT = 0.5
_OTHER_SCRIPTS = re.compile(r"[^\W\d_]+")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")


def best_passages(passages: Iterable[Passage], query: str, limit: int) -> list[Passage]:
    """At most ``limit`` passages with a word of ``query``, best first; of equals the earlier one.

    The passages are gone through once, and those without a word of it are not kept.
    """
    # A query of common words alone is still a query.
    read = words if words(query) else stems
    wanted = _weights(read(query))
    holding: Counter[str] = Counter()
    found: list[tuple[Passage, Counter[str], int]] = []
    number = total = 0
    for passage in passages:
        terms = read(passage.text)
        number, total = number + 1, total + len(terms)
        counts = Counter(term for term in _with_pairs(terms) if term in wanted)
        if counts:
            holding.update(counts.keys())
            found.append((passage, counts, len(terms)))
    if not found:
        return []
    average = max(1.0, total / number)
    idf = {
        term: weight * math.log(1 + (number - holding[term] + 0.5) / (holding[term] + 0.5))
        for term, weight in wanted.items()
    }
    # Sorting is stable: of equals the earlier one stays first.
    found.sort(key=lambda each: -_score(each[1], idf, each[2] / average))
    return [passage for passage, _, _ in found[:limit]]


def words(text: str) -> list[str]:
    """The telling words of ``text`` in order, without endings and accents.

    Scripts that put no space between words count by pairs of characters.
    """
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    # Once more: the first time "translations" only becomes "translation".
    found = [stem(word) for word in stems(plain) if word not in COMMON]
    if not plain.isascii():
        for word in _OTHER_SCRIPTS.findall(plain.casefold()):
            if _UNSPACED.search(word):
                found += [a + b for a, b in pairwise(word)] or [word]
            elif not word.isascii():
                found.append(word)
    return found


def _weights(terms: Sequence[str]) -> dict[str, float]:
    return dict.fromkeys(_pairs(terms), _PAIR_WEIGHT) | dict.fromkeys(terms, 1.0)


def _pairs(terms: Sequence[str]) -> list[str]:
    return [f"{first} {second}" for first, second in pairwise(terms)]


def _with_pairs(terms: list[str]) -> list[str]:
    return terms + _pairs(terms)


def _score(counts: Counter[str], idf: dict[str, float], length: float) -> float:
    norm = _K1 * (1 - _B + _B * length)
    return sum(idf[term] * n * (_K1 + 1) / (n + norm) for term, n in counts.items())
