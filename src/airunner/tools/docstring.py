"""A docstring as a tool needs it: the summary, and what each parameter is for.

Google, NumPy, Sphinx and Epydoc layouts are read by ``docstring-parser``. A docstring in
none of them still has a summary. Knows nothing of signatures or schemas.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Docstring:
    """The first paragraph on one line, and each described parameter's text on one line."""

    summary: str = ""
    parameters: dict[str, str] = field(default_factory=dict)


def parse_docstring(text: str | None) -> Docstring:
    """Read a docstring as ``function.__doc__`` has it; ``None`` is an empty one."""
    from docstring_parser import ParseError, parse

    plain = inspect.cleandoc(text or "")
    try:
        read = parse(plain)
    except ParseError:
        return Docstring(_one_line(plain.partition("\n\n")[0]))
    summary = read.short_description or ""
    if read.long_description and not read.blank_after_short_description:
        summary += " " + read.long_description.partition("\n\n")[0]
    parameters = {
        name.strip().lstrip("*"): _one_line(each.description or "")
        for each in read.params
        for name in each.arg_name.split(",")  # NumPy describes several in one place
    }
    return Docstring(_one_line(summary), parameters)


def _one_line(text: str) -> str:
    return " ".join(text.split())
