"""A date in words or digits, read: the one place where that is done.

Owns what is understood and what is sent back. ISO dates are read as they are; words
("tomorrow", "next Friday", "Easter", "3 May", and other languages) are read for people and
for models that pass on what people said. 03/04/2027 is two dates, so neither is taken.
Times of day are ``moments``; reckoning with dates is ``calendar``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from threading import Lock

from airunner.errors import ToolRetryError
from airunner.toolbox.time.dates.calendar import (
    FROM_EASTER,
    HOLIDAYS,
    MONTHS,
    WEEKDAYS,
    days_in_month,
    shifted,
)

_LONGEST = 60
_FIRST_CENTURY_YEAR = 70  # 69 is 2069 and 70 is 1970, as POSIX has it
_OTHER_LANGUAGES = ("de", "fr", "es", "it", "pt", "nl", "pl", "sv", "da", "cs", "tr", "ru")
_NEARBY = {
    "today": 0,
    "now": 0,
    "tonight": 0,
    "tomorrow": 1,
    "yesterday": -1,
    "day after tomorrow": 2,
    "day before yesterday": -2,
}
_DATEPARSER = Lock()  # it keeps its settings and languages in objects that all callers share
_ISO = re.compile(r"(\d{4})([-/.]?)(\d\d?)\2(\d\d?)(?:[t ]\d\d:.*)?")
_NUMERIC = re.compile(r"(\d{1,2})\s*([/.-])\s*(\d{1,2})(?:\s*\2\s*(\d{4}|\d\d)|\.?)")
_NUMERIC_INSIDE = re.compile(rf"(?<![\w/.-]){_NUMERIC.pattern}(?![\w/-])")
_DAY_NAMES = "|".join(rf"{name[:3].lower()}(?:{name[3:].lower()})?" for name in WEEKDAYS)
_WEEKDAY = re.compile(
    rf"(?:(?P<which>next|this|last|coming|past|this coming)\s+)?(?P<day>{_DAY_NAMES}|tues|thurs?)"
    r"(?:\s+(?P<week>next|this|last) week)?"
)
_MONTH_END = re.compile(r"end of (?P<which>the|this|next|last) (?P<unit>month|year)")
_VAGUE = re.compile(r"(?:in )?(?:the )?(?:next|this|last|coming) (?:week|month|year|weekend)")


@dataclass(frozen=True, slots=True)
class ReadDate:
    """A date, and what has to be said of how it was read (mostly nothing)."""

    day: date
    note: str = ""


def read_date(text: str, today: date) -> ReadDate:
    """The date that ``text`` means to somebody who says it on ``today``; see ``find_date``.

    Raises:
        ToolRetryError: it is no date, none that exists, or one of two.
    """
    if found := find_date(text, today):
        return found
    raise ToolRetryError(
        f"{text.strip()[:_LONGEST]!r} is no date that can be read, or no day that exists. "
        "Write it like 2026-05-03, 3 May 2026, next Friday or in 3 weeks."
    )


def find_date(text: str, today: date) -> ReadDate | None:
    """The date that ``text`` means; ``None`` where it is no date that can be read.

    Without a year it is the next such day.

    Raises:
        ToolRetryError: it is a date that does not exist, or one of two.
    """
    plain = re.sub(r"^(?:on\s+)?(?:the\s+)?", "", " ".join(text.lower().replace("’", "'").split()))
    plain = plain.strip(" .,!?")
    if not plain or len(plain) > _LONGEST or _VAGUE.fullmatch(plain):
        return None
    if found := _ISO.fullmatch(plain):
        return ReadDate(_existing(int(found[1]), int(found[3]), int(found[4]), text))
    if found := _NUMERIC.fullmatch(plain):
        return ReadDate(_numeric(found, text, today))
    if plain in _NEARBY:
        return ReadDate(shifted(today, days=_NEARBY[plain]))
    if found := _WEEKDAY.fullmatch(plain):
        return _weekday(found, today)
    if plain in HOLIDAYS:
        return ReadDate(_upcoming(*HOLIDAYS[plain], today, text))
    if plain in FROM_EASTER:
        return ReadDate(_from_easter(FROM_EASTER[plain], today))
    if found := _MONTH_END.fullmatch(plain):
        return ReadDate(_end_of(found["unit"], found["which"], today))
    if found := _NUMERIC_INSIDE.search(plain):  # "Friday 03/04/2027": checked, not read
        _refuse_two(found, text)
    day = _in_other_words(plain, today)
    return ReadDate(day) if day else None


def span_from(text: str, now: datetime) -> datetime | None:
    """The moment that "in 3 weeks" or "2 days ago" means at ``now``; ``None`` for anything else."""
    return _parsed(text, now, "relative-time", ["en"])


def _in_other_words(plain: str, today: date) -> date | None:
    midnight = datetime.combine(today, time())
    for languages in (["en"], list(_OTHER_LANGUAGES)):
        # A date that has begun counts as over there; today is to be found.
        read = _parsed(plain, midnight - timedelta(seconds=1), "absolute-time", languages)
        read = read or _parsed(plain, midnight, "relative-time", languages)
        if read:
            return read.date()
    return None


def _parsed(text: str, now: datetime, parser: str, languages: list[str]) -> datetime | None:
    import dateparser  # takes longer to import than all of the tools

    settings = {
        "PARSERS": [parser],
        "RELATIVE_BASE": now,
        "PREFER_DATES_FROM": "future",
        "DATE_ORDER": "DMY",
        # Else "a" would be read as the first hour, and "May" as today's day of it.
        "REQUIRE_PARTS": ["day", "month"],
        "RETURN_AS_TIMEZONE_AWARE": False,
    }
    try:
        with _DATEPARSER:
            read = dateparser.parse(text, languages=languages, settings=settings)
    except (ValueError, OverflowError):
        return None
    return read if isinstance(read, datetime) else None


def _existing(year: int, month: int, day: int, text: str) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        pass
    if 1 <= month <= 12 and year >= 1:
        last = days_in_month(date(year, month, 1))
        raise ToolRetryError(
            f"{text.strip()!r} does not exist: {MONTHS[month - 1]} {year} has {last} days."
        )
    raise ToolRetryError(f"{text.strip()!r} does not exist.")


def _numeric(found: re.Match[str], text: str, today: date) -> date:
    """Day first with full stops, as wherever dates are written so; else as only one order fits."""
    _refuse_two(found, text)
    first, second = int(found[1]), int(found[3])
    day, month = (second, first) if second > 12 >= first else (first, second)
    if found[4] is None:
        return _upcoming(month, day, today, text)
    year = int(found[4])
    if len(found[4]) == 2:
        year += 1900 if year >= _FIRST_CENTURY_YEAR else 2000
    return _existing(year, month, day, text)


def _refuse_two(found: re.Match[str], text: str) -> None:
    first, second = int(found[1]), int(found[3])
    if 1 <= first <= 12 and 1 <= second <= 12 and first != second and found[2] != ".":
        raise ToolRetryError(
            f"{text.strip()!r} may be {first} {MONTHS[second - 1]} or {second} "
            f"{MONTHS[first - 1]}. Write it as an ISO date, such as 2026-05-03, or ask the user."
        )


def _weekday(found: re.Match[str], today: date) -> ReadDate:
    number = next(
        index for index, name in enumerate(WEEKDAYS) if name.lower().startswith(found["day"][:3])
    )
    name, which = WEEKDAYS[number], found["which"]
    if found["week"]:
        weeks = {"next": 1, "this": 0, "last": -1}[found["week"]]
        return ReadDate(shifted(today, weeks=weeks, days=number - today.weekday()))
    ahead = (number - today.weekday()) % 7
    if which in ("last", "past"):
        return ReadDate(shifted(today, days=ahead - 7))
    if which != "next":
        return ReadDate(shifted(today, days=ahead))
    note = f"Next {name} was read as the first {name} after today."
    return ReadDate(shifted(today, days=ahead or 7), note)


def _upcoming(month: int, day: int, today: date, text: str) -> date:
    """The next such day, today included."""
    this_year = _existing(today.year, month, day, text)
    return this_year if this_year >= today else _existing(today.year + 1, month, day, text)


def _from_easter(days: int, today: date) -> date:
    from dateutil.easter import easter

    this_year = shifted(easter(today.year), days=days)
    return this_year if this_year >= today else shifted(easter(today.year + 1), days=days)


def _end_of(unit: str, which: str, today: date) -> date:
    ahead = {"next": 1, "last": -1}.get(which, 0)
    if unit == "year":
        return shifted(today, years=ahead).replace(month=12, day=31)
    month = shifted(today, months=ahead)
    return month.replace(day=days_in_month(month))
