"""The parameters that are filled with the user's own words, by tool.

A tool of another package is guided as well as a built-in one where its package calls
``register_marks``; a parameter without a mark is grounded or decoded.
"""

from __future__ import annotations

from collections.abc import Mapping

from airunner.guided.marks import (
    charts,
    dates,
    documents,
    files,
    math,
    memory,
    pictures,
    reminders,
    text,
    web,
)
from airunner.guided.user_words import UserWords
from airunner.tools.tool import Tool

_SUBJECTS = (
    charts, dates, documents, files, math, memory, pictures, reminders, text, web,
)  # fmt: skip
_marks: dict[str, Mapping[str, UserWords]] = {
    name: marks for subject in _SUBJECTS for name, marks in subject.MARKS.items()
}


def register_marks(tool: str, marks: Mapping[str, UserWords]) -> None:
    """Fill parameters of the tool called ``tool`` with the user's words from now on.

    ``marks`` has the parameters by name; it takes the place of what the tool had before.
    """
    _marks[tool] = dict(marks)


def marks_of(tool: Tool) -> dict[str, UserWords]:
    """The marks of the parameters that ``tool`` has."""
    known = _marks.get(tool.name, {})
    return {name: known[name] for name in tool.decoding["properties"] if name in known}
