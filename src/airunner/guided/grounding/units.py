"""Units of measure as people write them beside a number.

Owns which units measure the same thing and the factor between them. Full
conversion of units, with everything a user may ask for, is ``measures``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from airunner.guided.words import stem

_TABLE: Mapping[str, Mapping[str, float]] = {
    "length": {
        "nm": 1e-9,
        "mm": 1e-3,
        "millimeter": 1e-3,
        "cm": 1e-2,
        "centimeter": 1e-2,
        "m": 1.0,
        "meter": 1.0,
        "metre": 1.0,
        "km": 1e3,
        "kilometer": 1e3,
        "kilometre": 1e3,
        "inch": 0.0254,
        "ft": 0.3048,
        "foot": 0.3048,
        "feet": 0.3048,
        "yard": 0.9144,
        "mile": 1609.344,
        "mi": 1609.344,
        "centimetre": 1e-2,
        "millimetre": 1e-3,
    },
    "mass": {
        "mg": 1e-6,
        "g": 1e-3,
        "gram": 1e-3,
        "kg": 1.0,
        "kilogram": 1.0,
        "kilo": 1.0,
        "lb": 0.45359237,
        "lbs": 0.45359237,
        "pound": 0.45359237,
        "ounce": 0.0283495,
        "ton": 1e3,
        "tonne": 1e3,
        "milligram": 1e-6,
    },
    "time": {
        "ms": 1e-3,
        "millisecond": 1e-3,
        "s": 1.0,
        "sec": 1.0,
        "second": 1.0,
        "min": 60.0,
        "minute": 60.0,
        "h": 3600.0,
        "hr": 3600.0,
        "hour": 3600.0,
        "day": 86400.0,
        "night": 86400.0,
        "week": 604800.0,
        "month": 2629800.0,
        "year": 31557600.0,
        "yr": 31557600.0,
        "decade": 315576000.0,
    },
    "capacitance": {
        "pF": 1e-12,
        "nF": 1e-9,
        "µF": 1e-6,
        "μF": 1e-6,
        "uF": 1e-6,
        "mF": 1e-3,
        "F": 1.0,
        "farad": 1.0,
        "microfarad": 1e-6,
    },
    "inductance": {
        "nH": 1e-9,
        "µH": 1e-6,
        "μH": 1e-6,
        "uH": 1e-6,
        "mH": 1e-3,
        "H": 1.0,
        "henry": 1.0,
        "henries": 1.0,
        "millihenry": 1e-3,
    },
    "current": {"mA": 1e-3, "A": 1.0, "amp": 1.0, "ampere": 1.0, "milliamp": 1e-3},
    "voltage": {"mV": 1e-3, "V": 1.0, "volt": 1.0, "kV": 1e3},
    "resistance": {"Ω": 1.0, "ohm": 1.0, "kΩ": 1e3},
    "charge": {"C": 1.0, "coulomb": 1.0, "µC": 1e-6, "nC": 1e-9},
    "power": {"W": 1.0, "watt": 1.0, "kW": 1e3, "kilowatt": 1e3, "MW": 1e6},
    "energy": {"J": 1.0, "joule": 1.0, "kJ": 1e3, "kilojoule": 1e3, "cal": 4.184},
    "pressure": {"Pa": 1.0, "pascal": 1.0, "kPa": 1e3, "atm": 101325.0, "atmosphere": 101325.0},
    "frequency": {"Hz": 1.0, "hertz": 1.0, "kHz": 1e3, "MHz": 1e6, "GHz": 1e9, "bpm": 1 / 60},
    "volume": {
        "ml": 1e-6,
        "milliliter": 1e-6,
        "l": 1e-3,
        "L": 1e-3,
        "liter": 1e-3,
        "litre": 1e-3,
        "gallon": 3.785e-3,
        "cup": 2.366e-4,
    },
    "temperature": {"K": 1.0, "kelvin": 1.0},
    "degrees": {"°": 1.0, "°C": 1.0, "°F": 1.0, "degree": 1.0, "celsius": 1.0, "fahrenheit": 1.0},
    "speed": {"m/s": 1.0, "km/h": 1 / 3.6, "mph": 0.44704, "kmh": 1 / 3.6, "knot": 0.514444},
    "acceleration": {"m/s^2": 1.0, "m/s2": 1.0, "m/s²": 1.0},
    "area": {
        "m^2": 1.0,
        "m²": 1.0,
        "sqft": 0.092903,
        "acre": 4046.86,
        "hectare": 1e4,
        "square": 1.0,
    },
    "money": {
        "$": 1.0,
        "€": 1.0,
        "dollar": 1.0,
        "usd": 1.0,
        "euro": 1.0,
        "eur": 1.0,
        "gbp": 1.0,
        "buck": 1.0,
        "yen": 1.0,
        "rupee": 1.0,
    },
    "share": {"%": 1.0, "percent": 1.0},
    "force": {"N": 1.0, "newton": 1.0, "kN": 1e3},
}
_MEASURED: Mapping[str, str] = {
    "length": "length distance height width radius diameter size depth side base altitude "
    "perimeter focal wavelength thick tall mile",
    "mass": "mass weight weigh",
    "time": "time duration period term year month week day hour minute second night age frame",
    "capacitance": "capacitance",
    "inductance": "inductance",
    "current": "current",
    "voltage": "voltage potential",
    "resistance": "resistance",
    "charge": "charge",
    "power": "power",
    "energy": "energy work heat",
    "pressure": "pressure",
    "frequency": "frequency tempo",
    "volume": "volume capacity",
    "temperature": "temperature temp",
    "degrees": "temperature temp angle latitude longitude",
    "speed": "speed velocity",
    "acceleration": "acceleration gravity",
    "area": "area size",
    "money": "price amount cost budget investment income revenue principal deposit value payment "
    "salary fee loan equity dividend payout asset profit expense invest money balance contribution "
    "cash rent",
    "share": "rate percent percentage probability yield return interest ratio growth discount "
    "fraction confidence tax tip margin frequency contribution humidity",
    "force": "force",
}
UNIT_NAMES = frozenset(name for units in _TABLE.values() for name in units)
"""Every unit that is known, as it may stand glued to its number."""

_EXACT = {name: (kind, size) for kind, units in _TABLE.items() for name, size in units.items()}
_STEMS = {stem(name): found for name, found in _EXACT.items() if len(name) > 2}
_KINDS_OF_WORD: dict[str, set[str]] = {}
for _kind, _words in _MEASURED.items():
    for _word in _words.split():
        _KINDS_OF_WORD.setdefault(stem(_word), set()).add(_kind)


def kind_of(unit: str) -> str:
    """What ``unit`` measures; empty if it is no known unit."""
    found = _found(unit)
    return found[0] if found else ""


def kinds_named(stems: Iterable[str]) -> set[str]:
    """What the words of a parameter's name say that it measures."""
    return {kind for word in stems for kind in _KINDS_OF_WORD.get(word, ())}


def factor_to(unit: str, description: str) -> float:
    """By what to multiply a number in ``unit`` to have it as ``description`` wants it; else 1."""
    found = _found(unit)
    if found is None or found[0] in ("money", "share", "degrees", "temperature", "area"):
        return 1.0
    wanted = {
        target[1]
        for word in re.findall(r"[\w/²³^µμΩ]+", description)
        if (target := _found(word)) and target[0] == found[0] and (len(word) > 1 or word in "FHVA")
    }
    return found[1] / wanted.pop() if len(wanted) == 1 else 1.0


def _found(unit: str) -> tuple[str, float] | None:
    return _EXACT.get(unit) or _EXACT.get(unit.lower()) or _STEMS.get(stem(unit.lower()))
