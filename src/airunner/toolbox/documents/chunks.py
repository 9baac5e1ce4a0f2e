"""Lines of text in stretches, each short enough to be named by where it begins.

Owns where such a cut may fall: between paragraphs where that is possible, and in
what has no sentences, such as tables, lists and program code, between lines.
Nothing is lost or changed: the stretches joined by line ends are the text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from airunner.tools.passages import split_sentences

STRETCH_CHARS = 550
"""A stretch is no longer, unless it is one paragraph of prose or one line."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some lines as one text, and the number of the first, counted from 1."""

    line: int
    text: str


def stretches(text: str) -> list[Stretch]:
    """``text`` in stretches; none is blank, as blank lines go with what is before them."""
    found: list[Stretch] = []
    held: list[str] = []
    first, size = 1, 0
    for block in _blocks(text.split("\n")):
        length = sum(map(len, block)) + len(block)
        if held and size + length > STRETCH_CHARS and any(map(str.strip, held)):
            found.append(Stretch(first, "\n".join(held)))
            first, held, size = first + len(held), [], 0
        held += block
        size += length
    if any(map(str.strip, held)):
        found.append(Stretch(first, "\n".join(held)))
    return found


def _blocks(lines: Iterable[str]) -> Iterator[list[str]]:
    """Paragraphs with the blank lines after them; long ones without sentences in pieces."""
    block: list[str] = []
    for line in lines:
        if block and line.strip() and not block[-1].strip():
            yield from _pieces(block)
            block = []
        block.append(line)
    yield from _pieces(block)


def _pieces(block: list[str]) -> Iterator[list[str]]:
    size = sum(map(len, block)) + len(block)
    if size <= STRETCH_CHARS or _is_prose(block):
        yield block
        return
    piece: list[str] = []
    room = STRETCH_CHARS
    for line in block:
        if piece and line.strip() and len(line) + 1 > room:
            yield piece
            piece, room = [], STRETCH_CHARS
        piece.append(line)
        room -= len(line) + 1
    yield piece


def _is_prose(block: list[str]) -> bool:
    """Whether it can be cut between sentences."""
    return all(len(sentence) <= STRETCH_CHARS for sentence in split_sentences("\n".join(block)))
