"""Arithmetic, units and numbers in words are taken out of a message."""

from __future__ import annotations

from typing import Any

import pytest

from airunner.guided.marks.table import marks_of
from airunner.guided.number_words import with_digits
from airunner.guided.request import split_request
from airunner.toolbox.math.calculation_tools import calculate, convert_units
from airunner.tools.tool import Tool


def said(tool: Tool, message: str) -> dict[str, str]:
    """The arguments that the user's own words give, as for a guided model."""
    request = split_request(message)
    taken = {name: mark.take(request, "") for name, mark in marks_of(tool).items()}
    return {name: value for name, value in taken.items() if value is not None}


def answer(tool: Tool, message: str) -> Any:
    return tool.start(tool.validate(said(tool, message)))


@pytest.mark.parametrize(
    ("message", "wanted"),
    [
        ("What is 12 times 9?", "12 * 9"),
        ("how much is 15% of 80?", "15% of 80"),
        ("please compute (3+4)*2 for me", "(3+4)*2"),
        ("If 3 + 4 is seven, what is 12 * 34?", "12 * 34"),
        ("what's the average of 4, 8 and 15?", "mean(4, 8, 15)"),
        ("how much is 5 factorial", "5!"),
        ("I paid 20 x 3.50, how much is that", "20 x 3.50"),
        ("what is two plus two", "2 + 2"),
        ("Tell me a joke", None),
        ("I have 2 cats", None),
        ("-5", None),
        ("I was born on 1990-05-12", None),
        ("call 555-123-4567", None),
        ("the meaning of life", None),
    ],
)
def test_the_arithmetic_is_taken_out_of_a_message(message: str, wanted: str | None) -> None:
    assert said(calculate, message).get("expression") == wanted


def test_a_guided_model_needs_to_decode_nothing() -> None:
    assert answer(calculate, "how much is 15% of $80?") == "15% * 80 = 12"
    assert answer(convert_units, "convert 5 miles to km") == "5 miles = 8.04672 km"


@pytest.mark.parametrize(
    ("message", "wanted"),
    [
        ("How many cups are in 2 liters?", ("2", "liters", "cups")),
        ("What is 72°F in celsius?", ("72", "°F", "celsius")),
        ("how many feet in a mile", ("1", "mile", "feet")),
        ("how many fluid ounces are there in a cup?", ("1", "cup", "fluid ounces")),
        ("how tall is 5'11\" in cm", ("71", "inches", "cm")),
        ("6 ft 2 in to cm", ("74", "inches", "cm")),
        ("twenty five miles to kilometres", ("25", "miles", "kilometres")),
        ("minus 5 celsius in fahrenheit", ("-5", "celsius", "fahrenheit")),
        ("half a mile in metres please", ("0.5", "mile", "metres")),
        ("1,200 kWh in MJ", ("1200", "kWh", "MJ")),
        ("Translate hello to French", None),
    ],
)
def test_a_conversion_is_taken_out_of_a_message(
    message: str, wanted: tuple[str, str, str] | None
) -> None:
    found = said(convert_units, message)
    expected = dict(zip(("value", "from_unit", "to_unit"), wanted, strict=True)) if wanted else {}
    assert found == expected


def test_numbers_in_words() -> None:
    assert with_digits("Twenty-five and three hundred, 1.5 million") == "25 and 300, 1500000"
    assert with_digits("someone often tents") == "someone often tents"
    assert with_digits("two hundred and six and two and three") == "206 and 2 and 3"


@pytest.mark.parametrize(
    ("message", "wanted"),
    [
        ("what is half of 80?", "(1/2) * 80 = 40"),
        ("the square root of 144", "sqrt(144) = 12"),
        ("divide 100 by 8", "100 / 8 = 12.5"),
        ("subtract five from twelve", "12 - 5 = 7"),
        ("how much is 20% off 50?", "50 - 20% = 40"),
        ("what is two plus three", "2 + 3 = 5"),
        ("twenty five squared, please", "25 ^ 2 = 625"),
        ("what is two million / 4?", "2000000 / 4 = 500,000"),
        ("what's the average of 3, 5 and 10?", "mean(3, 5, 10) = 6"),
    ],
)
def test_arithmetic_in_words_is_calculated(message: str, wanted: str) -> None:
    result = answer(calculate, message).replace("(1 / 2)", "(1/2)")
    assert result == wanted
