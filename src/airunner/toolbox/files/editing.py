"""Changes to the text of a file: one passage for another, lines at the end.

Owns that a file keeps what it is: its line ends and its encoding.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

from airunner.errors import ToolRetryError
from airunner.toolbox.documents.plain import PlainText

_SHOWN_PLACES = 8
_MOST_COMPARED = 2_000
_READ_OF_LINE = 200  # to compare two takes the product of their lengths


@dataclass(frozen=True, slots=True)
class Edit:
    """The file's new bytes, and the line, from 1, where they differ from the old ones."""

    data: bytes
    line: int


def edited(file: PlainText, old: str, new: str, name: str) -> Edit:
    """``file`` with its only ``old`` replaced by ``new``.

    Raises:
        ToolRetryError: ``old`` is not in it, or several times, or ``new`` is the same.
    """
    if _newline(file.text) == "\r\n" and "\r" not in old + new:
        old, new = (text.replace("\n", "\r\n") for text in (old, new))
    if old == new:
        raise ToolRetryError("old and new are the same; say what is to change.")
    count = file.text.count(old)
    if count == 0:
        raise ToolRetryError(f"{name} does not have {old!r}.{_nearest(file.text, old)}")
    if count > 1:
        raise ToolRetryError(
            f"{name} has {old!r} {count} times, in {_lines_of(file.text, old)}. Pass more of what "
            "is around the one that is meant."
        )
    line = file.text.count("\n", 0, file.text.index(old)) + 1
    return Edit(file.bom + encoded(file.text.replace(old, new), file.encoding), line)


def addition(file: PlainText, content: str) -> bytes:
    """What has to follow the bytes of ``file`` so that ``content`` is a line of its own.

    Raises:
        ToolRetryError: its encoding does not have a character of it.
    """
    newline = _newline(file.text)
    text = content.replace("\r\n", "\n").rstrip("\n").replace("\n", newline) + newline
    begins = newline if file.text and not file.text.endswith(("\n", "\r")) else ""
    return encoded(begins + text, file.encoding)


def encoded(text: str, encoding: str) -> bytes:
    """``text`` as bytes of ``encoding``; half a surrogate pair, which no file can have, is ``?``.

    Raises:
        ToolRetryError: it does not have a character of ``text``.
    """
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    try:
        return text.encode(encoding)
    except UnicodeEncodeError as error:
        sign = text[error.start]
        raise ToolRetryError(
            f"The file is in {encoding}, which has no {sign!r}. Leave it out, or write a new file."
        ) from None


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _lines_of(text: str, passage: str) -> str:
    numbers: list[str] = []
    start = text.find(passage)
    while start >= 0 and len(numbers) < _SHOWN_PLACES:
        numbers.append(str(text.count("\n", 0, start) + 1))
        start = text.find(passage, start + len(passage))
    return f"line {', '.join(numbers)}{' and more' if start >= 0 else ''}"


def _nearest(text: str, old: str) -> str:
    """The line of the file most like what was looked for, as a hint."""
    wanted = next((line for line in old.splitlines() if line.strip()), "").strip()[:_READ_OF_LINE]
    beginnings = (line.strip()[:_READ_OF_LINE] for line in text.splitlines())
    lines = list(dict.fromkeys(filter(None, beginnings)))
    near = get_close_matches(wanted, lines[:_MOST_COMPARED], n=1)
    return f" The nearest line is {near[0]!r}." if near else " Read it first."
