"""Calendar dates written out in a message, and the form in which a parameter wants one.

Only dates that are there in full or as month and year; what "tomorrow" is, is for
``airunner.toolbox.time.dates``.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass

_MONTHS = [name.lower() for name in calendar.month_name[1:]]
_MONTH = "|".join([*_MONTHS, *(f"{m[:3]}" for m in _MONTHS), "sept"])
_YEAR_FIRST = re.compile(
    r"(?<![\w/.-])(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})(?![\w/-])"
)
_MONTH_FIRST = re.compile(
    rf"\b(?P<name>{_MONTH})[\s.]*(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?![\d:])"
    r"(?:(?:\s*,\s*|\s+(?:of\s+)?)(?P<year>\d{4})\b)?",
    re.IGNORECASE,
)
_DAY_FIRST = re.compile(
    rf"(?<![\w.])(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?(?P<name>{_MONTH})\b"
    r"(?:,?\s+(?P<year>\d{4})\b)?",
    re.IGNORECASE,
)
_MONTH_YEAR = re.compile(rf"\b(?P<name>{_MONTH})\b,?\s+(?P<year>\d{{4}})\b", re.IGNORECASE)
_NUMERIC = re.compile(
    r"(?<![\w/.-])(?P<month>\d{1,2})[-/](?P<day>\d{1,2})[-/](?P<year>\d{4})(?![\w/-])"
)
_FORM = re.compile(
    r"\b(y{2,4}|m{1,2}|month|d{1,2}|day|year)\s*([-/. ])\s*(m{1,2}|month|d{1,2}|day)\s*\2\s*"
    r"(y{2,4}|d{1,2}|day|year)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class WrittenDate:
    """A date in a message; ``year`` or ``day`` is 0 where it is not said."""

    year: int
    month: int
    day: int
    start: int
    end: int

    def as_wanted(self, description: str) -> str:
        """The date in the form that ``description`` names, else as ISO 8601 has it."""
        form = _FORM.search(description)
        parts = {"y": f"{self.year:04d}", "m": f"{self.month:02d}", "d": f"{self.day:02d}"}
        if form is None:
            return "-".join(parts.values())
        return form[2].join(parts[form[n][0].lower()] for n in (1, 3, 4))


def find_dates(text: str) -> list[WrittenDate]:
    """The dates in ``text``, in order."""
    found: list[WrittenDate] = []
    for date in _all(text):
        if not any(date.start < other.end and other.start < date.end for other in found):
            found.append(date)
    return sorted(found, key=lambda date: date.start)


def _all(text: str) -> Iterator[WrittenDate]:
    for pattern in (_YEAR_FIRST, _NUMERIC, _MONTH_FIRST, _DAY_FIRST, _MONTH_YEAR):
        for match in pattern.finditer(text):
            part = match.groupdict()
            month = _month_of(part["name"]) if part.get("name") else int(part["month"])
            day = int(part.get("day") or 0)
            if pattern is _NUMERIC and month > 12:
                month, day = day, month
            if 1 <= month <= 12 and day <= 31:
                yield WrittenDate(int(part.get("year") or 0), month, day, *match.span())


def _month_of(name: str) -> int:
    return next(n for n, month in enumerate(_MONTHS, 1) if month.startswith(name.lower()[:3]))
