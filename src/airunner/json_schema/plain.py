"""Foreign JSON made safe to walk: bounded, and without what no encoder writes.

Owns the limits of size and depth, and what becomes of text that is no Unicode.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any, AnyStr

MAX_DEPTH = 64
"""Levels of lists and objects within each other. Walks recurse, and so do validators."""

MAX_SCHEMA_CHARACTERS = 256 * 1024
"""Text of a schema in all, counted about as JSON writes it."""

_MAX_BITS = 1300  # about 400 digits
# Whatever stands behind a backslash is taken with it: \\ud83d is a backslash and a word.
_ESCAPE = (
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)"
)
_HALF = re.compile(r"\\u[dD][89a-fA-F]"), re.compile(rb"\\u[dD][89a-fA-F]")
_ESCAPES = re.compile(_ESCAPE, re.DOTALL), re.compile(_ESCAPE.encode(), re.DOTALL)


def plain_json(value: object, max_characters: int, *, lenient: bool = False) -> Any:
    """A deep copy of ``value``, of plain types.

    A lone surrogate, which cannot be encoded, becomes U+FFFD. ``lenient`` makes
    a number that JSON does not have, such as NaN, null.

    Raises:
        ValueError: it is not JSON, or beyond the limits; the message is the end
            of a sentence that begins with "it".
    """
    left = max_characters

    def copy(node: object, depth: int) -> Any:
        nonlocal left
        left -= 2 + (len(node) if isinstance(node, str) else 0)
        if left < 0:
            raise ValueError(f"is larger than {max_characters // 1024} KB")
        if depth > MAX_DEPTH:
            raise ValueError(f"is nested more than {MAX_DEPTH} levels deep")
        if node is None or isinstance(node, bool):
            return node
        if isinstance(node, str):
            return encodable(node)
        if isinstance(node, int | float):
            if isinstance(node, int) and node.bit_length() <= _MAX_BITS:
                return int(node)
            if isinstance(node, float) and math.isfinite(node):
                return float(node)
            if lenient:
                return None
            raise ValueError("holds a number that JSON cannot carry")
        if isinstance(node, list | tuple):
            return [copy(item, depth + 1) for item in node]
        if isinstance(node, Mapping):
            found = {}
            for key, item in node.items():
                if not isinstance(key, str):
                    raise ValueError("has a key that is no text")
                left -= 2 + len(key)
                found[encodable(key)] = copy(item, depth + 1)
            return found
        raise ValueError(f"holds a {type(node).__name__}, which is not JSON")

    return copy(value, 0)


def encodable(text: str) -> str:
    """``text`` with U+FFFD in place of every lone surrogate."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def sound_escapes(text: AnyStr) -> AnyStr:
    r"""JSON with ``\ufffd`` in place of every escaped half of a surrogate pair.

    Also in what is no whole document: a line of a stream, a body in pieces.
    """
    if isinstance(text, bytes):
        if not _HALF[1].search(text):
            return text
        return _ESCAPES[1].sub(lambda found: rb"\ufffd" if found[1] else found[0], text)
    if not _HALF[0].search(text):
        return text
    return _ESCAPES[0].sub(lambda found: r"\ufffd" if found[1] else found[0], text)


def json_object(text: str) -> dict[str, Any] | None:
    """The object that a model wrote as JSON, with U+FFFD for every half of a surrogate pair.

    ``None`` for anything else that it may have written: no JSON, another value, a number of
    thousands of digits, or what is nested too deeply.
    """
    try:
        value = json.loads(sound_escapes(encodable(text)))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def sound_texts(value: Any) -> Any:
    """``value`` with every text in its lists and dictionaries encodable; others as they are."""
    if isinstance(value, str):
        return encodable(value)
    if isinstance(value, list):
        return [sound_texts(item) for item in value]
    if isinstance(value, dict):
        return {sound_texts(key): sound_texts(item) for key, item in value.items()}
    return value
