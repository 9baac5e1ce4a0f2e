"""Tools that calculate: expressions and units."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field

from airunner.toolbox.math.numbers.arithmetic import PERCENT, evaluate
from airunner.toolbox.math.numbers.arithmetic_words import (
    MAX_LENGTH,
    ArithmeticSaid,
    read_arithmetic,
)
from airunner.toolbox.math.numbers.measure_words import ConversionSaid
from airunner.toolbox.math.numbers.measures import convert
from airunner.toolbox.math.numbers.numerals import as_text
from airunner.tools.tool import tool

_SHOWN_READING = 200


@tool(
    permission="read",
    examples=(
        "what is 12 times 9",
        "work out 3 * (4 + 5) - 7",
        "how much is 15% of 80?",
        "what's the square root of 144",
        "2 to the power of 10",
        "can you divide 1,250 by 7 for me?",
        "how much do I pay for 64.90 with 20 percent off",
        "add up 18.50, 7.25 and 99",
        "if I split 186 dollars between 4 people, how much is it each",
        "please multiply 37 by 58 and subtract 200",
    ),
)
def calculate(
    expression: Annotated[str, Field(min_length=1, max_length=MAX_LENGTH), ArithmeticSaid()],
) -> str:
    """Work out an arithmetic expression exactly.

    Args:
        expression: what to work out, such as (2 + 3) * 4, 15% of 80 or sqrt(2).
    """
    value, reading = evaluate(read_arithmetic(expression))
    shown = re.sub(rf"{PERCENT}\(([^()]*)\)", r"\1%", reading.replace("'", "").replace("**", "^"))
    if len(shown) > _SHOWN_READING:
        shown = f"{shown[:_SHOWN_READING]}…"
    text, is_exact = as_text(value)
    return f"{shown} {'=' if is_exact else '≈'} {text}"


@tool(
    permission="read",
    examples=(
        "convert 5 miles to km",
        "how many cups are in 2 liters?",
        "what is 72 °F in celsius",
        "350 grams in ounces",
        "how tall is 6 foot 1 in centimetres",
        "my suitcase weighs 23 kg, what's that in pounds?",
        "100 km/h as mph please",
        "the recipe says 180 degrees celsius, what's that in fahrenheit",
        "turn 3.5 hours into minutes",
        "how big is 2 acres in square metres",
    ),
)
def convert_units(
    value: Annotated[float, Field(allow_inf_nan=False), ConversionSaid("value")],
    from_unit: Annotated[str, Field(min_length=1, max_length=60), ConversionSaid("source")],
    to_unit: Annotated[str, Field(min_length=1, max_length=60), ConversionSaid("target")],
) -> str:
    """Convert a measure into another one, such as miles into km or °F into °C.

    Args:
        value: how many of the first unit.
        from_unit: the unit that the value is in, such as miles, °F, kg or cups.
        to_unit: the unit that is wanted.
    """
    return convert(value, from_unit.strip(), to_unit.strip())
