"""How many values a JSON text has, told before any of them is made.

In memory a value takes up to twenty times its bytes: a text of 100 MB can become 2.5 GB.
"""

from __future__ import annotations

import re

_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)


def has_more_items(text: bytes | bytearray, most: int) -> bool:
    """Whether ``text`` has more than ``most`` values, by its commas and brackets."""
    return _marks(text) > most and _marks(_STRING.sub(b"", text)) > most


def _marks(text: bytes | bytearray) -> int:
    return text.count(b",") + text.count(b"[") + text.count(b"{")
