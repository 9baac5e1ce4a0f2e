"""Plain text: from bytes of an unknown encoding to lines of readable characters.

Owns marks and Unicode, and the refusal of what is no text at all. Other encodings are
``encoding_guess``'s.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass

from airunner.errors import ToolFailedError
from airunner.toolbox.documents.document import Document, Section, visible
from airunner.toolbox.documents.encoding_guess import guess_encoding

_BOMS = (
    # UTF-32's begins with UTF-16's.
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_TEXT_CONTROLS = b"\t\n\v\f\r\x1b"
_OTHER_CONTROLS = bytes(set(range(32)) - set(_TEXT_CONTROLS))
_MOST_CONTROLS = 0.01


@dataclass(frozen=True, slots=True)
class PlainText:
    """Characters, and how they become the file's bytes again: a byte order mark and an encoding.

    ``note`` is a sentence about an encoding that had to be guessed.
    """

    text: str
    encoding: str
    bom: bytes = b""
    note: str = ""


def decode(data: bytes, name: str) -> PlainText:
    """The text in ``data``: by its byte order mark, else UTF-8, else what it most probably is.

    Raises:
        ToolFailedError: it is no text; ``name`` says whose.
    """
    found = as_unicode(data, name)
    if found is not None:
        return found
    guess = guess_encoding(data)
    if guess is None:
        problem = "its encoding is not known; saved as UTF-8 it could be read"
        raise ToolFailedError(f"reading {name}", problem)
    return PlainText(data.decode(guess.codec), guess.codec, note=guess.note)


def as_unicode(data: bytes, name: str) -> PlainText | None:
    """The text in ``data`` if its encoding is one of Unicode's.

    Raises:
        ToolFailedError: it is binary.
    """
    bom, encoding = next((each for each in _BOMS if data.startswith(each[0])), (b"", "utf-8"))
    if not bom and is_binary(data):
        raise ToolFailedError(f"reading {name}", "it is not text but binary data")
    try:
        return PlainText(data[len(bom) :].decode(encoding), encoding, bom)
    except UnicodeError:
        return None


def as_utf8(data: bytes, charset: str | None) -> bytes:
    """``data`` in UTF-8, if it is said to be in ``charset``.

    It stays as it is where a byte order mark knows better, or there is no such encoding.
    """
    if charset is None or any(data.startswith(bom) for bom, _ in _BOMS):
        return data
    try:
        return data.decode(charset, "replace").encode("utf-8", "replace")
    except (LookupError, UnicodeError):
        return data


def is_binary(data: bytes) -> bool:
    """Whether there are bytes that no text has: zeros, or more than a few other controls."""
    if b"\0" in data:
        return True
    controls = len(data) - len(data.translate(None, _OTHER_CONTROLS))
    return controls > len(data) * _MOST_CONTROLS


def read_plain(data: bytes, name: str) -> Document:
    """A text file, whose lines keep their numbers.

    Raises:
        ToolFailedError: see ``decode``.
    """
    found = decode(data, name)
    text = found.text.replace("\r\n", "\n").replace("\r", "\n")
    text = "\n".join(map(visible, text.split("\n")))
    notes = (found.note,) if found.note else ()
    return Document(name, "", (Section(text),) if text.strip() else (), notes=notes)
