"""Markdown: text under headings, which a quotation names it by.

Owns what a heading is (CommonMark 0.31, sections 4.2, 4.3 and 4.5). The text stays
as it is: every model reads Markdown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from airunner.toolbox.documents.chunks import stretches
from airunner.toolbox.documents.document import Document, Section, clean_text
from airunner.toolbox.documents.plain import decode

_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(.*?)(?:[ \t]+#+)?[ \t]*")
_UNDERLINE = re.compile(r" {0,3}(=+|-+)[ \t]*")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_MARKS = re.compile(r"[*_`]+|!?\[([^\]]*)\]\([^)]*\)")
_LONGEST_HEADING = 80
_FIRST_LEVEL = 1


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading's text without marks, its level from 1 to 6, and its line counted from 0."""

    text: str
    level: int
    line: int


def read_markdown(data: bytes, name: str) -> Document:
    """A Markdown file.

    Raises:
        ToolFailedError: see ``plain.decode``.
    """
    return markdown_document(decode(data, name).text, name)


def markdown_document(text: str, name: str, title: str = "") -> Document:
    """Markdown as a document; without a ``title`` it is the first heading of level 1."""
    lines = clean_text(text).split("\n")
    headings = list(_headings(lines))
    named = (heading.text for heading in headings if heading.level == _FIRST_LEVEL)
    return Document(name, title or next(named, ""), tuple(_sections(lines, headings)))


def _sections(lines: list[str], headings: list[Heading]) -> Iterator[Section]:
    starts = [0, *(heading.line for heading in headings)]
    ends = [*starts[1:], len(lines)]
    places = ["", *(f"section “{heading.text}”" if heading.text else "" for heading in headings)]
    for place, start, end in zip(places, starts, ends, strict=True):
        for stretch in stretches("\n".join(lines[start:end])):
            yield Section(place, stretch.text)


def _headings(lines: list[str]) -> Iterator[Heading]:
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
            yield Heading(_plain(heading[2]), len(heading[1]), number)
        elif (under := _UNDERLINE.fullmatch(line)) and _is_paragraph(lines, number - 1):
            level = 1 if under[1].startswith("=") else 2
            yield Heading(_plain(lines[number - 1].strip()), level, number - 1)


def _is_paragraph(lines: list[str], number: int) -> bool:
    """Whether the line can have a line below it that makes it a heading."""
    if number < 0 or not (line := lines[number]).strip():
        return False
    alone = number == 0 or not lines[number - 1].strip()
    return alone and not line.startswith("    ") and line.lstrip()[0] not in "#>|-*+`~"


def _plain(heading: str) -> str:
    text = _MARKS.sub(lambda mark: mark[1] or "", heading).strip()
    return text if len(text) <= _LONGEST_HEADING else f"{text[:_LONGEST_HEADING].rstrip()}…"
