"""The dates, spans of time and places that a message names.

Owns the marks by which the date tools take their arguments from the user's own
words. What a date in words means is for ``date_reader`` to say, and which time
a place has for ``time_zones``.
"""

from __future__ import annotations

import calendar
import re
from datetime import date
from typing import Literal

from airunner.guided.marks.date_words import FROM_EASTER, HOLIDAYS, plain_date, zone_of
from airunner.guided.number_words import with_digits
from airunner.guided.request import Request
from airunner.guided.user_words import Matching, UserWords

_SEARCHED = 1_000
_MONTH = (
    "(?:"
    + "|".join(f"{name[:3]}(?:{name[3:]})?" for name in calendar.month_name[1:])
    + r"|Sept)\.?"
)
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_WEEKDAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day"
_HOLIDAY = "|".join(
    re.escape(name) for name in sorted([*HOLIDAYS, *FROM_EASTER], key=len, reverse=True)
)
_NAMED = (
    r"\d{4}-\d{1,2}-\d{1,2}"
    r"|\d{1,2}[/.-]\d{1,2}[/.-](?:\d{4}|\d\d)"
    rf"|{_DAY}\s+(?:of\s+)?{_MONTH}(?:,?\s+\d{{4}})?"
    rf"|{_MONTH}\s+(?:the\s+)?{_DAY}(?:,?\s+\d{{4}})?"
    r"|(?:the\s+)?day\s+(?:after\s+tomorrow|before\s+yesterday)|today|tomorrow|yesterday"
    rf"|(?:(?:next|last|this|coming)\s+)?{_WEEKDAY}(?:\s+(?:next|last|this)\s+week)?"
    r"|(?:the\s+)?end\s+of\s+(?:the|this|next|last)\s+(?:month|year)"
    rf"|{_HOLIDAY}"
)
_DATE = re.compile(rf"(?<![\w/.-])(?:{_NAMED})(?![\w/-])", re.IGNORECASE)
_SPAN = re.compile(r"\b(?P<number>\d{1,6}|an?)\s+(?P<unit>day|week|fortnight|month|year)s?\b", re.I)
_BACKWARD = re.compile(r"\b(?:ago|before|earlier|prior|subtract|minus|back)\b", re.IGNORECASE)
_ENDING_TODAY = re.compile(r"\b(?:since|ago|passed|gone by|elapsed|old)\b", re.IGNORECASE)
_COUNTING = re.compile(
    r"\b(?:days|weeks|months|years|how (?:long|far)|since|until|till|between)\b", re.IGNORECASE
)
_PLACE = re.compile(
    r"\b(?:in|at|for)\s+(?!(?:the\s+)?(?:moment|home|here|my|me)\b)(?:the\s+)?"
    r"(?P<place>[^\W\d][\w .,'’/:+-]*?)"
    r"(?=\s+(?:right\s+now|now|today|currently|at|please|if|when|is|it)\b|\s*[?!.;,]*$)"
    r"|\b(?!What|Which|Current|Local|The)(?P<before>[A-Z]\w+(?:\s[A-Z]\w+)*)\s+time\b"
)


class DateSaid(Matching):
    """The ``start`` or ``end`` of what a message asks: one date, or a time between two.

    Where days are counted and the message names but one date, the other is today.
    """

    is_subject = True

    def __init__(self, part: Literal["start", "end"]) -> None:
        super().__init__(_NAMED)
        self._part = part

    def take(self, request: Request, earlier_answer: str) -> str | None:
        """The date's words, or ``None``."""
        text, found = _text_of(request), _dates_in(request)
        counts = bool(_COUNTING.search(text))
        if _SPAN.search(with_digits(text)):  # "2 weeks before Christmas"
            found = found[:1]
        elif not counts:  # "was 1 March 2020 a Sunday?"
            plain = [each for each in found if not re.fullmatch(_WEEKDAY, each, re.IGNORECASE)]
            found = (plain or found)[:1]
        elif len(found) == 1:
            found = [found[0], "today"] if _ENDING_TODAY.search(text) else ["today", found[0]]
        place = 0 if self._part == "start" else 1
        return plain_date(found[place], date.today()) if len(found) > place else None


class SpanSaid(UserWords):
    """How many of a unit a message moves by: -3 weeks for "3 weeks before Easter"."""

    is_subject = True

    def __init__(self, unit: Literal["year", "month", "week", "day"]) -> None:
        self._unit = unit

    def take(self, request: Request, earlier_answer: str) -> str | None:
        """The number in digits, or ``None``."""
        text = with_digits(_text_of(request))
        sign = -1 if _BACKWARD.search(text) else 1
        amounts = [
            int(number) if (number := found["number"]).isdigit() else 1
            for found in _SPAN.finditer(text)
            if found["unit"].lower() == self._unit
        ]
        if self._unit == "week":
            amounts += [
                2 * (int(number) if (number := found["number"]).isdigit() else 1)
                for found in _SPAN.finditer(text)
                if found["unit"].lower() == "fortnight"
            ]
        return str(sign * sum(amounts)) if amounts else None


class PlaceSaid(UserWords):
    """The place whose time is asked for."""

    def take(self, request: Request, earlier_answer: str) -> str | None:
        """The place's name, or ``None``."""
        found = list(_PLACE.finditer(_text_of(request)))
        if not found:
            return None
        # "for a friend in Delhi"
        said = str(found[-1]["place"] or found[-1]["before"]).rpartition(" in ")[2].strip()
        return zone_of(said)


def _text_of(request: Request) -> str:
    return " ".join(request.message[:_SEARCHED].split())


def _dates_in(request: Request) -> list[str]:
    return [found[0] for found in _DATE.finditer(_text_of(request).replace("’", "'"))]


MARKS = {
    "current_time": {"place": PlaceSaid()},
    "calculate_date": {
        "start": DateSaid("start"),
        "end": DateSaid("end"),
        "years": SpanSaid("year"),
        "months": SpanSaid("month"),
        "weeks": SpanSaid("week"),
        "days": SpanSaid("day"),
    },
}
