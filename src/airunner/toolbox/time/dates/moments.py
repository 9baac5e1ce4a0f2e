"""From a time in words to the moment that is meant: "in 10 minutes", "tomorrow at 9:00".

Owns times of day, spans and what is too vague to act on; days are read by
``date_reader``. A reminder at the wrong time is worse than a question, so nothing is
guessed: a day without a time, an hour that may be morning or evening, and anything
that is over are sent back with what to say instead.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from datetime import time as time_of_day

from airunner.errors import ToolRetryError
from airunner.toolbox.time.dates.date_reader import find_date, span_from

MOST_YEARS = 10
"""How far ahead a moment may be."""

_EXAMPLES = '"in 10 minutes", "tomorrow at 9:00", "Friday at 5 pm", "2027-03-20T08:00"'
_HOUR_NAMES = "one two three four five six seven eight nine ten eleven twelve"
_HOURS = _HOUR_NAMES.split()
_SURE_FROM = 7  # "at 6" and earlier may be morning or evening; later ones are taken as said

_HOUR = rf"(?:\d{{1,2}}|{'|'.join(_HOURS)})"
_HALF_DAY = r"(?P<half>[ap])\.?\s?m\b\.?"
_CLOCK = re.compile(
    rf"\b(?:at\s+|@\s*)?(?:"
    rf"(?P<hour>\d{{1,2}})[:h](?P<minute>\d{{2}})(?::\d{{2}})?(?:\s*{_HALF_DAY})?"
    rf"|(?P<h2>{_HOUR})\s*{_HALF_DAY.replace('half', 'half2')}"
    rf"|(?P<part>half\s+past|(?:a\s+)?quarter\s+past|(?:a\s+)?quarter\s+to)\s+(?P<h3>{_HOUR})"
    rf"|(?P<h4>{_HOUR})\s*o'?\s?clock"
    r"|(?P<name>noon|midday|midnight)"
    r")(?![\w:])"
    rf"|\b(?:at|@)\s+(?P<h5>{_HOUR})(?:\.(?P<m5>\d{{2}}))?(?![\w:./-])"
)
_DAY_PART = re.compile(
    r"\b(?:(?:in|at|during|this)\s+)?(?:the\s+)?(?P<part>morning|afternoon|evening|night|tonight)\b"
)
_RELATIVE = re.compile(
    r"^in\b.*\d.*\b(?P<unit>seconds?|secs?|minutes?|mins?|hours?|hrs?|days?|weeks?|months?|years?)$"
)
_EXACT_UNITS = ("sec", "min", "hour", "hr")
_REWRITTEN = (
    (re.compile(r"\b(\d+|an?|one)\s+hours?\s+and\s+a\s+half\b"), lambda m: _hours_and_half(m[1])),
    (re.compile(r"\bhalf\s+an?\s+hour\b|\ba\s+half\s+hour\b"), lambda _: "30 minutes"),
    (re.compile(r"\ba\s+quarter\s+of\s+an\s+hour\b"), lambda _: "15 minutes"),
    (re.compile(r"\ba\s+couple\s+of\b"), lambda _: "2"),
    (re.compile(r"\b(?:an?)\s+(?=(?:second|minute|hour|day|week|month|year)\b)"), lambda _: "1 "),
    (
        re.compile(rf"\b({'|'.join(_HOURS)})\s+(?=(?:second|minute|hour|day|week|month|year)s?\b)"),
        lambda m: f"{_HOURS.index(m[1]) + 1} ",
    ),
)


def moment_meant(words: str, now_s: float) -> float:
    """The moment that ``words`` mean in local time, as Unix time.

    Raises:
        ToolRetryError: they mean none, or more than one, or one that is over or too far off.
    """
    text = " ".join(words.lower().replace("’", "'").split()).strip(" .,;!?\"'")
    if text.endswith(" ago"):
        raise ToolRetryError(f"{words!r} is over. Name a time to come.")
    found_s = _iso(text)
    if found_s is None:
        found_s = _after(text, now_s)
    if found_s is None:
        found_s = _on_a_day(text, words, now_s)
    if found_s <= now_s:
        raise ToolRetryError(
            f"{words!r} would be {in_words(found_s)}, which is over; it is now "
            f"{in_words(now_s)}. Name a time to come, with its day."
        )
    if found_s > now_s + MOST_YEARS * 366 * 86_400:
        raise ToolRetryError(f"{words!r} is more than {MOST_YEARS} years away.")
    return found_s


def in_words(at_s: float) -> str:
    """A moment in local time, to the minute, such as ``Thursday 18 March 2027, 09:00``."""
    at = datetime.fromtimestamp(at_s)
    return f"{at:%A} {at.day} {at:%B %Y, %H:%M}"


def _iso(text: str) -> float | None:
    """An ISO date with a time; without an offset it is local."""
    if not re.match(r"\d{4}-?\d{2}-?\d{2}[t ]\d{2}", text):
        return None
    try:
        return datetime.fromisoformat(text.upper()).timestamp()
    except (ValueError, OverflowError, OSError):
        return None


def _after(text: str, now_s: float) -> float | None:
    """Something like "in 2 hours"; ``None`` if it is nothing of the kind, or has a time of day."""
    if text.endswith(" from now"):
        text = f"in {text.removesuffix(' from now').removeprefix('in ')}"
    for pattern, rewritten in _REWRITTEN:
        text = pattern.sub(rewritten, text)
    found = _RELATIVE.fullmatch(text)
    if found is None or _CLOCK.search(text):
        return None
    now = datetime.fromtimestamp(now_s)
    then = span_from(text, now)
    if then is None:
        return None
    if found["unit"].startswith(_EXACT_UNITS):
        # Two hours are two hours, also in the night when the clocks are changed.
        return now_s + (then - now).total_seconds()
    return then.timestamp()


def _on_a_day(text: str, words: str, now_s: float) -> float:
    clock = _CLOCK.search(text)
    rest = f"{text[: clock.start()]} {text[clock.end() :]}" if clock else text
    part = _DAY_PART.search(rest)
    if part:
        is_tonight = part["part"] in ("tonight", "night") or "this" in part[0]
        rest = f"{rest[: part.start()]} {'today' if is_tonight else ''} {rest[part.end() :]}"
    rest = re.sub(r"\b(?:on|at|by|for|around|about)\b|,", " ", rest)
    rest = " ".join(rest.replace("today today", "today").split()).strip(".")
    today = datetime.fromtimestamp(now_s).date()
    day = _day(rest, words, today)
    if clock is None and day is None:
        raise _not_understood(words)
    if clock is None:
        raise ToolRetryError(
            f'{words!r} has no time of day. Add one, such as "at 9:00", or ask the user.'
        )
    at = _time(clock, part["part"] if part else "", words, has_day=day is not None)
    if at is None:  # midnight without a day: the next one
        return datetime.combine(today + timedelta(days=1), time_of_day()).timestamp()
    return datetime.combine(day or today, at).timestamp()


def _time(clock: re.Match[str], part: str, words: str, *, has_day: bool) -> time_of_day | None:
    if clock["name"]:
        if clock["name"] != "midnight":
            return time_of_day(12)
        if has_day:
            raise ToolRetryError(
                f"{words!r} may be the beginning or the end of that day; say 00:00 or 23:59."
            )
        return None
    said = next(clock[n] for n in ("hour", "h2", "h3", "h4", "h5") if clock[n])
    hour = int(said) if said.isdigit() else _HOURS.index(said) + 1
    minute = int(clock["minute"] or clock["m5"] or 0)
    half = clock["half"] or clock["half2"] or _half_of(part, hour)
    if half and not 1 <= hour <= 12:
        half = ""
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    elif not said.startswith("0") and 1 <= hour < _SURE_FROM:
        raise ToolRetryError(
            f"{words!r} may be in the morning or in the afternoon; say which of the two, with "
            "am or pm or on the 24-hour clock, or ask the user."
        )
    shift = (clock["part"] or "").replace("a ", "")
    if shift.startswith("half"):
        minute = 30
    elif shift:
        minute = 15 if shift.endswith("past") else 45
        hour -= not shift.endswith("past")
    if not (0 <= hour < 24 and minute < 60):
        raise _not_understood(words)
    return time_of_day(hour, minute)


def _half_of(part: str, hour: int) -> str:
    """Which half of the day "in the evening" and the like mean."""
    if part in ("afternoon", "evening", "tonight") or (part == "night" and hour >= _SURE_FROM):
        return "p"
    return "a" if part == "morning" else ""


def _day(text: str, words: str, today: date) -> date | None:
    """The day that is named; ``None`` where none is."""
    if not text:
        return None
    spoken = next((t for t in (f"in {text}", text) if _RELATIVE.fullmatch(t)), text)
    for pattern, rewritten in _REWRITTEN:
        spoken = pattern.sub(rewritten, spoken)
    if (span := _RELATIVE.fullmatch(spoken)) and span["unit"].startswith(_EXACT_UNITS):
        raise ToolRetryError(f"{words!r} has both a span and a time of day; give one of them.")
    found = find_date(spoken, today)
    if found is None:
        raise _not_understood(words)
    return found.day


def _hours_and_half(count: str) -> str:
    hours = int(count) if count.isdigit() else 1
    return f"{hours} hours and 30 minutes"


def _not_understood(words: str) -> ToolRetryError:
    return ToolRetryError(f"{words!r} is not understood as a time. Write it like {_EXAMPLES}.")
