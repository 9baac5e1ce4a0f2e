"""What the cells of a column are: whole numbers, decimals, dates or text.

Owns the forms that values have in files and their plain form: dates as ISO text,
numbers without separators. A column has a type only if every cell has it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

Value = int | float | str | None

_MISSING = frozenset({"", "na", "n/a", "#n/a", "nan", "null", "none", "-", "--"})
# A longer number would lose digits as a float; it is an account's or a part's, and text.
_INTEGER = re.compile(r"[+-]?(?:0|[1-9]\d{0,17})", re.ASCII)
_REAL = re.compile(r"[+-]?(?:(?:0|[1-9]\d{0,14})(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,2})?", re.ASCII)
_AMOUNT = re.compile(
    r"[+-]?\s?[$€£¥]?\s?(?:\d{1,3}(?:,\d{3}){1,4}|0|[1-9]\d{0,14})(?:\.\d+)?\s?[$€£¥]?", re.ASCII
)
_DECIMAL_COMMA = re.compile(
    r"[+-]?\s?[$€£¥]?\s?(?:\d{1,3}(?:\.\d{3}){1,4}|0|[1-9]\d{0,14})(?:,\d+)?\s?[$€£¥]?", re.ASCII
)
_ISO_DATE = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ]\d\d:\d\d\S*)?", re.ASCII)
_SPLIT_DATE = re.compile(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4})", re.ASCII)
_NO_NUMBER = re.compile(r"[\s$€£¥+]")


@dataclass(frozen=True, slots=True)
class ColumnType:
    """A type in SQL, what a column of it holds in words, and how a cell becomes a value.

    ``read`` gives ``None`` for a cell that is not of this type.
    """

    sql: str
    words: str
    read: Callable[[str], Value]


TEXT = ColumnType("TEXT", "text", str)


class TypeFinder:
    """Sees the cells of one column and says what they all are.

    ``decimal_comma``: whether 1.234,5 may be a number, as it may where commas do not part cells.
    """

    def __init__(self, *, decimal_comma: bool) -> None:
        self._left = [*_TYPES, _COMMAS] if decimal_comma else list(_TYPES)
        self._others_follow = False  # whatever the first type takes, those after it take too
        self.filled = 0

    def see(self, cell: str) -> None:
        """Take another cell into account."""
        text = cell.strip()
        if not self._left:
            self.filled += bool(text)
            return
        if text.lower() in _MISSING:
            return
        self.filled += 1
        if self._others_follow and self._left[0].read(text) is not None:
            return
        self._left = [each for each in self._left if each.read(text) is not None]
        self._others_follow = bool(self._left) and self._left[0] is _WHOLE

    @property
    def found(self) -> ColumnType:
        """The narrowest type that all cells have; text where there is none, or no cell."""
        if not self.filled or not self._left:
            return TEXT
        if _MONTH_FIRST in self._left and _DAY_FIRST in self._left:
            return _UNCLEAR_DATES
        return self._left[0]


def value_of(cell: str, kind: ColumnType) -> Value:
    """The value of a cell in a column of this type; ``None`` where nothing is in it."""
    text = cell.strip()
    if kind.sql == "TEXT" and kind.read is str:
        return text or None
    return None if text.lower() in _MISSING else kind.read(text)


def is_value(cell: str) -> bool:
    """Whether a cell holds a number or a date, as a heading would not."""
    return any(kind.read(cell.strip()) is not None for kind in _TYPES)


def _integer(text: str) -> int | None:
    return int(text) if _INTEGER.fullmatch(text) else None


def _real(text: str) -> float | None:
    return float(text) if _REAL.fullmatch(text) else None


def _amount(text: str) -> float | None:
    if not _AMOUNT.fullmatch(text):
        return None
    return float(_NO_NUMBER.sub("", text).replace(",", ""))


def _with_comma(text: str) -> float | None:
    if not _DECIMAL_COMMA.fullmatch(text):
        return None
    return float(_NO_NUMBER.sub("", text).replace(".", "").replace(",", "."))


def _iso_date(text: str) -> str | None:
    found = _ISO_DATE.fullmatch(text)
    if not found or _day(*map(int, found[1].split("-"))) is None:
        return None
    return text.replace("T", " ", 1)


def _day_first(text: str) -> str | None:
    found = _SPLIT_DATE.fullmatch(text)
    return _day(int(found[4]), int(found[3]), int(found[1])) if found else None


def _month_first(text: str) -> str | None:
    found = _SPLIT_DATE.fullmatch(text)
    # 3.5.2026 is 3 May wherever dates are written with full stops.
    if not found or found[2] == ".":
        return None
    return _day(int(found[4]), int(found[1]), int(found[3]))


def _day(year: int, month: int, day: int) -> str | None:
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return None


_DAY_FIRST = ColumnType("TEXT", "date", _day_first)
_MONTH_FIRST = ColumnType("TEXT", "date", _month_first)
_UNCLEAR_DATES = ColumnType("TEXT", "text (dates, day or month first)", str)
_COMMAS = ColumnType("REAL", "number", _with_comma)
_WHOLE = ColumnType("INTEGER", "whole number", _integer)
_TYPES = (
    _WHOLE,
    ColumnType("REAL", "number", _real),
    ColumnType("REAL", "number", _amount),
    ColumnType("TEXT", "date", _iso_date),
    _DAY_FIRST,
    _MONTH_FIRST,
)
