"""Documents within the text of a message: each as its text, marked with its name, before the words.

Owns how they are marked and told apart from what was typed. Which files may be attached is
the server's.
"""

from __future__ import annotations

import re

from airunner.records.one_line import TITLE_LENGTH, one_line, title_from

ATTACHED = "attached/"
"""Stands before the name of a file that is kept with the conversation."""

_ATTACHED = re.compile(r"<file name=\"([^\"\n]*)\">\n(.*?)\n</file>\n*", re.DOTALL)


def marked(name: str, text: str) -> str:
    """A document's text as it stands in a message, before the words."""
    label = name.replace('"', "'").replace("\n", " ")
    return f'<file name="{label}">\n{text}\n</file>\n\n'


def taken_apart(text: str) -> tuple[list[tuple[str, str]], str]:
    """The documents, by name, that stand before the words of a message; and the words."""
    files: list[tuple[str, str]] = []
    place = 0
    while found := _ATTACHED.match(text, place):
        files.append((found[1], found[2]))
        place = found.end()
    return files, text[place:]


def title_from_message(text: str) -> str:
    """A title from the words of a message, or from the first document's name without any."""
    files, words = taken_apart(text)
    name = files[0][0].removeprefix(ATTACHED) if files else ""
    return title_from(words) or one_line(name, TITLE_LENGTH)
