"""Tools that calculate: expressions and units."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from airunner.toolbox.math.numbers.arithmetic import MAX_LENGTH, evaluate
from airunner.toolbox.math.numbers.measures import convert
from airunner.toolbox.math.numbers.numerals import as_text
from airunner.tools.tool import tool

_SHOWN_READING = 200


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
    result = evaluate(expression)
    shown = result.text
    if len(shown) > _SHOWN_READING:
        shown = f"{shown[:_SHOWN_READING]}…"
    text, is_exact = as_text(result.value)
    return f"{shown} {'=' if is_exact else '≈'} {text}"


@tool(
    permission="read",
    needs=("pint",),
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
