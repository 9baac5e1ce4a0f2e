"""Measures: a number with a unit, turned into another unit.

Owns how people name units and which conversions make sense. The definitions are
pint's; its registry takes half a second to load, so it is loaded at the first
conversion and kept.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING

from airunner.errors import ToolFailedError, ToolRetryError
from airunner.errors.base import alike
from airunner.toolbox.math.numbers.numerals import as_text

if TYPE_CHECKING:
    from pint import Quantity, Unit, UnitRegistry

TASK = "convert_units"
"""The tool in whose name failures are told."""

_PRECISION = 8
_LONGEST = 60
_LITRES_PER_100_KM = "liter_per_100km"
_OWN_DEFINITIONS = (
    # pint's acre is made of survey feet, which were retired in 2022.
    "international_acre = 4046.8564224 * meter ** 2",
    f"{_LITRES_PER_100_KM} = 0.01 * liter / kilometer",
    "metric_cup = 0.25 * liter",
)
_ALIASES = {
    "c": "degree_Celsius",
    "f": "degree_Fahrenheit",
    "k": "kelvin",
    "centigrade": "degree_Celsius",
    "sqm": "meter ** 2",
    "sqft": "foot ** 2",
    **dict.fromkeys(("acre", "acres", "ac"), "international_acre"),
    **dict.fromkeys(("kph", "kmh", "kmph"), "kilometer / hour"),
    "cc": "centimeter ** 3",
    "fl oz": "fluid_ounce",
    "fl. oz": "fluid_ounce",
    "lbs": "pound",
    "mpg": "mile / gallon",
    "uk mpg": "mile / imperial_gallon",
    **dict.fromkeys(("ft lb", "ft-lb", "ft lbs"), "foot_pound"),
    "ly": "light_year",
    "nmi": "nautical_mile",
    "ps": "metric_horsepower",
    "bhp": "horsepower",
    # In capitals pint would read these as megalitres, megamolars and the like.
    **{unit: unit for unit in ("mm", "cm", "km", "mg", "kg", "ml", "ft", "in", "yd", "mi", "oz")},
}
"""Names that pint does not know, or reads as something rarer; in lower case."""

_DEGREES = re.compile(r"(?:degrees?|degs?\.?|°)\s*(c|f|k|celsius|fahrenheit|centigrade|kelvin)")
_PER_100_KM = re.compile(r"(?:l|lit(?:er|re)s?)\s*(?:/|per)\s*100\s*(?:km|kilomet(?:er|re)s)")
_COUNTRY = re.compile(r"(?P<country>imperial|uk|british|us|american)\s+(?P<unit>[a-z. ]+)")
_POWER = re.compile(r"(?<=[A-Za-z])([23])(?!\w)")
_NAME = r"(?:[%°]|°?[^\W\d]+)(?:\s?(?:\^|\*\*)\s?-?\d(?![\d.])|[²³])?"
_PRODUCT = re.compile(rf"{_NAME}(?:(?:\s*[*·/]\s*|\s){_NAME})*")
"""Names, each with a power of one digit at most: pint would work out m^9^9^9."""

_VOLUME = {"[length]": 3}
_US = "Cups, pints, gallons and the like are those of the US; say imperial pint for the British."
_NOTES = {
    **dict.fromkeys(("cup", "pint", "quart", "gallon", "fluid_ounce"), _US),
    "ton": "A ton here is the US one of 2,000 pounds; say tonne for 1,000 kg.",
    **dict.fromkeys(("month", "year"), "A year here has 365.25 days and 12 equal months."),
}


def convert(value: float, from_unit: str, to_unit: str) -> str:
    """``value`` of one unit in another, as text: "5 miles = 8.04672 km".

    Raises:
        ToolRetryError: a unit is not known; the message has similar names.
        ToolFailedError: the units measure different things.
    """
    from pint.errors import PintError

    source, target = _unit(from_unit), _unit(to_unit)
    if not source.is_compatible_with(target):
        source, target = _as_fluid(source, target), _as_fluid(target, source)
    given = _registry().Quantity(value, source)
    try:
        result = float(_converted(given, target).magnitude)
    except (PintError, OverflowError):
        raise ToolFailedError(TASK, _mismatch(from_unit, source, to_unit, target)) from None
    except ZeroDivisionError:
        raise ToolFailedError(TASK, f"0 {from_unit} has no value in {to_unit}") from None
    if not math.isfinite(result):
        raise ToolFailedError(TASK, f"{value:g} {from_unit} is too much to convert")
    if source.dimensionality == {"[temperature]": 1} and given.to("kelvin").magnitude < -1e-9:
        raise ToolFailedError(TASK, f"{value:g} {from_unit} is below absolute zero")
    written, _ = as_text(result, _PRECISION)
    known, _ = as_text(Fraction(repr(value)))
    sign = "=" if math.isclose(result, float(f"{result:.{_PRECISION}g}"), rel_tol=1e-13) else "≈"
    return f"{known} {from_unit} {sign} {written} {to_unit}" + _note(
        {from_unit: source, to_unit: target}
    )


@cache
def _registry() -> UnitRegistry:
    from pint import UnitRegistry

    registry = UnitRegistry(cache_folder=None)
    for definition in _OWN_DEFINITIONS:
        registry.define(definition)
    return registry


def _converted(given: Quantity, target: Unit) -> Quantity:
    """To ``target``, or to what it is one over of: litres per 100 km in miles per gallon."""
    if not given.units.dimensionless and (given.units * target).dimensionless:
        return (1 / given).to(target)
    return given.to(target)


def _unit(text: str) -> Unit:
    """The unit that people call ``text``."""
    from tokenize import TokenError

    from pint.errors import PintError

    name = " ".join(text.split()).strip(" .")
    lower = name.lower()
    typed = _POWER.sub(r"^\1", name)
    if alias := _alias(lower):
        spellings = [alias]
    elif len(typed) <= _LONGEST and _PRODUCT.fullmatch(typed):
        spellings = [typed, typed.lower(), lower.replace(" ", "_")]
    else:
        spellings = []
    for spelling in spellings:
        try:
            return _registry().parse_units(spelling)
        except (PintError, TokenError, ValueError, TypeError, AttributeError, SyntaxError):
            continue
    raise _unknown(text)


def _alias(lower: str) -> str | None:
    if lower in _ALIASES:
        return _ALIASES[lower]
    if found := _DEGREES.fullmatch(lower):
        return _ALIASES[found[1][0]]
    if _PER_100_KM.fullmatch(lower):
        return _LITRES_PER_100_KM
    if found := _COUNTRY.fullmatch(lower):
        unit = _ALIASES.get(found["unit"], found["unit"].replace(" ", "_"))
        return unit if found["country"] in ("us", "american") else f"imperial_{unit}"
    return None


def _as_fluid(unit: Unit, other: Unit) -> Unit:
    """Ounces beside a volume are fluid ounces."""
    registry = _registry()
    if unit == registry.ounce and other.dimensionality == _VOLUME:
        return registry.Unit("fluid_ounce")
    return unit


def _unknown(text: str) -> ToolRetryError:
    close = alike(text.lower(), [*_ALIASES, *_registry()], 3)
    hint = f"Did you mean {' or '.join(close)}?" if close else "Write it like km, lb or °F."
    return ToolRetryError(f"There is no unit {text[:_LONGEST]!r}. {hint}")


def _mismatch(from_unit: str, source: Unit, to_unit: str, target: Unit) -> str:
    advice = ""
    if {"[mass]": 1} in (source.dimensionality, target.dimensionality) and _VOLUME in (
        source.dimensionality,
        target.dimensionality,
    ):
        advice = "; that depends on what is measured: a cup of flour is lighter than one of water"
    return f"{from_unit} measures {_kind(source)} and {to_unit} {_kind(target)}{advice}"


def _kind(unit: Unit) -> str:
    return str(unit.dimensionality).translate(str.maketrans("", "", "[]"))


def _note(units: Mapping[str, Unit]) -> str:
    """What has to be known of units that mean different things in different places."""
    notes = {
        _NOTES[name]: None
        for text, unit in units.items()
        if not _COUNTRY.fullmatch(text.lower())
        for name in str(unit).split(" ")
        if name in _NOTES
    }
    return "".join(f"\n{note}" for note in notes)
