"""The conversations of an exported file, one after the other.

Owns finding where each begins and ends in JSON that comes in pieces, so that no more than one
of them is in memory. What stands in it is ``foreign_exports``' and ``exported``'s to read.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from itertools import chain

from airunner.errors import UnusableRecordError

MOST_PART_BYTES = 48 << 20
"""One conversation with its pictures and files, which are in base64."""

MOST_WIDE_BYTES = 12 << 20
"""Its texts that are not ASCII alone: one such letter takes a text to 4 times its bytes."""

MOST_WHOLE_BYTES = 24 << 20
"""A file that is no list."""

DAMAGED = "it begins as an export and is damaged or cut off, so export it again"

_MARKS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|["\[\]{},]', re.DOTALL)
_HEAD = re.compile(rb"\s*+\{([^\[\]{}]*+)\[")
_HEAD_BYTES = 4096
_LIST = re.compile(rb"\s*+\[")


def parts(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """First what stands around the list, or all of a text that is none, then each of its values.

    Around a list alone nothing stands; of an object that begins with simple fields, ``format``
    among them, and ends with the list ``conversations`` it is the object with an empty one.

    Raises:
        UnusableRecordError: a value is too large, or the text ends too early or too late.
    """
    utf8 = _as_utf8(iter(pieces))
    held = bytearray(next(utf8, b""))
    if begun := _LIST.match(held):
        yield b""
    elif (begun := _HEAD.match(held)) and _is_ours(begun[1]):
        yield bytes(begun[0]) + b"]}"
    else:
        for piece in utf8:
            held += piece
            _check_size(len(held), MOST_WHOLE_BYTES)
        yield bytes(held)
        return
    is_object = held.lstrip().startswith(b"{")
    del held[: begun.end()]
    rest = bytearray()
    yield from _listed(held, utf8, rest)
    if bytes(rest).strip() != (b"}" if is_object else b""):
        raise UnusableRecordError("file", DAMAGED)


def _is_ours(head: bytes) -> bool:
    """Whether simple fields begin an export of ours and end with the name of its list."""
    fields, _, blanks = head.rpartition(b":")
    return (
        not blanks.strip()
        and fields.rstrip().endswith(b'"conversations"')
        and b'"format"' in fields
    )


def _as_utf8(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same in UTF-8; the first piece is long enough to tell what it is."""
    first = b""
    while len(first) < _HEAD_BYTES and (piece := next(pieces, b"")):
        first += piece
    yield from _encoded(chain([first], pieces), json.detect_encoding(first))


def _encoded(pieces: Iterable[bytes], encoding: str) -> Iterable[bytes]:
    if encoding == "utf-8":
        return pieces
    return (text.encode() for text in codecs.iterdecode(pieces, encoding, "replace"))


def _listed(held: bytearray, more: Iterator[bytes], rest: bytearray) -> Iterator[bytes]:
    """The values of a list whose bracket has been passed; what follows it goes into ``rest``."""
    looked_at = depth = wide_bytes = 0
    while True:
        begins = 0
        for mark in _MARKS.finditer(held, looked_at):
            kind, looked_at = mark[0], mark.end()
            if kind == b'"':  # the end of this text has not come
                looked_at = mark.start()
                break
            if len(kind) > 1:
                if not kind.isascii() or b"\\u" in kind:
                    wide_bytes += len(kind)
                    _check_size(wide_bytes, MOST_WIDE_BYTES)
            elif kind in (b"[", b"{"):
                depth += 1
            elif kind in (b"]", b"}"):
                depth -= 1
            if depth < 0 or (depth == 0 and kind == b","):
                with memoryview(held) as view:
                    value = bytes(view[begins : mark.start()])
                if depth == 0 or value.strip():
                    yield value
                del value  # while more comes
                begins, wide_bytes = looked_at, 0
            if depth < 0:
                rest += held[begins:]
                for piece in more:
                    rest += piece
                    _check_size(len(rest), MOST_WHOLE_BYTES)
                return
        else:
            looked_at = len(held)
        del held[:begins]
        looked_at -= begins
        _check_size(len(held), MOST_PART_BYTES)
        if not (piece := next(more, b"")):
            raise UnusableRecordError("file", DAMAGED)
        held += piece


def _check_size(n_bytes: int, most_bytes: int) -> None:
    if n_bytes > most_bytes:
        problem = f"a conversation of it is too large: more than {most_bytes >> 20} MiB"
        raise UnusableRecordError("export", problem)
