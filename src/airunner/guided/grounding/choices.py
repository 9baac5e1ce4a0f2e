"""Whether a message names one of several choices, or says yes or no to a switch."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from airunner.guided.grounding.phrases import Token
from airunner.guided.grounding.slots import Slot
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
_ALIKE = {
    "asc": "ascend",
    "desc": "descend",
    "year": "annu",
    "annual": "annu",
    "yearly": "annu",
    "annually": "annu",
    "daily": "day",
    "hourly": "hour",
    "weekly": "week",
    "monthly": "month",
    "quarterly": "quarter",
    "centigrad": "celsiu",
    "gasolin": "ga",
    "electr": "electric",
    "kilometer": "km",
    "kilometre": "km",
    "metre": "meter",
    "women": "woman",
    "femal": "woman",
    "men": "man",
    "mal": "man",
}


@dataclass(frozen=True, slots=True)
class Mention:
    """A choice and the tokens that name it, the last excluded. ``exact``: in its own words."""

    value: Any
    first: int
    after: int
    exact: bool


def mentions(
    values: Sequence[Any],
    tokens: Sequence[Token],
    partly: bool = False,
    known: Collection[str] = (),
) -> list[Mention]:
    """Those of ``values`` that the message names, in the order of mention.

    With ``partly``, a choice of several words is named by one that only it has.
    """
    said = [_alike(token.stem) for token in tokens]
    words = {v: _words_of(v) for v in values if isinstance(v, str) and v}
    found = [
        m
        for value in words
        if (m := _mention(value, words[value], tokens, said)) and not _in_name(m, tokens)
    ]
    if partly:
        for value, wanted in words.items():
            others = {w for v, ws in words.items() if v != value for w in ws}
            telling = [w for w in wanted if len(w) >= 5 and w not in known]
            if (
                value not in {m.value for m in found}
                and len(wanted) > 1
                and not others.intersection(wanted)
            ):
                place = next(
                    (n for n, s in enumerate(said) if any(_same(w, s) for w in telling)), None
                )
                if place is not None:
                    found.append(Mention(value, place, place + 1, False))
    # "New York City" is not "New York" as well.
    kept = [m for m in found if not any(_is_inside(m, other) for other in found)]
    return sorted(kept, key=lambda m: (m.first, m.after))


def chosen(slot: Slot, values: Sequence[Any], tokens: Sequence[Token]) -> Mention | None:
    """The one choice that the message names for ``slot``; ``None`` if none or several."""
    found = mentions(values, tokens)
    if len(found) > 1 and any(m.exact for m in found):
        found = [m for m in found if m.exact]
    if len(found) > 1:
        near = [
            m
            for m in found
            if any(
                _same(w, t.stem)
                for t in (*tokens[max(0, m.first - 2) : m.first], *tokens[m.after : m.after + 2])
                for w in slot.name_stems
            )
        ]
        found = near
    return found[0] if len(found) == 1 else None


def _in_name(mention: Mention, tokens: Sequence[Token]) -> bool:
    """Whether it is one word of a name of several, as "history" in "Natural History Museum"."""
    at = mention.first
    if (
        mention.after > at + 1
        or at == 0
        or not tokens[at].text[0].isupper()
        or mention.value[0].isupper()
    ):
        return False
    return tokens[at - 1].text[0].isupper() or (
        at + 1 < len(tokens) and tokens[at + 1].text[0].isupper()
    )


def _is_inside(one: Mention, other: Mention) -> bool:
    return (
        one is not other
        and other.first <= one.first
        and one.after <= other.after
        and other.after - other.first > one.after - one.first
    )


def _words_of(value: str) -> list[str]:
    wanted = [_alike(stem(part.lower())) for part in _PARTS.findall(value)]
    return [w for w in wanted if w not in COMMON] or wanted


def _mention(
    value: str, wanted: Sequence[str], tokens: Sequence[Token], said: Sequence[str]
) -> Mention | None:
    if len(value) <= 2:
        at = next((n for n, t in enumerate(tokens) if t.text == value), None)
        return None if at is None or value.lower() in COMMON else Mention(value, at, at + 1, True)
    if not wanted:
        return None
    parts = [(n, part) for n, t in enumerate(tokens) for part in _parts(t, said[n])]
    found: list[int] = []
    for word in wanted:
        at = next((n for n, part in parts if _same(word, part)), None)
        if at is None:
            return None
        found.append(at)
    first, after = min(found), max(found) + 1
    if after - first >= len(wanted) + 3:
        return None
    exact = any(t.lower == value.lower() for t in tokens) or len(wanted) > 1
    return Mention(value, first, after, exact)


def _parts(token: Token, said: str) -> list[str]:
    if "-" in token.text or "_" in token.text:
        return [said, *(_alike(stem(p.lower())) for p in _PARTS.findall(token.text))]
    return [said]


def _alike(word: str) -> str:
    return _ALIKE.get(word, word)


def _same(wanted: str, said: str) -> bool:
    if wanted == said or stem(wanted) == stem(said):
        return True
    short, long = sorted((wanted, said), key=len)
    return len(short) >= 5 and long.startswith(short) and len(long) - len(short) <= 3


def switched(slot: Slot, tokens: Sequence[Token]) -> bool | None:
    """What the message says of a boolean; ``None`` if nothing."""
    wanted = [w for w in slot.name_stems if w not in _SWITCHES and w not in COMMON]
    if not wanted:
        return None
    hits = [
        next(
            (
                n
                for n, t in enumerate(tokens)
                if _same(word, t.stem)
                or word in t.lower.split("-")
                or word == t.lower.replace("-", "")
            ),
            None,
        )
        for word in wanted
    ]
    found = [n for n in hits if n is not None]
    if (
        not found
        or len(found) * 2 < len(wanted)
        or (len(wanted) > 1 and len(found) == 1 and not slot.required)
    ):
        return None
    first = min(found)
    return all(token.lower not in _NOT for token in tokens[max(0, first - 4) : first])
