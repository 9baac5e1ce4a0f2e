"""Markdown: text under headings, which a quotation names it by.

Owns what a heading is (CommonMark 0.31, sections 4.2, 4.3 and 4.5). The text stays
as it is: every model reads Markdown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from airunner.toolbox.documents.document import Document, Section, clean_text
from airunner.toolbox.documents.plain import decode

_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(.*)")
_UNDERLINE = re.compile(r" {0,3}(=+|-+)[ \t]*")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_MARKS = re.compile(r"[*_`]+|!?\[([^\]]*)\]\([^)]*\)")
_READ_OF_HEADING = 400
_LONGEST_HEADING = 80

MOST_SECTIONS = 50_000
"""Of a text with more headings the rest is one section: each takes as much as 400 characters."""

_Heading = tuple[int, int, str]
"""Its line, from 0, its level from 1 to 6, and its text without marks."""


def read_markdown(data: bytes, name: str) -> Document:
    """A Markdown file.

    Raises:
        ToolFailedError: see ``plain.decode``.
    """
    found = decode(data, name)
    return markdown_document(found.text, name, notes=(found.note,) if found.note else ())


def markdown_document(
    text: str, name: str, title: str = "", notes: tuple[str, ...] = ()
) -> Document:
    """Markdown as a document; without a ``title`` it is the first heading of level 1."""
    lines = clean_text(text).split("\n")
    headings = list(islice(_headings(lines), MOST_SECTIONS - 1))
    title = title or next((text for _, level, text in headings if level == 1), "")
    starts = [(0, ""), *((line, f"section “{text}”" * bool(text)) for line, _, text in headings)]
    ends = [*(line for line, _ in starts[1:]), len(lines)]
    sections = (
        Section("\n".join(lines[start:end]), place)
        for (start, place), end in zip(starts, ends, strict=True)
    )
    return Document(name, title, tuple(s for s in sections if s.text.strip()), notes=notes)


def _headings(lines: list[str]) -> Iterator[_Heading]:
    fence = ""
    for number, line in enumerate(lines):
        if found := _FENCE.match(line):
            if not fence:
                fence = found[1]
            elif found[1].startswith(fence):
                fence = ""
        elif fence:
            continue
        elif heading := _HEADING.fullmatch(line):
            yield number, len(heading[1]), _plain(heading[2])
        elif (under := _UNDERLINE.fullmatch(line)) and _is_paragraph(lines, number - 1):
            yield number - 1, 1 if under[1].startswith("=") else 2, _plain(lines[number - 1])


def _is_paragraph(lines: list[str], number: int) -> bool:
    """Whether the line can have a line below it that makes it a heading."""
    if number < 0 or not (line := lines[number]).strip():
        return False
    alone = number == 0 or not lines[number - 1].strip()
    return alone and not line.startswith("    ") and line.lstrip()[0] not in "#>|-*+`~"


def _plain(heading: str) -> str:
    text = heading.strip()
    if (opened := text.rstrip("#")) != text and opened[-1:] in ("", " ", "\t"):
        text = opened
    # Cut before marks are looked for: an open bracket is followed to the end of its line.
    text = _MARKS.sub(lambda mark: mark[1] or "", text[:_READ_OF_HEADING]).strip()
    return text if len(text) <= _LONGEST_HEADING else f"{text[:_LONGEST_HEADING].rstrip()}…"
