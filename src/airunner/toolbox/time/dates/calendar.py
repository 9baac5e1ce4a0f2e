"""Dates: read as people write them, moved, counted between and described.

Owns what a date in words means on a given day; every function is told what
today is. Unusual wordings and other languages are read by dateparser. Times of
day and places are ``time_zones``; dates within a message, ``date_words``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from threading import Lock

from airunner.errors import ToolRetryError

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
HOLIDAYS = {
    **dict.fromkeys(("new year", "new year's day", "new years day"), (1, 1)),
    **dict.fromkeys(("valentine's day", "valentines day"), (2, 14)),
    "halloween": (10, 31),
    "christmas eve": (12, 24),
    "boxing day": (12, 26),
    **dict.fromkeys(("christmas", "christmas day", "xmas"), (12, 25)),
    **dict.fromkeys(("new year's eve", "new years eve"), (12, 31)),
}
"""Days that are the same every year, as (month, day)."""

FROM_EASTER = {
    "good friday": -2,
    "easter": 0,
    "easter sunday": 0,
    "easter monday": 1,
    "pentecost": 49,
    "whit monday": 50,
}
"""Days that move with Easter, in days from its Sunday."""

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
_ISO = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?:[t ]\d\d:.*)?")
_COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)")
_NUMERIC = re.compile(r"(\d{1,2})([/.-])(\d{1,2})(?:\2(\d{4}|\d\d)|\.?)")
_DAY_NAMES = "|".join(rf"{name[:3].lower()}(?:{name[3:].lower()})?" for name in WEEKDAYS)
_WEEKDAY = re.compile(
    rf"(?:(?P<which>next|this|last|coming|past|this coming)\s+)?(?P<day>{_DAY_NAMES}|tues|thurs?)"
    r"(?:\s+(?P<week>next|this|last) week)?"
)
_MONTH_NAMES = "|".join(f"{name[:3]}(?:{name[3:]})?".lower() for name in MONTHS) + "|sept"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?:,?\s+(?P<year>\d{4}))?"
_MONTH = rf"(?P<month>{_MONTH_NAMES})\.?"
_SPELLED = tuple(
    re.compile(rf"(?:(?:{_DAY_NAMES}),?\s+)?{words}{_YEAR}")
    for words in (rf"{_DAY}\s+(?:of\s+)?{_MONTH}", rf"{_MONTH}\s+(?:the\s+)?{_DAY}")
)
_MONTH_END = re.compile(r"end of (?P<which>the|this|next|last) (?P<unit>month|year)")


@dataclass(frozen=True, slots=True)
class ReadDate:
    """A date, and what has to be said of how it was read (mostly nothing)."""

    day: date
    note: str = ""


def read_date(text: str, today: date) -> ReadDate:
    """The date that ``text`` means to somebody who says it on ``today``.

    Without a year it is the next such day. Numbers are taken day first, and a
    note says so where they could be meant the other way.

    Raises:
        ToolRetryError: it is no date, or none that exists.
    """
    plain = re.sub(r"^(?:on\s+)?(?:the\s+)?", "", " ".join(text.lower().replace("’", "'").split()))
    plain = plain.strip(" .,!?")
    if not plain or len(plain) > _LONGEST:
        raise _unreadable(text)
    if found := _ISO.fullmatch(plain):
        return ReadDate(_existing(int(found[1]), int(found[3]), int(found[4]), text))
    if found := _COMPACT.fullmatch(plain):
        return ReadDate(_existing(int(found[1]), int(found[2]), int(found[3]), text))
    if found := _NUMERIC.fullmatch(plain):
        return _numeric(found, text, today)
    for form in _SPELLED:
        if found := form.fullmatch(plain):
            return ReadDate(_spelled(found, text, today))
    if plain in _NEARBY:
        return ReadDate(_moved(today, _NEARBY[plain], text))
    if found := _WEEKDAY.fullmatch(plain):
        return _weekday(found, today)
    if plain in HOLIDAYS:
        return ReadDate(_upcoming(*HOLIDAYS[plain], today, text))
    if plain in FROM_EASTER:
        return ReadDate(_from_easter(FROM_EASTER[plain], today, text))
    if found := _MONTH_END.fullmatch(plain):
        return ReadDate(_end_of(found["unit"], found["which"], today))
    return ReadDate(_in_other_words(plain, text, today))


def written(day: date) -> str:
    """A date in full: Friday 27 November 2026."""
    return f"{WEEKDAYS[day.weekday()]} {day.day} {MONTHS[day.month - 1]} {day.year}"


def shifted(day: date, *, years: int = 0, months: int = 0, weeks: int = 0, days: int = 0) -> date:
    """``day`` moved: first by years and months, at most to the month's end, then by days.

    Raises:
        ToolRetryError: the result is outside of the years 1 to 9999.
    """
    month = day.year * 12 + day.month - 1 + years * 12 + months
    year, number = divmod(month, 12)
    try:
        first = date(year, number + 1, 1)
        last = days_in_month(first)
        return first.replace(day=min(day.day, last)) + timedelta(weeks=weeks, days=days)
    except (ValueError, OverflowError):
        raise ToolRetryError("That leads outside of the years 1 to 9999.") from None


def days_in_month(day: date) -> int:
    """How many days the month of ``day`` has."""
    if day.month == 12:
        return 31
    return (day.replace(month=day.month + 1, day=1) - day.replace(day=1)).days


def in_calendar_units(start: date, end: date) -> str:
    """The time from ``start`` to a later ``end`` in years, months and days."""
    months = (end.year - start.year) * 12 + end.month - start.month
    # 31 January to 28 February is no whole month, though 28 is that month's last day.
    if shifted(start, months=months) > end or (end.day < start.day and months > 0):
        months -= 1
    rest = (end - shifted(start, months=months)).days
    return in_list(
        [counted(months // 12, "year"), counted(months % 12, "month"), counted(rest, "day")]
    )


def weekdays_between(start: date, end: date) -> int:
    """The days after ``start`` up to and with ``end`` that are Monday to Friday."""
    weeks, rest = divmod((end - start).days, 7)
    return weeks * 5 + sum((start.weekday() + ahead) % 7 < 5 for ahead in range(1, rest + 1))


def counted(number: int, unit: str) -> str:
    """``"1 day"``, ``"2 days"``, or nothing for none."""
    return f"{number:,} {unit}{'' if number == 1 else 's'}" if number else ""


def in_list(parts: list[str]) -> str:
    """The parts that are not empty, with commas and an "and"."""
    there = [part for part in parts if part]
    return " and ".join([", ".join(there[:-1]), there[-1]] if len(there) > 1 else there)


def distance(day: date, today: date) -> str:
    """How far ``day`` is from ``today``: "in 3 days", "2 weeks ago", with exact days."""
    days = (day - today).days
    if days in (0, 1, -1):
        return {0: "today", 1: "tomorrow", -1: "yesterday"}[days]
    amount = counted(abs(days), "day")
    if abs(days) >= 31:
        amount += f" ({in_calendar_units(min(day, today), max(day, today))})"
    return f"in {amount}" if days > 0 else f"{amount} ago"


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


def _numeric(found: re.Match[str], text: str, today: date) -> ReadDate:
    first, second = int(found[1]), int(found[3])
    # With full stops the day comes first wherever dates are written so.
    unclear = first <= 12 and second <= 12 and first != second and found[2] != "."
    day, month = (second, first) if second > 12 >= first else (first, second)
    if found[4] is None:
        read = _upcoming(month, day, today, text)
    else:
        year = int(found[4])
        if len(found[4]) == 2:
            year += 1900 if year >= _FIRST_CENTURY_YEAR else 2000
        read = _existing(year, month, day, text)
    if not unclear:
        return ReadDate(read)
    other = f"{read.year}-{day:02}-{month:02}"
    return ReadDate(
        read, f"{text.strip()} was read day first; if the month comes first, write {other}."
    )


def _spelled(found: re.Match[str], text: str, today: date) -> date:
    names = [name[:3].lower() for name in MONTHS]
    day, month = int(found["day"]), names.index(found["month"][:3]) + 1
    if found["year"] is None:
        return _upcoming(month, day, today, text)
    return _existing(int(found["year"]), month, day, text)


def _weekday(found: re.Match[str], today: date) -> ReadDate:
    number = next(
        index for index, name in enumerate(WEEKDAYS) if name.lower().startswith(found["day"][:3])
    )
    name, which = WEEKDAYS[number], found["which"]
    if found["week"]:
        weeks = {"next": 1, "this": 0, "last": -1}[found["week"]]
        return ReadDate(today + timedelta(days=number - today.weekday(), weeks=weeks))
    ahead = (number - today.weekday()) % 7
    if which in ("last", "past"):
        return ReadDate(today - timedelta(days=7 - ahead))
    if which != "next":
        return ReadDate(today + timedelta(days=ahead))
    note = f"Next {name} was read as the first {name} after today."
    return ReadDate(today + timedelta(days=ahead or 7), note)


def _upcoming(month: int, day: int, today: date, text: str) -> date:
    """The next such day, today included. A 29 February may be years away."""
    for year in range(today.year, min(today.year + 9, 10_000)):
        if (month, day) == (2, 29) and not is_leap(year):
            continue
        candidate = _existing(year, month, day, text)
        if candidate >= today:
            return candidate
    raise _unreadable(text)


def easter(year: int) -> date:
    """Easter Sunday of the Western churches.

    The algorithm of J.-M. Oudin (1940), in the "Explanatory Supplement to the
    Astronomical Almanac", 1992.
    """
    century, golden = year // 100, year % 19
    shift = (century - 17) // 25
    age = (century - century // 4 - (century - shift) // 3 + 19 * golden + 15) % 30
    age -= (age // 28) * (1 - (age // 28) * (29 // (age + 1)) * ((21 - golden) // 11))
    weekday = (year + year // 4 + age + 2 - century + century // 4) % 7
    days = age - weekday
    month = 3 + (days + 40) // 44
    return date(year, month, days + 28 - 31 * (month // 4))


def _from_easter(days: int, today: date, text: str) -> date:
    for year in (today.year, min(today.year + 1, date.max.year)):
        if (candidate := easter(year) + timedelta(days=days)) >= today:
            return candidate
    raise _unreadable(text)


def is_leap(year: int) -> bool:
    """Whether ``year`` has a 29 February."""
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _end_of(unit: str, which: str, today: date) -> date:
    ahead = {"next": 1, "last": -1}.get(which, 0)
    if unit == "year":
        return shifted(today, years=ahead).replace(month=12, day=31)
    month = shifted(today, months=ahead)
    return month.replace(day=days_in_month(month))


def _moved(day: date, days: int, text: str) -> date:
    try:
        return day + timedelta(days=days)
    except OverflowError:
        raise _unreadable(text) from None


def _in_other_words(plain: str, text: str, today: date) -> date:
    import dateparser

    settings = {
        "RELATIVE_BASE": datetime.combine(today, time(12)),
        "PREFER_DATES_FROM": "future",
        "DATE_ORDER": "DMY",
        # Else "a" would be read as the first hour, and "May" as today's day of it.
        "REQUIRE_PARTS": ["day", "month"],
        "RETURN_AS_TIMEZONE_AWARE": False,
        "TIMEZONE": "UTC",
    }
    for languages in (["en"], list(_OTHER_LANGUAGES)):
        with _DATEPARSER:
            read = dateparser.parse(plain, languages=languages, settings=settings)
        if isinstance(read, datetime):
            return read.date()
    raise _unreadable(text)


def _unreadable(text: str) -> ToolRetryError:
    return ToolRetryError(
        f"{text.strip()[:_LONGEST]!r} is no date that can be read, or no day that exists. "
        "Write it like 2026-05-03, 3 May 2026, next Friday or in 3 weeks."
    )
