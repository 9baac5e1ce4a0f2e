"""Which time it is where: places and zones by the names that people use.

Owns finding a time zone for a city, a country, an abbreviation or an offset.
The zones and the countries they belong to are those of the system's or the
``tzdata`` package's time-zone database.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, timezone, tzinfo
from functools import cache
from importlib.resources import files
from pathlib import Path

from airunner.errors import ToolFailedError, ToolRetryError
from airunner.toolbox.time.dates.calendar import written

_TASK = "current_time"
_AREAS = (
    *("Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic"),
    *("Australia", "Europe", "Indian", "Pacific"),
)
_OFFSET = re.compile(
    r"(?:utc|gmt|z)?\s*(?P<sign>[+-])\s*(?P<hours>\d{1,2})(?::?(?P<minutes>\d\d))?"
)
_CITIES = {
    "America/New_York": "boston, washington, washington dc, philadelphia, miami, atlanta, "
    "florida, new jersey, virginia, et, est, edt, eastern, eastern time, us eastern",
    "America/Chicago": "houston, dallas, austin, san antonio, new orleans, texas, minneapolis, "
    "st louis, ct, cst, cdt, central time, us central",
    "America/Denver": "salt lake city, colorado, utah, mt, mst, mdt, mountain time",
    "America/Los_Angeles": "san francisco, seattle, portland, san diego, las vegas, california, "
    "silicon valley, la, pt, pst, pdt, pacific time, us pacific",
    "Pacific/Honolulu": "hawaii",
    "America/Anchorage": "alaska",
    "America/Toronto": "ottawa, montreal, quebec",
    "America/Vancouver": "british columbia",
    "America/Edmonton": "calgary",
    "America/Sao_Paulo": "rio de janeiro, rio, brasilia",
    "Europe/London": "england, britain, great britain, uk, scotland, wales, northern ireland, "
    "edinburgh, glasgow, manchester, birmingham, liverpool, cardiff, bst",
    "Europe/Berlin": "munich, hamburg, frankfurt, cologne, stuttgart, dresden, leipzig, munchen, "
    "koln, cet, cest, central european time",
    "Europe/Paris": "lyon, marseille, nice, toulouse, bordeaux, strasbourg",
    "Europe/Madrid": "barcelona, valencia, seville",
    "Europe/Rome": "milan, naples, turin, florence, venice, milano, roma",
    "Europe/Zurich": "geneva, basel, bern, lausanne",
    "Europe/Amsterdam": "rotterdam, the hague, holland",
    "Europe/Brussels": "antwerp, ghent",
    "Europe/Warsaw": "krakow, gdansk, wroclaw",
    "Europe/Moscow": "saint petersburg, st petersburg",
    "Europe/Helsinki": "eet, eest",
    "Asia/Kolkata": "mumbai, bombay, delhi, new delhi, bangalore, bengaluru, chennai, hyderabad, "
    "pune, ist",
    "Asia/Shanghai": "beijing, shenzhen, guangzhou, chengdu, wuhan",
    "Asia/Tokyo": "osaka, kyoto, nagoya, sapporo, yokohama, jst",
    "Asia/Seoul": "busan, south korea, korea, kst",
    "Asia/Pyongyang": "north korea",
    "Asia/Dubai": "abu dhabi, uae",
    "Asia/Riyadh": "jeddah, mecca",
    "Asia/Jerusalem": "tel aviv, haifa",
    "Asia/Ho_Chi_Minh": "hanoi",
    "Africa/Johannesburg": "cape town, durban, pretoria",
    "Africa/Lagos": "abuja",
    "Australia/Sydney": "canberra, aest, aedt",
    "Pacific/Auckland": "wellington, christchurch",
    "UTC": "utc, gmt, z, zulu, zulu time, greenwich",
}
"""Places and abbreviations that no zone is named after."""

_COUNTRY_NAMES = {
    "usa": "US",
    "us": "US",
    "u.s.": "US",
    "america": "US",
    "united states of america": "US",
}
_MOST_TIMES = 8


def time_in(place: str, now: datetime) -> str:
    """The time at ``place`` as a sentence; of this machine where ``place`` is empty.

    ``now`` has a time zone, which is taken for that of this machine.

    Raises:
        ToolRetryError: no such place is known; the message has similar names.
        ToolFailedError: this system has no time-zone database.
    """
    wanted = re.sub(r"(?i)^(?:the\s+)?(?:time\s?zone|zone)\s+", "", place.strip())
    if not wanted or _plain(wanted) in ("here", "local", "local time"):
        day = now.date()
        return (
            f"It is {now:%H:%M:%S} on {written(day)} here ({_offset(now)}): "
            f"week {day.isocalendar().week}, day {now.timetuple().tm_yday} of the year."
        )
    zones = _zones_of(wanted)
    times: dict[timedelta, str] = {}
    for name, zone in zones:
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
    """The zones of a place; a country may have several, the best known first."""
    from zoneinfo import ZoneInfo

    plain = _plain(place)
    if found := _OFFSET.fullmatch(plain):
        return [_fixed(found, place)]
    names = _names()
    if not names:
        raise ToolFailedError(
            _TASK, "this system has no time-zone database; install the Python package tzdata"
        )
    for spelling in (plain, plain.partition(",")[0].strip(), plain.removesuffix(" time")):
        if spelling in names:
            return [(name, ZoneInfo(name)) for name in names[spelling]]
    raise _unknown(place, names)


def _unknown(place: str, names: Iterable[str]) -> ToolRetryError:
    from difflib import get_close_matches

    hint = "Name a large city, a country, or a zone such as Europe/Paris or UTC+2."
    if close := get_close_matches(_plain(place), names, n=3, cutoff=0.7):
        hint = f"Did you mean {' or '.join(name.title() for name in close)}?"
    return ToolRetryError(f"No time zone is known for {place[:60]!r}. {hint}")


def _fixed(found: re.Match[str], place: str) -> tuple[str, tzinfo]:
    minutes = int(found["hours"]) * 60 + int(found["minutes"] or 0)
    if minutes > 14 * 60:
        raise ToolRetryError(f"{place} is no offset from UTC; they go from -12 to +14.")
    return place, timezone(timedelta(minutes=-minutes if found["sign"] == "-" else minutes))


@cache
def _names() -> dict[str, list[str]]:
    """Zones by every name that is understood, in plain spelling."""
    from zoneinfo import available_timezones

    zones = available_timezones()
    names: dict[str, list[str]] = {_plain(zone): [zone] for zone in zones}
    for zone in sorted(zones):
        area, _, city = zone.partition("/")
        if area in _AREAS:
            names.setdefault(_plain(city.rpartition("/")[2]), [zone])
    by_code = _zones_by_country()
    for country, code in [*_country_codes().items(), *_COUNTRY_NAMES.items()]:
        if there := [zone for zone in by_code.get(code, ()) if zone in zones]:
            # In the table Lord Howe Island comes before Sydney.
            names.setdefault(_plain(country), sorted(there, key=lambda zone: zone not in _CITIES))
    for zone, places in _CITIES.items():
        if zone in zones:
            names |= {name: [zone] for name in places.split(", ")}
    return names


def _zones_by_country() -> dict[str, list[str]]:
    zones: dict[str, list[str]] = defaultdict(list)
    for code, _position, zone, *_ in _rows_of("zone.tab"):
        zones[code].append(zone)
    return zones


def _country_codes() -> dict[str, str]:
    return {name: code for code, name, *_ in _rows_of("iso3166.tab")}


def _rows_of(table: str) -> list[list[str]]:
    """The rows of a table that comes with the time zones; none where it does not."""
    from zoneinfo import TZPATH

    for folder in TZPATH:
        file = Path(folder, table)
        if file.is_file():
            return _rows(file.read_text(encoding="utf-8"))
    try:
        return _rows(files("tzdata.zoneinfo").joinpath(table).read_text(encoding="utf-8"))
    except (ModuleNotFoundError, FileNotFoundError):
        return []


def _rows(text: str) -> list[list[str]]:
    lines = (line.split("\t") for line in text.splitlines() if not line.startswith("#"))
    return [line for line in lines if len(line) > 1]


def _plain(name: str) -> str:
    """Lower case, without accents and underscores: "São Paulo" and Sao_Paulo are one."""
    letters = unicodedata.normalize("NFKD", name.replace("_", " ").replace("’", "'"))
    return " ".join("".join(c for c in letters if not unicodedata.combining(c)).lower().split())
