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
    examples=(
        "what are the mean and median of 3, 5 and 12?",
        "give me the standard deviation of these numbers: 4 8 15 16 23 42",
        "average of 71, 64, 88 and 90",
        "work out the quartiles for 2, 7, 7, 9, 13, 20",
        "statistics of 1.5, 2.5 and 9",
        "what's the variance of 10, 12, 11, 15",
        "my run times were 31, 29, 33, 30 minutes, how do they average out?",
        "please find the smallest, largest and middle value of 40, 12, 55, 8",
        "how spread out are these measurements: 0.9 1.1 1.0 1.4",
        "sum, mean and stdev for 100 250 75 310",
    ),
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
    examples=(
        "give me a random number between 1 and 100",
        "roll two dice",
        "pick three random numbers from 1 to 49",
        "flip a coin for me, 0 or 1",
        "throw a d20",
        "choose any number from 10 to 50 at random",
        "can you draw six lottery numbers up to 45?",
        "I need a random four digit number",
        "who starts? draw a number from 1 to 5",
        "roll the dice",
    ),
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
