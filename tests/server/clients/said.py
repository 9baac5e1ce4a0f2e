"""What the clients of these tests say, in OpenAI's form, and what they offer.

Not a test. The embedded weights call a tool of their own accord only where the conversation
has shown them how; ``SHOWN`` does.
"""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs

HELLO = "Tell me about the sea."
LETTERS = "List the first ten letters of the alphabet."
"""What is hardly answered in two ways: no rounding of another batch decides."""
LONG = "the sea and the wind " * 900
WEATHER: dict[str, Any] = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "maxLength": 20},
        "days": {"type": "integer", "minimum": 1, "maximum": 9},
    },
    "required": ["city", "days"],
    "additionalProperties": False,
}
CLOCK: dict[str, Any] = {
    "type": "object",
    "properties": {"zone": {"enum": ["UTC", "CET"]}},
    "required": ["zone"],
    "additionalProperties": False,
}
PARAMETERS = {"weather": WEATHER, "clock": CLOCK}
ABOUT = {"weather": "The weather in a city.", "clock": "The time in a zone."}
MOOD: dict[str, Any] = {
    "type": "object",
    "properties": {"mood": {"enum": ["calm", "wild"]}, "depth": {"enum": [1, 2, 3]}},
    "required": ["mood", "depth"],
    "additionalProperties": False,
}
# The engine's grammar for calls does not know such limits: a model writes what it likes.
FEW_DAYS: dict[str, Any] = {
    **WEATHER,
    "properties": {
        "city": {"type": "string", "maxLength": 20},
        "days": {"type": "number", "minimum": 1, "maximum": 9},
    },
}


def tool(name: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """One tool, as chat completions have it."""
    function = {"name": name, "description": ABOUT[name], "parameters": parameters}
    return {"type": "function", "function": function}


TOOLS = [tool(name, PARAMETERS[name]) for name in PARAMETERS]
WEATHER_TOOL = TOOLS[0]
FEW_DAYS_TOOL = tool("weather", FEW_DAYS)


def question(city: str, days: int = 2) -> str:
    """What a user asks of whom can call ``weather``."""
    return f"What is the weather in {city} for {days} days?"


def shown(days: int = 2) -> list[dict[str, Any]]:
    """A conversation in which ``weather`` was called five times, up to a sixth question."""
    messages: list[dict[str, Any]] = []
    for number, city in enumerate(("Rome", "Oslo", "Bonn", "Bern", "Cork")):
        function = {"name": "weather", "arguments": json.dumps({"city": city, "days": days})}
        call = {"id": f"call_{number}", "type": "function", "function": function}
        messages += [
            {"role": "user", "content": question(city, days)},
            {"role": "assistant", "content": "", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": call["id"], "content": "sunny"},
            {"role": "assistant", "content": "Sunny."},
        ]
    return [*messages, {"role": "user", "content": question("Paris", days)}]


def is_valid(name: str, arguments: Any) -> bool:
    """Whether ``arguments`` match the schema of the tool ``name``."""
    found = json.loads(arguments) if isinstance(arguments, str) else arguments
    return jsonschema_rs.is_valid(PARAMETERS[name], found)
