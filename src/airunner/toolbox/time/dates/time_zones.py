"""Which time it is where: in a time zone, at the city it is named after, or in a country.

Owns finding the zone. Zones and the countries they belong to are those of the
``tzdata`` package.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, timezone, tzinfo
from functools import cache
from importlib.resources import files

from airunner.errors import ToolRetryError
from airunner.errors.base import alike
from airunner.toolbox.time.dates.calendar import written
from airunner.tools.normal_form import normalized

_OFFSET = re.compile(
    r"(?:utc|gmt|z)?\s*(?P<sign>[+-])\s*(?P<hours>\d{1,2})(?::?(?P<minutes>\d\d))?"
)
_COUNTRIES = {"us": "united states", "usa": "united states", "uk": "britain (uk)"}
_COUNTRIES |= {"england": "britain (uk)", "great britain": "britain (uk)"}
_MOST_TIMES = 8


def time_in(place: str, now: datetime) -> str:
    """The time at ``place`` as a sentence; of this machine where ``place`` is empty.

    ``now`` has a time zone, which is taken for that of this machine.

    Raises:
        ToolRetryError: no such place is known; the message has similar names.
    """
    wanted = place.strip()
    if _plain(wanted) in ("", "here", "local", "local time"):
        day = now.date()
        return (
            f"It is {now:%H:%M:%S} on {written(day)} here ({_offset(now)}): "
            f"week {day.isocalendar().week}, day {now.timetuple().tm_yday} of the year."
        )
    times: dict[timedelta, str] = {}
    for name, zone in _zones_of(wanted):
        there = now.astimezone(zone)
        times.setdefault(there.utcoffset() or timedelta(), _sentence(name, there, now))
    lines = [times[offset] for offset in sorted(times)]
    if len(lines) == 1:
        return f"In {wanted} it is {lines[0]}."
    left = f"\nand {len(lines) - _MOST_TIMES} more." if len(lines) > _MOST_TIMES else ""
    return f"{wanted} has several times:\n" + "\n".join(lines[:_MOST_TIMES]) + left


def _sentence(name: str, there: datetime, here: datetime) -> str:
    ahead = (there.utcoffset() or timedelta()) - (here.utcoffset() or timedelta())
    if not ahead:
        apart = "the same as here"
    else:
        hours, minutes = divmod(abs(ahead) // timedelta(minutes=1), 60)
        amount = f"{hours} h" + (f" {minutes} min" if minutes else "")
        apart = f"{amount} {'ahead of' if ahead > timedelta() else 'behind'} here"
    known = ", ".join(dict.fromkeys([name, _offset(there)]))
    return f"{there:%H:%M} on {written(there.date())} ({known}, {apart})"


def _offset(moment: datetime) -> str:
    minutes = (moment.utcoffset() or timedelta()) // timedelta(minutes=1)
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'-' if minutes < 0 else '+'}{hours}" + (f":{rest:02}" if rest else "")


def _zones_of(place: str) -> Sequence[tuple[str, tzinfo]]:
    """The zones of a place; a country may have several."""
    from zoneinfo import ZoneInfo

    plain = _plain(place).removesuffix(" time")
    if found := _OFFSET.fullmatch(plain):
        minutes = int(found["hours"]) * 60 + int(found["minutes"] or 0)
        if minutes > 14 * 60:
            raise ToolRetryError(f"{place} is no offset from UTC; they go from -12 to +14.")
        sign = -1 if found["sign"] == "-" else 1
        return [(place, timezone(timedelta(minutes=sign * minutes)))]
    names = _names()
    for spelling in (plain, plain.partition(",")[0]):
        if zones := names.get(_COUNTRIES.get(spelling, spelling)):
            return [(zone, ZoneInfo(zone)) for zone in zones]
    hint = "Name a zone such as America/Los_Angeles, a country, or an offset such as UTC+2."
    if close := alike(plain, names, 3):
        hint = f"Did you mean {' or '.join(name.title() for name in close)}?"
    raise ToolRetryError(f"No time zone is known for {place[:60]!r}. {hint}")


@cache
def _names() -> dict[str, list[str]]:
    """Zones by every name that is understood, in plain spelling."""
    from zoneinfo import available_timezones

    zones = sorted(available_timezones())
    names = {_plain(zone): [zone] for zone in zones}
    for zone in zones:
        area, _, city = zone.rpartition("/")
        if area not in ("", "Etc", "posix", "right"):
            names.setdefault(_plain(city), [zone])
    by_code: dict[str, list[str]] = defaultdict(list)
    # Else Lord Howe Island would speak for Sydney's time.
    for code, _position, zone, *_ in sorted(_rows("zone.tab"), key=_is_of_few):
        by_code[code].append(zone)
    for code, country, *_ in _rows("iso3166.tab"):
        if code in by_code:
            names.setdefault(_plain(country), by_code[code])
    return names


def _is_of_few(row: list[str]) -> bool:
    return "most areas" not in row[-1]


def _rows(table: str) -> Iterator[list[str]]:
    text = files("tzdata.zoneinfo").joinpath(table).read_text(encoding="utf-8")
    return (line.split("\t") for line in text.splitlines() if line and line[0] != "#")


def _plain(name: str) -> str:
    """Lower case, without accents and underscores: "São Paulo" and Sao_Paulo are one."""
    letters = normalized("NFKD", name.replace("_", " ").replace("’", "'"))
    return " ".join("".join(c for c in letters if not unicodedata.combining(c)).lower().split())
