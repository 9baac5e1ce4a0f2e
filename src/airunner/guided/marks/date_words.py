"""Dates, times and places in words of people, told as the tools of ``toolbox.time`` read them.

Owns holidays, ends of months and years, times of day in words, and large cities that no
time zone is named after. A model that calls tools by itself knows these.
"""

from __future__ import annotations

import re
from datetime import date, timedelta

from airunner.guided.number_words import with_digits

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
    **dict.fromkeys(("easter", "easter sunday"), 0),
    "easter monday": 1,
    "pentecost": 49,
    "whit monday": 50,
}
"""Days that move with Easter, in days from its Sunday."""

_END = re.compile(r"(?:the )?end of (?P<which>the|this|next|last) (?P<unit>month|year)")
_TIMES = [
    (re.compile(pattern, re.IGNORECASE), written)
    for pattern, written in (
        (r"\bhalf an hour\b", "30 minutes"),
        (r"\bhalf a minute\b", "30 seconds"),
        (r"\b(an?|1) hour and a half\b", "90 minutes"),
        (r"\bhalf past (\d+)\b", r"at \1:30"),
        (r"\b(?:a )?quarter past (\d+)\b", r"at \1:15"),
        (r"\b(\d+) o'?\s?clock\b", r"at \1"),
        (r"\b(\d\d?)\.(\d\d)(?![./\d])", r"\1:\2"),
        (r"\bat at\b", "at"),
    )
]
_QUARTER_TO = re.compile(r"\b(?:at )?(?:a )?quarter to (\d+)\b", re.IGNORECASE)
_CITIES = {
    "America/New_York": "boston, washington, washington dc, philadelphia, miami, atlanta, est, et",
    "America/Chicago": "houston, dallas, austin, san antonio, new orleans, minneapolis, cst",
    "America/Los_Angeles": "san francisco, seattle, portland, san diego, las vegas, pst, pt",
    "America/Toronto": "ottawa, montreal",
    "America/Sao_Paulo": "rio de janeiro, rio, brasilia",
    "Europe/London": "edinburgh, glasgow, manchester, birmingham, liverpool, scotland, wales",
    "Europe/Berlin": "munich, hamburg, frankfurt, cologne, stuttgart, dresden, leipzig",
    "Europe/Paris": "lyon, marseille, nice, toulouse, bordeaux, strasbourg",
    "Europe/Madrid": "barcelona, valencia, seville",
    "Europe/Rome": "milan, naples, turin, florence, venice",
    "Europe/Zurich": "geneva, basel, bern",
    "Asia/Kolkata": "mumbai, delhi, new delhi, bangalore, bengaluru, chennai, hyderabad, pune",
    "Asia/Shanghai": "beijing, shenzhen, guangzhou",
    "Asia/Tokyo": "osaka, kyoto",
    "Asia/Jerusalem": "tel aviv, haifa",
    "Australia/Sydney": "canberra",
}
_ZONES = {city: zone for zone, cities in _CITIES.items() for city in cities.split(", ")}


def plain_date(words: str, today: date) -> str:
    """``words`` that name a date as the date tools read them: as an ISO date if need be."""
    from dateutil.easter import easter
    from dateutil.relativedelta import relativedelta

    lower = " ".join(words.lower().replace("’", "'").split())
    if lower in HOLIDAYS:
        day = today.replace(month=HOLIDAYS[lower][0], day=HOLIDAYS[lower][1])
        return (day if day >= today else day.replace(year=day.year + 1)).isoformat()
    if lower in FROM_EASTER:
        days = timedelta(days=FROM_EASTER[lower])
        years = (easter(year) + days for year in (today.year, today.year + 1))
        return str(next(day for day in years if day >= today))
    if found := _END.fullmatch(lower):
        ahead = {"next": 1, "last": -1}.get(found["which"], 0)
        if found["unit"] == "year":
            return f"{today.year + ahead}-12-31"
        return str(today + relativedelta(months=ahead, day=31))
    return words


def plain_time(words: str) -> str:
    """``words`` that name a moment as ``set_reminder`` reads them."""
    plain = with_digits(" ".join(words.replace("’", "'").split()))
    for pattern, written in _TIMES:
        plain = pattern.sub(written, plain)
    return _QUARTER_TO.sub(lambda found: f"at {int(found[1]) - 1}:45", plain)


def zone_of(place: str) -> str:
    """The time zone of a large city, or ``place`` itself where it is none of them."""
    return _ZONES.get(place.lower(), place)
