"""Tools that calculate: expressions, units, figures about numbers, and chance."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from airunner.errors import ToolRetryError
from airunner.toolbox.math.numbers.arithmetic import PERCENT, evaluate
from airunner.toolbox.math.numbers.arithmetic_words import (
    MAX_LENGTH,
    read_arithmetic,
)
from airunner.toolbox.math.numbers.measures import convert
from airunner.toolbox.math.numbers.numerals import as_text
from airunner.tools.tool import tool

_SHOWN_READING = 200
_MOST_NUMBERS = 200
_LARGEST = 10**12


def _listed(value: Any) -> Any:
    """Numbers written as text are a list too, as models like to give them."""
    if not isinstance(value, str):
        return value
    parts = re.split(r"[\s;]+", value.strip(" ,;[]()"))
    if len(parts) == 1:
        return parts[0].split(",")
    return [part.strip(",").replace(",", "") for part in parts]


@tool(
    permission="read",
)
def calculate(
    expression: Annotated[str, Field(min_length=1, max_length=MAX_LENGTH)],
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
)
def convert_units(
    value: Annotated[float, Field(allow_inf_nan=False)],
    from_unit: Annotated[str, Field(min_length=1, max_length=60)],
    to_unit: Annotated[str, Field(min_length=1, max_length=60)],
) -> str:
    """Convert a measure into another one, such as miles into km or °F into °C.

    Args:
        value: how many of the first unit.
        from_unit: the unit that the value is in, such as miles, °F, kg or cups.
        to_unit: the unit that is wanted.
    """
    return convert(value, from_unit.strip(), to_unit.strip())


@tool(
    permission="read",
)
def statistics_of(
    numbers: Annotated[
        list[Annotated[float, Field(allow_inf_nan=False)]],
        BeforeValidator(_listed),
        Field(min_length=1, max_length=_MOST_NUMBERS),
    ],
) -> str:
    """Tell count, sum, mean, median, deviation, extremes and quartiles of a list of numbers.

    Args:
        numbers: the numbers.
    """
    import statistics
    from fractions import Fraction

    # Decimals as they were typed: the sum of 0.1 and 0.2 is 0.3.
    exact = sorted(Fraction(repr(number)) for number in numbers)
    figures = {
        "count": Fraction(len(exact)),
        "sum": sum(exact),
        "mean": statistics.mean(exact),
        "median": statistics.median(exact),
        "minimum": exact[0],
        "maximum": exact[-1],
    }
    if len(exact) > 1:
        lower, _, upper = statistics.quantiles(exact, n=4, method="inclusive")
        figures |= {
            "lower quartile": lower,
            "upper quartile": upper,
            "standard deviation (of a sample, n - 1)": statistics.stdev(exact),
        }
    return "\n".join(f"{name}: {as_text(figure)[0]}" for name, figure in figures.items())


@tool(
    permission="read",
)
def random_number(
    lowest: Annotated[
        int,
        Field(ge=-_LARGEST, le=_LARGEST),
    ] = 1,
    highest: Annotated[
        int,
        Field(ge=-_LARGEST, le=_LARGEST),
    ] = 6,
    count: Annotated[int, Field(ge=1, le=100)] = 1,
) -> str:
    """Draw whole numbers by chance, such as the throw of a die.

    Args:
        lowest: the smallest number that may come out.
        highest: the greatest number that may come out.
        count: how many numbers to draw.
    """
    import random

    if lowest > highest:
        raise ToolRetryError(
            f"lowest is {lowest} and highest {highest}; it has to be the other way."
        )
    chance = random.SystemRandom()
    drawn = [chance.randint(lowest, highest) for _ in range(count)]
    total = f" (sum {sum(drawn):,})" if count > 1 else ""
    return f"Drawn from {lowest} to {highest}: {', '.join(map(str, drawn))}{total}"
