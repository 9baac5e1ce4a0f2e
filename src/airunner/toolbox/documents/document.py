"""A document as text: what a reader makes of a file, and every tool works on.

Owns the value, the places that a quotation can name, and cutting into passages
(to search and to quote) and parts (to read one after another). How lines become
sections is in ``stretches``; where the text came from is a reader's business.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from airunner.tools.passages import estimated_tokens, split_passages

PASSAGE_TOKENS = 200
"""Estimated tokens of a passage: a paragraph or two, enough to be understood alone."""

PART_TOKENS = 850
"""Estimated tokens of a part: with a line about it, what a first result may have (1,024)."""

_LINE_ENDS = re.compile(r"\r\n?|[\v\f\x85\u2028\u2029]")
_TRAILING_SPACE = re.compile(r"[ \t\xa0]+$", re.MULTILINE)
_BLANK_LINES = re.compile(r"\n{3,}")


@dataclass(frozen=True, slots=True)
class Section:
    """A stretch of text, as it is, and where it is, as a quotation names it: ``page 4``.

    ``page`` is the number of its page; 0 where the format has no pages.
    """

    place: str
    text: str
    page: int = 0


@dataclass(frozen=True, slots=True)
class Passage:
    """A few sentences of a document and their place, which may be empty."""

    document: str
    place: str
    text: str


@dataclass(frozen=True, slots=True)
class Part:
    """What is read at once. ``pages`` are those it has text of, in order."""

    text: str
    pages: tuple[int, ...] = ()


# Compared by identity: two readings of one file are two documents.
@dataclass(frozen=True, eq=False)
class Document:
    """The text of one file.

    Attributes:
        name: what the file is called in the files folder.
        title: what the document calls itself; empty if it does not.
        sections: its text in order, to be joined by line ends.
        page_count: how many pages the file has, with and without text; 0 where
            the format has none.
        notes: what could not be read, as sentences for the reader.
    """

    name: str
    title: str
    sections: tuple[Section, ...]
    page_count: int = 0
    notes: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """All of it."""
        return "\n".join(section.text for section in self.sections)

    @property
    def characters(self) -> int:
        """Its length, but for the joints."""
        return sum(len(section.text) for section in self.sections)

    @cached_property
    def passages(self) -> tuple[Passage, ...]:
        """The text in pieces of at most ``PASSAGE_TOKENS``; none crosses a section."""
        return tuple(
            Passage(self.name, section.place, piece)
            for section in self.sections
            for piece in split_passages(section.text, PASSAGE_TOKENS)
        )

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """The text in pieces of at most ``PART_TOKENS``; each page begins with its number."""
        parts: list[Part] = []
        texts: list[str] = []
        pages: list[int] = []
        room = PART_TOKENS
        for page, text in self._pieces():
            size = estimated_tokens(text) + 1
            if texts and size > room:
                parts.append(_part(texts, pages))
                texts, pages, room = [], [], PART_TOKENS
            texts.append(text)
            pages.append(page)
            room -= size
        return (*parts, _part(texts, pages)) if texts else ()

    def _pieces(self) -> Iterator[tuple[int, str]]:
        """Page number and text of what no part is cut within."""
        page = 0
        for section in self.sections:
            text = section.text
            if section.page != page:
                page = section.page
                text = f"\n[page {page}]\n{text}"
            if estimated_tokens(text) < PART_TOKENS:
                yield page, text
            else:
                yield from ((page, piece) for piece in split_passages(text, PART_TOKENS - 1))


def _part(texts: list[str], pages: list[int]) -> Part:
    return Part("\n".join(texts).strip("\n"), tuple(dict.fromkeys(page for page in pages if page)))


def clean_text(text: str) -> str:
    """``text`` with ``\\n`` as its only line end, and without what nobody can see.

    Control characters and halves of surrogate pairs, which PDFs are full of,
    would break an engine's request; blank lines are at most one.
    """
    text = _LINE_ENDS.sub("\n", unicodedata.normalize("NFC", text))
    lines = text.split("\n")
    text = "\n".join(line if line.isprintable() else _visible(line) for line in lines)
    return _BLANK_LINES.sub("\n\n", _TRAILING_SPACE.sub("", text)).strip("\n")


def _visible(line: str) -> str:
    return "".join(c for c in line if c == "\t" or unicodedata.category(c)[0] != "C")
