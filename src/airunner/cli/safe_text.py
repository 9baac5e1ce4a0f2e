"""Somebody else's text on a terminal: harmless, and no longer than can be read at a glance.

What models, tools and web pages write may hold escape sequences that move the cursor,
and marks that turn the direction of the text. Owns how these are made visible, and the
one rule for how much of a long text is shown; also that what comes from a terminal is text.
Knows no console.
"""

from __future__ import annotations

import json
import re
import unicodedata

from airunner.json_schema.plain import encodable

MOST_LINES, MOST_CHARACTERS = 10, 1000
"""What is shown of a tool's result."""

ESCAPES = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|O.|.)?")
"""What terminals and keys write that is no text."""

_LINE_END = re.compile(r"\r\n?")
_PAGE_END = re.compile(r"[\v\f\x85]")
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]")
_ESCAPED = {"Cc", "Cf", "Cs", "Zl", "Zp"}
# Part of words, as in Persian, and of emoji; marks without a direction of their own to force;
# places where a word may be broken.
_HARMLESS = "\n\t\u200c\u200d\u200e\u200f\u00ad\u200b"


def typed(text: str) -> str:
    """What was typed, pasted or piped, as text: no keys, no colours, lines that end alike."""
    lines = _PAGE_END.sub("\n", _LINE_END.sub("\n", encodable(text)))
    return _CONTROLS.sub("", ESCAPES.sub("", lines))


def printable(value: object) -> str:
    """``value`` on one line, with every character that would not show as itself escaped."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return "".join(c if c.isprintable() else _escaped(c) for c in text)


def safe(text: str) -> str:
    """``text`` with its lines and words, and with what could steer a terminal escaped."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        _escaped(c) if unicodedata.category(c) in _ESCAPED and c not in _HARMLESS else c
        for c in _LINE_END.sub("\n", text)
    )


def excerpt(text: str) -> list[str]:
    """The lines to show of ``text``, all of them if they are few; see ``bounded``."""
    lines = safe(text).expandtabs().strip("\n").split("\n")
    return bounded(lines) if any(line.strip() for line in lines) else []


def bounded(
    lines: list[str], most_lines: int = MOST_LINES, most_characters: int = MOST_CHARACTERS
) -> list[str]:
    """``lines`` itself if it is short, else its beginning and a line that says what is missing.

    That line takes room, too, so one line more than ``most_lines`` is shown instead of it.
    """
    text = "\n".join(lines)
    if len(lines) <= most_lines + 1 and len(text) <= most_characters:
        return lines
    shown = "\n".join(lines[:most_lines])[:most_characters].rstrip("\n")
    kept = shown.split("\n")
    if kept[-1] == lines[len(kept) - 1]:
        missing, unit = len(lines) - len(kept), "line"
    else:
        missing, unit = len(text) - len(shown), "character"
    return [*kept, f"… {missing:,} more {unit}{'' if missing == 1 else 's'}"]


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()
