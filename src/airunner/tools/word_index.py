"""Texts found by their words.

Owns the index, BM25 in SQLite's FTS5, and how the words of a query become one. It knows
endings of English words and no synonyms.
"""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from airunner.tools.normal_form import normalized

_SHORTEST_TELLING = 4
_WORD = re.compile(r"\w+")
# Scripts that put no space between words: Thai, Lao, Burmese, Khmer, kana, Chinese characters.
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")


class WordIndex:
    """Rows of texts, each with one text for every one of ``columns``.

    May be used from any thread. What does not fit into memory goes to a file of SQLite's own.
    """

    def __init__(self, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        self._lock = threading.Lock()
        self._table = sqlite3.connect("", check_same_thread=False)
        self._table.execute(
            f"CREATE VIRTUAL TABLE found USING fts5({', '.join(columns)}, "
            "tokenize = 'porter unicode61 remove_diacritics 2')"
        )
        self._table.executemany(
            f"INSERT INTO found VALUES ({', '.join('?' * len(columns))})",
            (tuple(map(_apart, row)) for row in rows),
        )

    def find(self, query: str, limit: int) -> list[int]:
        """The numbers, from 0, of at most ``limit`` rows with a word of ``query``, best first."""
        words = list(_words(query))
        # Neighbours count once more, if they say something: "notice period" is before a
        # period elsewhere.
        telling = (pair for pair in pairwise(words) if min(map(len, pair)) >= _SHORTEST_TELLING)
        wanted = dict.fromkeys([*words, *map(" ".join, telling)])
        if not wanted:
            return []
        with self._lock:
            rows = self._table.execute(
                "SELECT rowid FROM found WHERE found MATCH ? ORDER BY rank, rowid LIMIT ?",
                (" OR ".join(f'"{phrase}"' for phrase in wanted), limit),
            ).fetchall()
        return [number - 1 for (number,) in rows]


def _apart(text: str) -> str:
    """``text`` as it is compared: unspaced scripts by their characters, ligatures taken apart."""
    plain = normalized("NFKC", text.encode("utf-8", "replace").decode())
    return plain if plain.isascii() else _UNSPACED.sub(r" \g<0> ", plain)


def _words(query: str) -> Iterator[str]:
    """The words of ``query``; of unspaced scripts, the pairs of neighbouring characters."""
    for word in _WORD.findall(normalized("NFKC", query)):
        spaced = _apart(word).split()
        yield from map(" ".join, pairwise(spaced)) if len(spaced) > 1 else spaced
