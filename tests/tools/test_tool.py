"""Tools from signatures: schemas, validation, what cannot be a tool."""

from __future__ import annotations

import datetime
import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, cast

import pytest
from pydantic import BaseModel, Field

from airunner.errors import InvalidToolError, ToolArgumentsError, UnknownToolError
from airunner.messages import ToolSchema
from airunner.toolbox.toolset import builtin_toolset
from airunner.tools.schema import bounded, compact, longest_text, without
from airunner.tools.tool import Permission, Tool, text_of, tool
from airunner.tools.toolset import Toolset


class Unit(enum.Enum):
    CELSIUS = "celsius"
    KELVIN = "kelvin"


class Place(BaseModel):
    city: str
    tags: list[str] = []


class Tree(BaseModel):
    children: list[Tree] = []


@tool(name="forecast", permission="network", examples=["what will the weather be?"])
def weather(
    place: Place,
    day: datetime.date,
    unit: Unit = Unit.CELSIUS,
    hours: Annotated[int, Field(ge=1, le=24)] = 12,
    schema: Literal["short", "long"] | None = None,
    api: Any = None,
) -> str:
    """Forecast the weather
    of a place.

    More about it that no model needs.

    Args:
        place: where,
            and nothing else: really.
        day (date): which day.

    Returns:
        day: not a parameter.
    """
    return f"{place.city} {day:%d.%m.} {unit.value} {hours} {schema} {api}"


def test_schema_is_complete_compact_and_hides_the_api() -> None:
    assert weather.schema == ToolSchema(
        "forecast",
        "Forecast the weather of a place.",
        {
            "type": "object",
            "properties": {
                "place": {
                    "type": "object",
                    "properties": {
                        "city": {"type": "string"},
                        "tags": {"type": "array", "items": {"type": "string"}, "default": []},
                    },
                    "required": ["city"],
                    "description": "where, and nothing else: really.",
                },
                "day": {"type": "string", "format": "date", "description": "which day."},
                "unit": {"type": "string", "enum": ["celsius", "kelvin"], "default": "celsius"},
                "hours": {"type": "integer", "minimum": 1, "maximum": 24, "default": 12},
                "schema": {
                    "anyOf": [{"type": "string", "enum": ["short", "long"]}, {"type": "null"}]
                },
            },
            "required": ["place", "day"],
            "additionalProperties": False,
        },
    )
    assert weather.permission == "network"


def test_valid_arguments_reach_the_function_as_typed_values() -> None:
    checked = weather.validate(
        {"place": {"city": "Oslo"}, "day": "2026-05-01", "hours": "3", "schema": "long"}
    )
    assert weather.start(checked, api="A") == "Oslo 01.05. celsius 3 long A"
    assert checked.as_json["hours"] == 3
    assert "unit" not in checked.as_json


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"hours": 25}, "hours"),
        ({"unit": "rankine"}, "unit"),
        ({"place": {}}, "place.city"),
        ({"day": None}, "day"),
        ({"api": "mine"}, "api"),
        ({"wind": True}, "wind"),
    ],
)
def test_wrong_arguments_are_named(change: dict[str, Any], named: str) -> None:
    good = {"place": {"city": "Oslo"}, "day": "2026-05-01"}
    with pytest.raises(ToolArgumentsError, match=named) as caught:
        weather.validate({**good, **change})
    assert caught.value.tool == "forecast"


def test_the_documented_form_is_a_tool_and_still_a_function() -> None:
    @tool
    def my_tool(prompt: str, api: Any = None) -> str:
        """Say it."""
        return f"{prompt} {api}"

    assert list(my_tool.parameters["properties"]) == ["prompt"]
    assert my_tool("hello") == "hello None"
    assert my_tool.start(my_tool.validate({"prompt": "hi"}), 7) == "hi 7"


def numpy_style(a: int, b: int) -> None:
    """Add.

    Parameters
    ----------
    a, b : int
        one of the
        numbers

    Returns
    -------
    int
    """


def sphinx_style(a: int, b: int) -> None:
    """Add.

    :param a: the first
        number
    :param int b: the second
    :returns: nothing
    """


@pytest.mark.parametrize(
    ("function", "a", "b"),
    [
        (numpy_style, "one of the numbers", "one of the numbers"),
        (sphinx_style, "the first number", "the second"),
    ],
)
def test_other_docstring_layouts(function: Callable[..., Any], a: str, b: str) -> None:
    properties = Tool(function).parameters["properties"]
    assert [properties["a"]["description"], properties["b"]["description"]] == [a, b]


def test_what_cannot_be_a_tool_says_why() -> None:
    def undocumented(a: int) -> None: ...

    def untyped(a) -> None:  # type: ignore[no-untyped-def]
        """Do."""

    def variadic(*a: int) -> None:
        """Do."""

    def recursive(tree: Tree) -> None:
        """Do."""

    def callback(function: Callable[[], None]) -> None:
        """Do."""

    def unknown(a: Nowhere) -> None:  # type: ignore[name-defined]  # noqa: F821
        """Do."""

    for function, why in [
        (undocumented, "docstring"),
        (untyped, "needs a type"),
        (variadic, "described"),
    ]:
        with pytest.raises(InvalidToolError, match=why):
            Tool(function)
    for function, why in [
        (recursive, "contains itself"),
        (callback, "CallableSchema"),
        (unknown, "Nowhere"),
    ]:
        with pytest.raises(InvalidToolError, match=why):
            _ = Tool(function).parameters
    with pytest.raises(InvalidToolError, match="begins with a letter"):
        Tool(numpy_style, name="1 tool")
    for permission in ("exec", "", "READ", None):
        with pytest.raises(InvalidToolError, match="one of read, write, network, execute"):
            Tool(numpy_style, permission=cast(Permission, permission))


def test_bounded_schemas_end() -> None:
    schema = compact("t", weather.parameters)
    schema["properties"]["note"] = {"type": "string"}
    end = bounded(schema)["properties"]
    assert end["note"]["maxLength"] > 0
    assert end["place"]["properties"]["tags"]["maxItems"] > 0
    assert "maxLength" not in end["day"]
    (free,) = bounded({"type": "object"})["patternProperties"].values()
    assert free["anyOf"][0] == {"type": "string", "maxLength": end["note"]["maxLength"]}
    assert bounded({"type": "array"})["items"] == free
    assert "items" not in bounded({"type": "array", "prefixItems": [{"type": "null"}]})
    assert end["schema"]["anyOf"][0] == {"type": "string", "enum": ["short", "long"]}
    assert longest_text(bounded(schema)) > 8 * 400
    rest = without(schema, ["place", "note"])
    assert rest["required"] == ["day"]
    assert "note" not in rest["properties"]


def test_results_become_text() -> None:
    @dataclass
    class Row:
        when: datetime.date

    assert text_of("plain") == "plain"
    assert text_of([Row(datetime.date(2026, 5, 1))]) == '[{"when": "2026-05-01"}]'
    assert text_of({"é": None}) == '{"é": null}'
    assert text_of("half \ud800 pair") == "half \ufffd pair"


def test_toolset_keeps_order_and_refuses_doubles() -> None:
    whole = builtin_toolset()
    assert len(whole) >= 39
    assert whole.names[:2] == ("calculate", "convert_units"), "by module, then as defined"
    tools = Toolset([whole.get(n) for n in ("generate_code", "summarize_text", "translate_text")])
    assert tools.get("summarize_text").schema == tools.schemas[1]
    with pytest.raises(UnknownToolError, match="Offered: generate_code"):
        tools.get("draw")
    with pytest.raises(InvalidToolError, match="another tool"):
        _ = tools + Toolset([tools.get("generate_code")])
    assert len(tools + Toolset([weather])) == 4


def test_a_decoded_number_ends() -> None:
    """Gemma 3 270M wrote digits until its tokens were used up, and the call was cut off."""
    limits = {
        "free": {"type": "integer"},
        "huge": {"type": "integer", "minimum": 10**20},
        "open": {"type": "integer", "exclusiveMinimum": 0},
        "choice": {"type": "integer", "enum": [1, 2]},
        "part": {"type": "number"},
    }
    most = 9 * 10**18
    found = bounded({"type": "object", "properties": limits})["properties"]
    assert found["free"] == {"type": "integer", "minimum": -most, "maximum": most}
    assert found["huge"] == found["free"], "a limit no engine takes is none"
    assert found["open"] == {"type": "integer", "minimum": 1, "maximum": most}
    assert found["choice"] == limits["choice"]
    assert found["part"] == {"type": "number", "minimum": -most, "maximum": most}
