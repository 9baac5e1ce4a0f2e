"""Durations as people write them: ``38 ms``, ``12.5 s``, ``6 min 34 s``.

Owns the text form only. Inside the program a duration is always a ``float`` of seconds.
"""

from __future__ import annotations

_MINUTE_S, _HOUR_S = 60, 3600


def format_seconds(seconds: float) -> str:
    """What was measured, or a limit: ``5.3 ms``, ``38 ms``, ``0.55 s``, ``6 min 34 s``.

    Below a minute rounded to two digits or more, above it to whole seconds, and from an hour
    on to whole minutes. Parts that are 0 at the end are left out.
    """
    if seconds < 0.1:
        return f"{_number(seconds * 1000, 1 if seconds < 0.01 else 0)} ms"
    if seconds < 59.95:
        return f"{_number(seconds, 2 if seconds < 10 else 1)} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return _parts((minutes, "min"), (rest, "s"))
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return _parts((hours, "h"), (minutes, "min"))
    return _parts((hours // 24, "days"), (hours % 24, "h"))


def about_seconds(seconds: float) -> str:
    """An estimate, in one unit and at least ``1 s``: ``43 s``, ``9 min``, ``1.6 h``, ``120 h``."""
    if seconds < 1.5 * _MINUTE_S:
        return f"{max(1, round(seconds))} s"
    if seconds < 1.5 * _HOUR_S:
        return f"{round(seconds / _MINUTE_S)} min"
    hours = seconds / _HOUR_S
    return f"{hours:.1f} h" if hours < 9.95 else f"{hours:,.0f} h"


def _number(value: float, digits: int) -> str:
    """With at most so many ``digits`` after the point."""
    return str(round(value, digits)).removesuffix(".0")


def _parts(first: tuple[int, str], rest: tuple[int, str]) -> str:
    return " ".join(f"{number} {unit}" for number, unit in (first, rest) if number)
