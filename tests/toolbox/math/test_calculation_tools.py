"""Calculating, converting, figures about numbers, and chance."""

from __future__ import annotations

import math
import subprocess
import sys
from contextlib import suppress
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airunner.errors import ToolError, ToolFailedError, ToolRetryError
from airunner.toolbox.math.calculation_tools import (
    calculate,
)
from airunner.toolbox.math.numbers.arithmetic import MAX_LENGTH, evaluate
from airunner.toolbox.math.numbers.measures import convert
from airunner.toolbox.math.numbers.numerals import as_text


def result(expression: str) -> str:
    return str(calculate(expression)).partition(" = ")[2]


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("2 + 3 * 4", "14"),
        ("0.1 + 0.2", "0.3"),
        ("12 x 7", "84"),
        ("12x7", "84"),
        ("3 × (4 − 2) ÷ 2", "3"),
        ("2^10", "1,024"),
        ("2 ** 10", "1,024"),
        ("-2^2", "-4"),
        ("2^-1", "0.5"),
        ("7 // 2", "3"),
        ("17 % 5", "2"),
        ("mod(17, 5)", "2"),
        ("1,234.5 * 2", "2,469"),
        ("$1,200 / 16", "75"),
        ("15% of 80", "12"),
        ("15 percent of 80", "12"),
        ("200 + 10%", "220"),
        ("100 - 20% - 10%", "72"),
        ("5% + 3%", "0.08"),
        ("50% x 20", "10"),
        ("√16", "4"),
        ("sqrt 16 + 9", "13"),
        ("√(1/4)", "0.5"),
        ("8^(1/3)", "2"),
        ("5!", "120"),
        ("3!!", "720"),
        ("2(3+4)", "14"),
        ("max(3, 5)", "5"),
        ("gcd(12,180)", "12"),
        ("gcd(12, 18) + 1,234", "1,240"),
        ("median(1, 9, 2)", "2"),
        ("log(1000)", "3"),
        ("log(8, 2)", "3"),
        ("ln(e)", "1"),
        ("sin(pi)", "0"),
        ("round(2.5)", "3"),
        ("round(3.14159, 2)", "3.14"),
        ("floor(-2.5)", "-3"),
        ("1/7*7", "1"),
        ("comb(49, 6)", "13,983,816"),
        ("(-1)^1000000000", "1"),
        ("123456789 * 987654321", "121,932,631,112,635,269"),
        ("7 * 8 =", "56"),
        ("∛27", "3"),
        ("mean(3, 5, 10)", "6"),
        ("(1 + 2)! * (5)%", "0.3"),
    ],
)
def test_what_people_type_is_calculated_exactly(typed: str, wanted: str) -> None:
    assert result(typed) == wanted


def test_what_cannot_be_exact_is_rounded_and_says_so() -> None:
    assert calculate("1/3") == "1 / 3 ≈ 0.333333333333"
    assert calculate("√2") == "sqrt(2) ≈ 1.41421356237"
    assert calculate("2^1000") == "2 ^ 1000 ≈ 1.07150860719e301 (302 digits)"
    assert calculate("1.0001^100000").endswith("≈ 22,015.4560485")


def test_the_result_shows_how_the_expression_was_read() -> None:
    assert calculate("15% of 80") == "15% * 80 = 12"
    assert calculate("max(1,234, 5)") == "max(1, 234, 5) = 234"
    assert "…" in calculate("+".join(["1"] * 190))


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("foo(3)", "'foo' is not understood"),
        ("__import__('os')", "not understood"),
        ("(1).__class__", "not understood"),
        ("x", "'x' is not understood"),
        ("3,5", "3.5"),
        ("1,23,456", "comma"),
        ("5 7", "between 5 and 7"),
        ("(2 + 3", "never closed"),
        ("2 + 3)", "cannot be read"),
        ("3 +", "ends where a number should follow"),
        ("", "empty"),
        ("max()", "cannot be read"),
        ("gcd(4)", "gcd takes 2 to 100 numbers"),
        ("---3", "signs"),
        ("1" * (MAX_LENGTH + 1), "in steps"),
        ("2 < 3", "'<' is not understood"),
    ],
)
def test_what_is_not_understood_is_named(typed: str, told: str) -> None:
    with pytest.raises(ToolRetryError) as raised:
        calculate(typed)
    assert told in str(raised.value)


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("9**9**9", "too large"),
        ("9^9^9^9", "too large"),
        ("factorial(10**9)", "up to 1,000"),
        ("factorial(factorial(factorial(9)))", "up to 1,000"),
        ("comb(10^9, 10^8)", "up to 1,000"),
        ("1e999999999", "too large"),
        ("1e300^1e300", "too large"),
        ("exp(1000)", "too large"),
        ("10/0", "division by zero"),
        ("10 % 0", "division by zero"),
        ("0^-1", "division by zero"),
        ("sqrt(-1)", "no value that is a real number"),
        ("(-8)^(1/3)", "no real number"),
        ("log(0)", "no value that is a real number"),
        ("tan 90°", "no value"),
        ("asin(2)", "no value that is a real number"),
        ("factorial(2.5)", "whole numbers"),
        ("0.001^1000000000", "too small"),
        ("(" * 100 + "1" + ")" * 100, "nested too deeply"),
        ("abs(" * 60 + "1" + ")" * 60, "nested too deeply"),
    ],
)
def test_what_has_no_bearable_result_is_refused(typed: str, told: str) -> None:
    with pytest.raises(ToolFailedError) as raised:
        calculate(typed)
    assert told in str(raised.value)


@given(st.text(alphabet="0123456789.,+-*/^%!()°√ xeπsqrtlnmaxof", max_size=60))
def test_any_text_gives_a_result_or_an_error_of_ours(typed: str) -> None:
    with suppress(ToolError):
        calculate(typed)


@given(st.lists(st.tuples(st.sampled_from("+-*"), st.integers(0, 10**6)), max_size=30))
def test_whole_numbers_agree_with_python(steps: list[tuple[str, int]]) -> None:
    expression = "7" + "".join(f" {sign} {number}" for sign, number in steps)
    assert evaluate(expression).value == Fraction(eval(expression))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_can_be_written(value: float) -> None:
    text, is_exact = as_text(value)
    number = float(text.replace(",", "").replace("almost 0", "0"))
    assert math.isclose(number, value, rel_tol=1e-11, abs_tol=1e-320)
    assert not is_exact or number == value


@pytest.mark.parametrize(
    ("value", "source", "target", "wanted"),
    [
        (5, "miles", "km", "5 miles = 8.04672 km"),
        (72, "°F", "°C", "72 °F ≈ 22.222222 °C"),
        (20, "C", "F", "20 C = 68 F"),
        (98.6, "degrees fahrenheit", "celsius", "98.6 degrees fahrenheit = 37 celsius"),
        (0, "celsius", "kelvin", "0 celsius = 273.15 kelvin"),
        (1, "inch", "cm", "1 inch = 2.54 cm"),
        (5, "KG", "grams", "5 KG = 5,000 grams"),
        (3, "m2", "cm^2", "3 m2 = 30,000 cm^2"),
        (10, "km/h", "m/s", "10 km/h ≈ 2.7777778 m/s"),
        (1, "kWh", "MJ", "1 kWh = 3.6 MJ"),
        (1, "GB", "MB", "1 GB = 1,000 MB"),
        (1, "uk pint", "ml", "1 uk pint = 568.26125 ml"),
        (1, "acre", "m²", "1 acre ≈ 4,046.8564 m²"),
        (50, "Hz", "s", "50 Hz = 0.02 s"),
        (2, "light years", "km", "2 light years ≈ 18,921,460,945,162 km"),
    ],
)
def test_units_by_the_names_people_use(value: float, source: str, target: str, wanted: str) -> None:
    assert convert(value, source, target) == wanted


def test_a_unit_that_differs_between_countries_is_explained() -> None:
    assert convert(2, "litres", "cups").startswith("2 litres ≈ 8.4535057 cups\nCups, pints")
    assert "365.25 days" in convert(1, "year", "days")
    assert "2,000 pounds" in convert(1, "ton", "kg")


def test_ounces_beside_a_volume_are_fluid_ounces() -> None:
    assert convert(8, "oz", "ml").startswith("8 oz ≈ 236.58824 ml")
    assert convert(8, "oz", "g").startswith("8 oz ≈ 226.79619 g")


def test_fuel_use_goes_both_ways() -> None:
    assert convert(30, "mpg", "l/100km").startswith("30 mpg ≈ 7.8404861 l/100km")
    assert convert(8, "litres per 100 km", "mpg").startswith("8 litres per 100 km ≈ 29.401823")
    with pytest.raises(ToolFailedError, match="no value"):
        convert(0, "mpg", "l/100km")


def test_units_that_do_not_fit_or_are_unknown() -> None:
    with pytest.raises(ToolFailedError, match="kg measures mass and m length"):
        convert(1, "kg", "m")
    with pytest.raises(ToolFailedError, match="depends on what is measured"):
        convert(1, "cup", "g")
    with pytest.raises(ToolRetryError, match="Did you mean mile"):
        convert(1, "milse", "km")
    with pytest.raises(ToolRetryError, match="no unit 'euros'"):
        convert(1, "euros", "dollars")
    with pytest.raises(ToolFailedError, match="below absolute zero"):
        convert(-500, "C", "K")
    with pytest.raises(ToolFailedError, match="too much"):
        convert(1e308, "km", "mm")


@pytest.mark.parametrize("unit", ["m^9^9^9", "m**99999", "__import__('os')", "(m", "m//", "", "."])
def test_a_unit_is_never_evaluated(unit: str) -> None:
    with pytest.raises(ToolRetryError, match="no unit"):
        convert(1, unit, "m")


@given(st.text(alphabet="abcmskgin°/*^. 23²µ%_·-('é", min_size=1, max_size=12))
def test_any_unit_gives_a_result_or_an_error_of_ours(unit: str) -> None:
    with suppress(ToolError):
        convert(1, unit, "m")


def test_pint_is_loaded_with_the_first_conversion_only() -> None:
    code = (
        "import sys, airunner.toolbox.math.calculation_tools as t;"
        "assert 'pint' not in sys.modules;"
        "print(t.convert_units(1, 'km', 'm'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1 km = 1,000 m"
