"""A document as text: what a reader makes of a file, and every tool works on.

Owns the value, its places ("page 4"), and cutting into passages (to search) and parts
(to read one after another). Where the text came from is a reader's business.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from airunner.tools.normal_form import normalized
from airunner.tools.passages import estimated_tokens, split_passages

PASSAGE_TOKENS = 200
"""Estimated tokens of a passage: a paragraph or two, enough to be understood alone."""

PART_TOKENS = 850
"""Estimated tokens of a part: with a line about it, what a first result may have (1,024)."""

_LINE_ENDS = re.compile(r"\r\n?|[\v\f\x85\u2028\u2029]")
_BLANK_LINES = re.compile(r"\n{3,}")


@dataclass(frozen=True, slots=True)
class Section:
    """A page, or what stands under one heading.

    ``place`` is how it is spoken of, ``page`` the number of its page; empty and 0 where the
    format has none. What has neither is spoken of by its lines.
    """

    text: str
    place: str = ""
    page: int = 0


@dataclass(frozen=True, slots=True)
class Passage:
    """A few sentences of a document, and where they are: ``page 4``."""

    document: str
    place: str
    text: str
    page: int = 0


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
        return tuple(self._passages())

    def _passages(self) -> Iterator[Passage]:
        for section in self.sections:
            line = 1
            for text in split_passages(section.text + "\n", PASSAGE_TOKENS):
                if text.strip():
                    yield Passage(self.name, section.place or f"line {line}", text, section.page)
                line += text.count("\n")

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """The passages joined to at most ``PART_TOKENS``; each page begins with its number."""
        parts: list[Part] = []
        text, room, page = "", PART_TOKENS, 0
        pages: list[int] = []
        for passage in self.passages:
            begins = passage.page != page
            page = passage.page
            piece = f"\n[page {page}]\n{passage.text}" if begins else passage.text
            size = estimated_tokens(piece)
            if size > room:
                parts.append(_part(text, pages))
                text, room, pages = "", PART_TOKENS, []
            text, room = text + piece, room - size
            pages.append(page)
        return (*parts, _part(text, pages)) if text else ()


def _part(text: str, pages: list[int]) -> Part:
    return Part(text.strip("\n"), tuple(dict.fromkeys(page for page in pages if page)))


def clean_text(text: str) -> str:
    """``text`` with ``\\n`` as its only line end, and without what nobody can see.

    Control characters and halves of surrogate pairs, which PDFs are full of,
    would break an engine's request; blank lines are at most one.
    """
    lines = _LINE_ENDS.sub("\n", normalized("NFC", text)).split("\n")
    return _BLANK_LINES.sub("\n\n", "\n".join(map(visible, lines))).strip("\n")


def visible(line: str) -> str:
    """``line`` without control characters, and without blanks at its end."""
    if not line.isprintable():
        line = "".join(c for c in line if c == "\t" or unicodedata.category(c)[0] != "C")
    return line.rstrip(" \t\xa0")
