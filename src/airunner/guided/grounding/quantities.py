"""The numbers that a message names, each with its unit and its place.

Owns how people write numbers: digits with separators, decimals, exponents, percent,
words, dozens, money, dates. What a number is for is ``number_matching``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from airunner.guided.grounding.calendar_dates import find_dates
from airunner.guided.number_words import PATTERN, SCALES, value_of

MAX_QUANTITIES = 40
_LONGEST_NUMBER = 30
_LARGEST_IN_WORDS = 10**18

_LETTER_SCALES = {"k": 1000, "m": 10**6, "b": 10**9, "mn": 10**6, "bn": 10**9}
_SCALE = rf"(?:\s?(?P<scale>{'|'.join(SCALES)})s?\b)?"
_DIGITS = re.compile(
    r"(?<![\w.^])(?P<money>(?:US)?[$€£¥₹]\s?)?(?P<sign>[-−])?(?(money)|(?<![\w)/^]))"
    r"(?P<number>\d{1,3}(?:,\d{3})+(?:\.\d+)?(?!\d)|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\.\d+)"
    rf"{_SCALE}(?P<glued>[a-zA-Zµμ°Ωω²³]*)"
)
_WORDS = re.compile(
    rf"\b(?P<minus>minus\s+|negative\s+)?(?P<half>half\s+)?(?P<words>{PATTERN})", re.IGNORECASE
)
_HALF = re.compile(r"\bhalf\s+(?=an?\s+\w)|\ba\s+half\b", re.IGNORECASE)
_AFTER = re.compile(
    r"\s?(%|percent\b|per\s?cent\b|[°º]\s?[CFK]?\b|[A-Za-zµμΩ$€]+(?:/[a-z]+)?(?:\^?[23²³])?)"
)
_LISTED = re.compile(r"[\s,;$€£]*(?:and\b|or\b|&)?[\s$€£]*", re.IGNORECASE)
_GLUED_UNIT = re.compile(
    r"[a-wyzµVAWNJKΩ°]|[a-zµμ][a-z²³]{1,2}|[A-Z]B|k[A-Z][a-z]?|[°][CF]|mins?|days?"
)
_ORDINALS = frozenset({"st", "nd", "rd", "th"})


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number and where it stands. ``unit`` is the word or sign at it, in lower case."""

    value: int | float
    start: int
    end: int
    unit: str = ""
    spelled: bool = False
    dated: bool = False

    @property
    def is_percent(self) -> bool:
        """Whether it is written as a percentage."""
        return self.unit == "%"


def find_quantities(text: str) -> list[Quantity]:
    """The numbers in ``text``, in order."""
    taken: list[Quantity] = []
    for found in _all(text):
        if not any(found.start < other.end and other.start < found.end for other in taken) or (
            found.dated and all(found.start != o.start or o.dated for o in taken)
        ):
            taken.append(found)
    return sorted(taken, key=lambda quantity: quantity.start)[:MAX_QUANTITIES]


def are_listed(one: Quantity, other: Quantity, text: str) -> bool:
    """Whether only a unit and a comma or "and" stand between two numbers of ``text``."""
    between = text[one.end : other.start].strip()
    if one.unit and one.unit.lower() not in ("and", "or"):
        between = between.removeprefix(one.unit)
    return bool(_LISTED.fullmatch(between))


def _all(text: str) -> Iterator[Quantity]:
    for date in find_dates(text):
        for offset, (unit, value) in enumerate(
            (("year", date.year), ("month", date.month), ("day", date.day))
        ):
            if value:
                yield Quantity(value, date.start + offset, date.end, unit, dated=True)
    for found in _DIGITS.finditer(text):
        if quantity := _in_digits(found, text):
            yield quantity
    for found in _WORDS.finditer(text):
        if quantity := _in_words(found):
            yield _with_unit(quantity, text)
    for found in _HALF.finditer(text):
        yield _with_unit(Quantity(0.5, found.start(), found.end()), text)


def _in_digits(found: re.Match[str], text: str) -> Quantity | None:
    glued, unit = found["glued"], ""
    factor = SCALES.get((found["scale"] or "").lower(), 1)
    if found["money"]:
        factor *= _LETTER_SCALES.get(glued.lower(), 1)
        unit = "$"
    elif glued in _ORDINALS:
        unit = ""
    elif glued.lower() in ("k", "mn", "bn"):
        factor *= _LETTER_SCALES[glued.lower()]
    elif _GLUED_UNIT.fullmatch(glued):
        unit = glued
    elif glued:
        return None  # a name such as 2D, or a product such as 3x
    if not glued and text[found.end() : found.end() + 1] in ("_", "^"):
        return None
    if len(found["number"]) > _LONGEST_NUMBER:
        return None
    value = _plain(float(found["number"].replace(",", "")), found["number"])
    if factor != 1:
        value = round(value * factor, 9)
        value = int(value) if float(value).is_integer() else value
    if found["sign"]:
        value = -value
    if not math.isfinite(value):
        return None
    quantity = Quantity(value, found.start(), found.end("glued"), unit)
    if unit and not found["money"]:
        whole = _AFTER.match(text, found.start("glued"))
        return replace(
            quantity, unit=whole[1] if whole else unit, end=whole.end() if whole else quantity.end
        )
    return quantity if unit else _with_unit(quantity, text)


def _plain(value: float, written: str) -> int | float:
    is_whole = "." not in written and "e" not in written.lower()
    return int(written.replace(",", "")) if is_whole else value


def _in_words(found: re.Match[str]) -> Quantity | None:
    value: int | float = value_of(found["words"])
    if value > _LARGEST_IN_WORDS:
        return None
    if found["half"]:
        value = value // 2 if value % 2 == 0 else value / 2
    return Quantity(-value if found["minus"] else value, found.start(), found.end(), spelled=True)


def _with_unit(quantity: Quantity, text: str) -> Quantity:
    after = _AFTER.match(text, quantity.end)
    if after is None:
        return quantity
    unit = after[1]
    if unit == "%" or unit.lower().startswith("per"):
        unit = "%" if unit.lower() != "per" else ""
    return replace(quantity, unit=unit)
