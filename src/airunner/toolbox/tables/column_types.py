r"""What the cells of a column are, in DuckDB's SQL: numbers, dates or text.

Owns the forms that values have in files. A column has a type only if every cell has it;
DuckDB's own detection takes 007 for 7, 3/5/2026 for whichever date comes first, and
``$1,200``, ``1 234,50`` and ``n/a`` for text. Numbers with a decimal comma belong to the
file: where one column shows them, 1.234 in another is 1234. So it is with 3/5/2026.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_MISSING = "(?i:#?n/a|na|nan|null|none|--?)"

_BLANK = r"[ \x{00A0}\x{2009}\x{202F}]"
_MONEY = rf"{_BLANK}?[$€£¥]?{_BLANK}?"
# A longer number would lose digits as a float; it is an account's or a part's, and text.
_PLAIN = r"0|[1-9]\d{0,14}"
_DAY = r"\d{1,2}/\d{1,2}/\d{4}|\d{1,2}-\d{1,2}-\d{4}"


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of columns: in words, a pattern for a cell, and SQL for its value.

    ``{0}`` in ``value`` is the cell; the value is NULL where it is none after all.
    """

    words: str
    pattern: str
    value: str

    def fits(self, cell: str) -> str:
        """SQL that says whether a cell is of this type, or a word for a missing value."""
        fits = f"regexp_full_match({cell}, '{_MISSING}|{self.pattern}')"
        if "DATE" not in self.value and "TIMESTAMP" not in self.value:
            return fits
        return f"({fits} AND ({self.value.format(cell)} IS NOT NULL OR {is_missing(cell)}))"


def is_missing(cell: str) -> str:
    """SQL that says whether a cell holds only a word for a missing value."""
    return f"regexp_full_match({cell}, '{_MISSING}')"


TEXT = Kind("text", "", "{0}")
UNCLEAR_DATES = Kind("text (dates, day or month first)", "", "{0}")
WHOLE = Kind("whole number", r"[+-]?(?:0|[1-9]\d{0,17})", "TRY_CAST({0} AS BIGINT)")
POINT = Kind(
    "number",
    rf"[+-]?{_MONEY}(?:(?:[1-9]\d{{0,2}}(?:(?:[,\x27’]|{_BLANK})\d{{3}}){{1,4}}|{_PLAIN})(?:\.\d*)?|\.\d+)"
    rf"(?:[eE][+-]?\d{{1,2}})?{_MONEY}",
    "TRY_CAST(regexp_replace({0}, '[^0-9.eE+-]', '', 'g') AS DOUBLE)",
)
COMMA = Kind(
    "number",
    rf"[+-]?{_MONEY}(?:[1-9]\d{{0,2}}(?:(?:[.\x27’]|{_BLANK})\d{{3}}){{1,4}}|{_PLAIN})(?:,\d+)?{_MONEY}",
    "TRY_CAST(replace(regexp_replace({0}, '[^0-9,+-]', '', 'g'), ',', '.') AS DOUBLE)",
)
DATE = Kind("date", r"\d{4}-\d\d-\d\d", "TRY_CAST({0} AS DATE)")
TIME = Kind(
    "date and time",
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?Z?)?",
    "TRY_CAST({0} AS TIMESTAMP)",
)
DAY_FIRST = Kind(
    "date",
    rf"{_DAY}|\d{{1,2}}\.\d{{1,2}}\.\d{{4}}",
    "TRY_STRPTIME(regexp_replace({0}, '[.-]', '/', 'g'), '%d/%m/%Y')::DATE",
)
# 3.5.2026 is 3 May wherever dates are written with full stops.
MONTH_FIRST = Kind(
    "date", _DAY, "TRY_STRPTIME(regexp_replace({0}, '-', '/', 'g'), '%m/%d/%Y')::DATE"
)
KINDS = (WHOLE, POINT, COMMA, DATE, TIME, DAY_FIRST, MONTH_FIRST)
"""Narrower ones first."""

_PAIRS = ((POINT, COMMA), (DAY_FIRST, MONTH_FIRST))


def kinds_of(columns: Sequence[Sequence[Kind] | None]) -> list[Kind]:
    """The type of each column of a file, out of those that all its cells have."""
    chosen = [fitting[0] if fitting else TEXT for fitting in columns]
    for usual, other in _PAIRS:
        decided = [{usual, other}.intersection(fitting or ()) for fitting in columns]
        alone = set().union(*(each for each in decided if len(each) == 1))
        for number, fitting in enumerate(columns):
            if fitting and chosen[number] is usual and other in fitting:
                chosen[number] = other if alone == {other} else usual
                if usual is DAY_FIRST and len(alone) != 1:
                    chosen[number] = UNCLEAR_DATES
    return chosen
