"""Whether a message names one of several choices, or says yes or no to a switch."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from airunner.guided.grounding.slots import Slot
from airunner.guided.grounding.spans import Token
from airunner.guided.words import COMMON, stem

_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_]+")
_SWITCHES_TEXT = """
includ is get allow has with show us enabl need want require return should do can add set only
flag
"""
_SWITCHES = frozenset(_SWITCHES_TEXT.split())
_NOT_TEXT = """
without no not don't dont exclude excluding never except doesn't neither nor ignore ignoring skip
"""
_NOT = frozenset(_NOT_TEXT.split())
_LONGEST_CODE = 2
_SPREAD = 3
_NOT_WITHIN = 4


@dataclass(frozen=True, slots=True)
class Mention:
    """A choice and the tokens that name it, the last excluded."""

    value: Any
    first: int
    after: int


def mentions(values: Sequence[Any], tokens: Sequence[Token]) -> list[Mention]:
    """Those of ``values`` that the message names, in the order of mention."""
    found = [m for v in values if isinstance(v, str) and v and (m := _mention(v, tokens))]
    # "New York City" is not "New York" as well.
    kept = [m for m in found if not any(_is_inside(m, other) for other in found)]
    return sorted(kept, key=lambda m: (m.first, m.after))


def chosen(values: Sequence[Any], tokens: Sequence[Token]) -> Any:
    """The one choice that the message names; ``None`` if none or several."""
    found = mentions(values, tokens)
    return found[0].value if len(found) == 1 else None


def switched(slot: Slot, tokens: Sequence[Token]) -> bool | None:
    """What the message says of a boolean; ``None`` if nothing."""
    wanted = {w for w in slot.name_stems if w not in _SWITCHES and w not in COMMON}
    said = [n for n, token in enumerate(tokens) if token.stem in wanted]
    is_all = wanted == {tokens[n].stem for n in said}
    if not said or not (is_all or slot.required):
        return None
    before = tokens[max(0, said[0] - _NOT_WITHIN) : said[0]]
    return all(token.lower not in _NOT for token in before)


def _is_inside(one: Mention, other: Mention) -> bool:
    return (
        other.first <= one.first
        and one.after <= other.after
        and other.after - other.first > one.after - one.first
    )


def _mention(value: str, tokens: Sequence[Token]) -> Mention | None:
    if len(value) <= _LONGEST_CODE:
        at = next((n for n, t in enumerate(tokens) if t.text == value), None)
        return None if at is None or value.lower() in COMMON else Mention(value, at, at + 1)
    stems = [stem(part.lower()) for part in _PARTS.findall(value)]
    wanted = [w for w in stems if w not in COMMON] or stems
    places = [next((n for n, t in enumerate(tokens) if _names(t, word)), None) for word in wanted]
    found = [n for n in places if n is not None]
    if not wanted or len(found) < len(wanted):
        return None
    first, after = min(found), max(found) + 1
    return Mention(value, first, after) if after - first < len(wanted) + _SPREAD else None


def _names(token: Token, wanted: str) -> bool:
    """Whether a token, or a part of it such as "speed" in "high-speed", is ``wanted``."""
    parts = [token.stem, *(stem(part.lower()) for part in re.split(r"[-_]", token.text))]
    return any(_is_same(wanted, part) for part in parts)


def _is_same(wanted: str, said: str) -> bool:
    short, long = sorted((wanted, said), key=len)
    return short == long or (
        len(short) >= 5 and long.startswith(short) and len(long) - len(short) <= 3
    )
