"""A date or a moment as people and programs write it, read: the one place where that is done.

Owns what is understood and what is sent back. ISO dates are read as they are; plain words
("tomorrow 10:00", "in 20 minutes", "next Friday", "3 May", and other languages) with
``dateparser``. A wrong day is worse than a question, so nothing is guessed: 03/04/2027 is
two dates, and "at 5" may be morning or evening. Reckoning with dates is ``calendar``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from threading import Lock

from airunner.errors import ToolRetryError
from airunner.toolbox.time.dates.calendar import shifted

MOST_YEARS = 10
"""How far ahead a reminder's moment may be."""

_LONGEST = 80
_SURE_FROM = 7  # "at 6" and earlier may be morning or evening; later ones are taken as said
_LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl", "pl", "sv", "da", "cs", "tr", "ru")
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_EXAMPLES = '2027-03-20, "3 May 2027", "next Friday" or "in 3 weeks"'
_TIMED_EXAMPLES = '2027-03-20T08:00, "tomorrow at 9:00", "Friday at 5 pm" or "in 10 minutes"'
_DATEPARSER = Lock()  # it keeps what it has found out of a text in objects that callers share

_ISO = re.compile(r"\d{4}-?(?:\d\d|w\d\d)-?\d")
_YEAR_FIRST = re.compile(r"^(\d{4})([-/.])(\d\d?)\2(\d\d?)(?!\d)")
_DAY_AND_MONTH = re.compile(r"\d\d?\.\d\d?")
_NUMERIC = re.compile(r"(?<![\w/.-])(\d{1,2})([/-])(\d{1,2})(?:\2(?:\d{4}|\d\d))?(?![\w/-])")
_SHORT_YEAR = re.compile(r"(?<![\w/.-])(\d\d?[/.-]\d\d?[/.-])(\d\d)(?!\d)")
_FIRST_CENTURY_YEAR = 70  # 69 is 2069 and 70 is 1970, as POSIX has it
_WEEKDAY = re.compile(
    r"(?:(?P<which>next|this|last)\s+)?(?P<day>mon|tues?|wed(?:nes)?|thur?s?|fri|sat(?:ur)?|sun)"
    r"(?:day)?(?:\s+(?P<week>next|this|last)\s+week)?"
)
_WEEKS = {"next": 1, "this": 0, "last": -1}
_CLOCK = re.compile(
    r"(?:\b(?:at|um|à)\s+)?\b(?P<hour>\d{1,2})(?:[:h](?P<minute>\d\d)(?::\d\d)?)?\s*"
    r"(?P<half>[ap])\.?\s?m\b\.?|(?:\bat\s+)?\b(?P<h2>\d{1,2})[:h](?P<m2>\d\d)(?::\d\d)?(?!\d)"
    r"|\bat\s+(?P<h3>\d{1,2})(?![\w:./-])|(?:\bat\s+)?\b(?P<noon>noon)\b"
)
_HALVES = {"morning": "a", "afternoon": "p", "evening": "p", "tonight": "p"}
_PART = re.compile(r"\b(?:(?:in the|this) )?(morning|afternoon|evening|tonight)\b")
_SPAN = re.compile(r"\b(?:in|ago|from now|vor|dans|hace|seconds?|minutes?|hours?)\b")


@dataclass(frozen=True, slots=True)
class ReadDate:
    """A date, and a sentence on how it was read, after a blank (mostly nothing)."""

    day: date
    note: str = ""


def read_date(text: str, today: date) -> ReadDate:
    """The date that ``text`` means to somebody who says it on ``today``; its time is left aside.

    Without a year it is the next such day.

    Raises:
        ToolRetryError: it is no date, none that exists, or one of two.
    """
    plain = _plain(text)
    _refuse_two(plain, text)
    if iso := _iso(plain, text):
        return ReadDate(iso.date())
    day = _CLOCK.sub("", plain).strip(" ,") if not _SPAN.search(plain) else plain
    if found := _WEEKDAY.fullmatch(re.sub(r"^on ", "", day)):
        return _weekday(found, today)
    if _DAY_AND_MONTH.fullmatch(day):
        this_year = read_date(f"{day}.{today.year}", today)
        passed = this_year.day < today
        return read_date(f"{day}.{today.year + 1}", today) if passed else this_year
    # Today is to be found, though its midnight is over.
    midnight = datetime.combine(today, time())
    read = _parsed(day, midnight - timedelta(seconds=1), "absolute-time")
    read = read or _parsed(day, midnight, "relative-time")
    if read is None:
        raise ToolRetryError(
            f"{text.strip()[:_LONGEST]!r} is no date that can be read, or no day that exists. "
            f"Write it like {_EXAMPLES}."
        )
    return ReadDate(read.date())


def read_moment(text: str, now_s: float) -> float:
    """The moment to come that ``text`` means in local time, as Unix time.

    Raises:
        ToolRetryError: it means none, or more than one, or one that is over or too far off.
    """
    found_s = _moment(text, datetime.fromtimestamp(now_s), now_s)
    if found_s <= now_s:
        raise ToolRetryError(
            f"{text!r} would be {in_words(found_s)}, which is over; it is now "
            f"{in_words(now_s)}. Name a time to come, with its day."
        )
    if found_s > now_s + MOST_YEARS * 366 * 86_400:
        raise ToolRetryError(f"{text!r} is more than {MOST_YEARS} years away.")
    return found_s


def in_words(at_s: float) -> str:
    """A moment in local time, to the minute, such as ``Thursday 18 March 2027, 09:00``."""
    at = datetime.fromtimestamp(at_s)
    return f"{at:%A} {at.day} {at:%B %Y, %H:%M}"


def _moment(text: str, now: datetime, now_s: float) -> float:
    plain = _plain(text)
    if (iso := _iso(plain, text)) and re.search(r"[t ]\d", plain):
        return iso.timestamp()
    clock = _CLOCK.search(plain)
    if clock is None:
        then = _parsed(plain, now, "relative-time") if _SPAN.search(plain) else None
        if then is None:
            raise _no_moment(text)
        # Two hours are two hours, also in the night when the clocks are changed.
        is_exact = re.search(r"\b(?:sec|min|hour|hr)", plain)
        return now_s + (then - now).total_seconds() if is_exact else then.timestamp()
    part = _PART.search(plain)
    rest = f"{plain[: clock.start()]} {plain[clock.end() :]}"
    rest = " ".join(_PART.sub(" ", rest).split()).strip(" ,")
    rest = re.sub(r"^on | (?:on|at)$", "", rest)
    if re.search(r"\b(?:sec|min|hour|hr)", rest):
        raise ToolRetryError(f"{text!r} has both a span and a time of day; give one of them.")
    day = read_date(rest, now.date()).day if rest else now.date()
    return datetime.combine(day, _time_of_day(clock, part, text)).timestamp()


def _time_of_day(clock: re.Match[str], part: re.Match[str] | None, text: str) -> time:
    if clock["noon"]:
        return time(12)
    hour = int(clock["hour"] or clock["h2"] or clock["h3"])
    half = clock["half"] or (_HALVES[part[1]] if part else "")
    if half and 1 <= hour <= 12:
        hour = hour % 12 + (12 if half == "p" else 0)
    elif clock["h3"] and 1 <= hour < _SURE_FROM:
        raise ToolRetryError(
            f"{text!r} may be in the morning or in the afternoon; say which of the two, with "
            "am or pm or on the 24-hour clock, or ask the user."
        )
    try:
        return time(hour, int(clock["minute"] or clock["m2"] or 0))
    except ValueError:
        raise _no_moment(text) from None


def _plain(text: str) -> str:
    plain = " ".join(text.lower().replace("’", "'").split()).strip(" .,;!?\"'")
    plain = re.sub(r"^(?:on )?the ", "", plain)
    return _SHORT_YEAR.sub(lambda found: f"{found[1]}{_century(found[2])}{found[2]}", plain)


def _century(year: str) -> int:
    return 19 if int(year) >= _FIRST_CENTURY_YEAR else 20


def _refuse_two(plain: str, text: str) -> None:
    """A day and a month as numbers are two dates where either could be the month."""
    if (found := _NUMERIC.search(plain)) is None:
        return
    first, second = int(found[1]), int(found[3])
    if first != second and 1 <= first <= 12 and 1 <= second <= 12:
        raise ToolRetryError(
            f"{text.strip()!r} may be {first} {date(2000, second, 1):%B} or {second} "
            f"{date(2000, first, 1):%B}. Write it as an ISO date, such as 2026-05-03, or ask "
            "the user."
        )


def _iso(plain: str, text: str) -> datetime | None:
    """A date, perhaps with a time, as ISO 8601 has it; ``None`` for anything else."""
    if (found := _YEAR_FIRST.match(plain)) is not None:
        try:
            day = date(int(found[1]), int(found[3]), int(found[4]))
        except ValueError as problem:
            raise ToolRetryError(f"{text.strip()!r} does not exist: {problem}.") from None
        plain = day.isoformat() + plain[found.end() :]
    try:
        return datetime.fromisoformat(plain.upper()) if _ISO.match(plain) else None
    except ValueError:
        return None


def _weekday(found: re.Match[str], today: date) -> ReadDate:
    number, which = _DAYS.index(found["day"][:3]), found["which"]
    if found["week"]:
        weeks = _WEEKS[found["week"]]
        return ReadDate(shifted(today, weeks=weeks, days=number - today.weekday()))
    ahead = (number - today.weekday()) % 7
    if which == "last":
        return ReadDate(shifted(today, days=ahead - 7))
    if which != "next":
        return ReadDate(shifted(today, days=ahead))
    day = shifted(today, days=ahead or 7)
    return ReadDate(day, f" Next {day:%A} was read as the first {day:%A} after today.")


def _parsed(text: str, now: datetime, parser: str) -> datetime | None:
    if len(text) > _LONGEST or re.match(r"(?:next|last|this) (?:week|month|year)", text):
        return None
    import dateparser  # takes longer to import than all of the tools

    settings = {
        "RELATIVE_BASE": now,
        "PREFER_DATES_FROM": "future",
        "DATE_ORDER": "DMY",
        # Else "a" would be read as the first hour, and "May" as today's day of it.
        "REQUIRE_PARTS": ["day", "month"],
        "RETURN_AS_TIMEZONE_AWARE": False,
    }
    try:
        with _DATEPARSER:
            for languages in (_LANGUAGES[:1], _LANGUAGES[1:]):
                read = dateparser.parse(
                    text, languages=languages, settings={**settings, "PARSERS": [parser]}
                )
                if isinstance(read, datetime):
                    return read
    except (ValueError, OverflowError):
        pass
    return None


def _no_moment(text: str) -> ToolRetryError:
    return ToolRetryError(
        f"{text!r} is no time that can be read; it needs a time of day. "
        f"Write it like {_TIMED_EXAMPLES}, or ask the user."
    )
