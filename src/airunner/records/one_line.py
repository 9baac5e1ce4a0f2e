"""Names and other short texts: on one line, of printable characters, comparable.

What is kept under a name was often written by a model, and is shown in terminals
and lists; here it becomes harmless for both.
"""

from __future__ import annotations

import re
import unicodedata

from airunner.json_schema.plain import encodable

TITLE_LENGTH = 60
"""Characters of a title that is made from a message."""

_MOST_READ, _MOST_SUFFIX = 1000, 16
_MOST_STEM, _MOST_STEM_BYTES = 100, 180
_NOT_IN_A_NAME = re.compile(r'[\\/:*?"<>|]+')
_JOINERS = "\u200c\u200d"  # part of words, as in Persian, and of emoji
_FENCE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)


def one_line(text: str, most: int) -> str:
    """``text`` on one line and without what does not print, at most ``most`` characters."""
    printable = "".join(c if c.isprintable() or c in _JOINERS else " " for c in text)
    line = " ".join(printable.split())
    if len(line) <= most:
        return line
    cut = line[: most - 1]
    word_end = cut.rfind(" ")
    # A long word is cut inside; an ordinary one is left out.
    return (cut[:word_end] if word_end > most // 2 else cut).rstrip(" ,;:.") + "…"


def file_name(text: str) -> str:
    """``text`` as the name of a file, without folders, that every file system takes."""
    plain = unicodedata.normalize("NFC", encodable(text[-_MOST_READ:]))
    name = " ".join(_NOT_IN_A_NAME.sub(" ", one_line(plain, _MOST_READ)).split())
    stem, dot, suffix = name.rpartition(".")
    if not stem or len(suffix) > _MOST_SUFFIX:
        stem, dot, suffix = name, "", ""
    stem = one_line(stem, _MOST_STEM)
    while len(stem.encode()) > _MOST_STEM_BYTES:
        stem = stem[:-1]
    return f"{stem}{dot}{suffix}".strip(". ") or "file"


def title_from(message: str) -> str:
    """A title for what begins with this message."""
    return one_line(_FENCE.sub(" ", message), TITLE_LENGTH) or one_line(message, TITLE_LENGTH)


def folded(text: str) -> str:
    """What two names have to have in common to be the same name."""
    return " ".join(text.split()).casefold()


def storable(text: str) -> str:
    """``text`` as a database can hold it: a lone surrogate becomes U+FFFD."""
    return encodable(text)
