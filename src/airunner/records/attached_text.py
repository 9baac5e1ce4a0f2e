"""Documents within the text of a message: each as its text, marked with its name, before the words.

Owns how they are marked and told apart from what was typed. Which files may be attached is
the server's.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from airunner.records.one_line import TITLE_LENGTH, one_line, title_from

ATTACHED = "attached/"
"""Stands before the name of a file that is kept with the conversation."""

_ATTACHED = re.compile(
    r"<file name=\"([^\"\n]*)\"(?: size=\"([^\"\n]*)\")?>\n(.*?)\n</file>\n*", re.DOTALL
)


class AttachedText(NamedTuple):
    """A document within a message; ``size`` is the whole file's in words, empty if not told."""

    name: str
    size: str
    text: str


def marked(name: str, text: str, size: str = "") -> str:
    """A document's text as it stands in a message, before the words."""
    label = name.replace('"', "'").replace("\n", " ")
    told = f' size="{size}"' if size else ""
    return f'<file name="{label}"{told}>\n{text}\n</file>\n\n'


def taken_apart(text: str) -> tuple[list[AttachedText], str]:
    """The documents that stand before the words of a message; and the words."""
    files: list[AttachedText] = []
    place = 0
    while found := _ATTACHED.match(text, place):
        files.append(AttachedText(found[1], found[2] or "", found[3]))
        place = found.end()
    return files, text[place:]


def without_documents(text: str) -> str:
    """A message to be read at a glance: of each document its name, and its size if it is told."""
    files, words = taken_apart(text)
    names = [f"[{', '.join(filter(None, (file.name, file.size)))}]" for file in files]
    return "\n".join([*names, words])


def title_from_message(text: str) -> str:
    """A title from the words of a message, or from the first document's name without any."""
    files, words = taken_apart(text)
    name = files[0].name.removeprefix(ATTACHED) if files else ""
    return title_from(words) or one_line(name, TITLE_LENGTH)
