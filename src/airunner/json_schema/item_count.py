"""How many values a JSON text has, told before any of them is made.

In memory a value takes up to twenty times its bytes: a text of 100 MB can become 2.5 GB.
"""

from __future__ import annotations

import re

_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)


def has_more_items(text: bytes | bytearray, most: int) -> bool:
    """Whether ``text`` has more than ``most`` values, by its commas and brackets."""
    return _marks(text) > most and count_items(text) > most


def count_items(text: bytes | bytearray) -> int:
    """The values of ``text``, by its commas and brackets; every string in it must be whole."""
    return _marks(_STRING.sub(b"", text))


def count_values(value: object, most: int) -> int:
    """The values in lists and objects; no more than a few above ``most`` are counted."""
    found, waiting = 0, [value]
    while waiting and found <= most:
        each = waiting.pop()
        inside = each.values() if isinstance(each, dict) else each if isinstance(each, list) else ()
        found += 1 + len(inside)
        waiting.extend(one for one in inside if isinstance(one, dict | list))
    return found


def _marks(text: bytes | bytearray) -> int:
    return text.count(b",") + text.count(b"[") + text.count(b"{")
