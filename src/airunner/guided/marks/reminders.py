"""The time of a reminder, and what the user wants to be reminded of."""

from __future__ import annotations

import re

from airunner.guided.marks.date_words import plain_time
from airunner.guided.marks.memory import RecordName
from airunner.guided.request import Request
from airunner.guided.user_words import UserWords

_UNIT = r"(?:second|sec|minute|min|hour|hr|day|week|month|year)s?"
_DAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day"
_MONTH = (
    r"(?:january|february|march|april|may|june|july|august|september|october|november|december)"
)
_HOUR = r"(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)\b"
_PIECES = (
    rf"in\s+(?:about\s+)?(?:half\s+)?(?:an?|\d+(?:[.,]\d+)?|\w+)\s+{_UNIT}"
    rf"(?:\s+and\s+(?:a\s+half|\d+\s+{_UNIT}))?",
    r"in\s+half\s+an?\s+hour",
    rf"\w+\s+{_UNIT}\s+from\s+now",
    r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2})?(?:Z|[+-]\d{2}:\d{2})?)?",
    rf"(?:on\s+)?(?:the\s+)?\d{{1,2}}(?:st|nd|rd|th)?\.?\s+(?:of\s+)?{_MONTH}(?:\s+\d{{4}})?",
    rf"(?:on\s+)?{_MONTH}\s+\d{{1,2}}(?:st|nd|rd|th)?(?:,?\s+\d{{4}})?",
    r"(?:on\s+)?\d{1,2}[./]\d{1,2}[./]\d{2,4}",
    rf"(?:on\s+)?(?:next\s+|this\s+)?{_DAY}",
    r"(?:the\s+)?day\s+after\s+tomorrow|tomorrow|today|tonight",
    r"(?:in\s+the|this)\s+(?:morning|afternoon|evening)|morning|afternoon|evening",
    r"(?:at\s+)?\d{1,2}:\d{2}(?:\s*[ap]\.?m\b\.?)?",
    r"(?:at\s+)?\d{1,2}\s*[ap]\.?m\b\.?",
    r"(?:at\s+)?(?:half|quarter)\s+(?:past|to)\s+\w+",
    r"(?:at\s+)?(?:noon|midday|midnight)",
    rf"at\s+(?:\d{{1,2}}|{_HOUR})(?:\s+o'?clock)?",
)
_PIECE = f"(?:{'|'.join(_PIECES)})"
_TIME = re.compile(rf"\b{_PIECE}(?:[\s,]+{_PIECE})*(?!\w)", re.IGNORECASE)
_ASKING = re.compile(
    r"^.*?\b(?:remind\s+me|(?:a|the)\s+reminder|alarm)\b(?:\s+for)?\s*", re.IGNORECASE | re.DOTALL
)
_POLITE = re.compile(r"\s*,?\s*\bplease\b,?", re.IGNORECASE)
_LINK = re.compile(r"^(?:to|that|about|of|for|saying)\b\s*", re.IGNORECASE)


class _TimeSaid(UserWords):
    """The time that the message names, if it names one."""

    def take(self, request: Request, earlier_answer: str) -> str | None:
        """The longest run of words that speak of a time, as the tool reads them."""
        said = _time_in(request.message)
        return plain_time(said) if said else None


def _time_in(message: str) -> str:
    return max((match[0] for match in _TIME.finditer(message)), key=len, default="")


class _Reminded(UserWords):
    """What the user wants to be reminded of: the message without its time and the asking."""

    def take(self, request: Request, earlier_answer: str) -> str | None:
        """The text, or ``None`` if nothing is left."""
        if request.body:
            return request.body
        time = _time_in(request.message)
        text = request.message.replace(time, " ", 1) if time else request.message
        text = " ".join(_ASKING.sub("", _POLITE.sub("", text).strip()).split())
        return _LINK.sub("", text).strip(" .,!?") or None


MARKS = {
    "set_reminder": {"text": _Reminded(), "when": _TimeSaid()},
    "cancel_reminder": {"reminder": RecordName(whole=True)},
}
