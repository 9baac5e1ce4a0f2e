"""JSON schemas made small and finite.

Owns the two forms a tool's schema takes: *compact*, as a model reads it (no
titles, no references), and *bounded*, as a grammar decodes it (every string and
array has an end, so that a small model cannot run on until its context is
full). Pure functions over plain dictionaries; pydantic makes the raw schema.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from airunner.errors import InvalidToolError
from airunner.json_schema.calls import call_schema
from airunner.json_schema.decoding import MAX_NUMBER, number_limits
from airunner.json_schema.subschemas import with_subschemas

MAX_STRING = 400
"""Characters a decoded string may have where the schema sets no limit."""

LONGEST_STRING = 16_384
"""Characters a decoded string may have, whatever the schema says."""

FINEST_STEP = 1e-9
"""What decoded fractions that are not negative are multiples of."""

MAX_ITEMS = 8
"""Items a decoded array may have where the schema sets no limit."""

LONGEST_NAME = 64
"""Characters a decoded name of a property may have where the schema does not give the names."""

LONGEST_ARRAY = 64
"""Items a decoded array may have, whatever the schema says."""

COMPACT_JSON: Mapping[str, Any] = {
    "x-guidance": {"whitespace_flexible": False, "lenient": True},
}
"""Beside a schema: decode it without white space, and ignore what no grammar can express."""

_SAYS_NOTHING = frozenset({"description", "default", "title", "examples"})
_NUMBER_LIMITS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
_LEAST = ("minimum", "exclusiveMinimum")


def compact(tool: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """``schema`` with every ``$ref`` put in place, without titles and null defaults.

    Raises:
        InvalidToolError: the schema of ``tool`` refers to itself, so it has no finite form.
    """
    definitions = schema.get("$defs", {})

    def inline(node: Mapping[str, Any], inside: tuple[str, ...]) -> dict[str, Any]:
        reference = node.get("$ref")
        if isinstance(reference, str):
            name = reference.removeprefix("#/$defs/")
            if name in inside or name not in definitions:
                raise InvalidToolError(
                    tool, f"the parameter type {name} contains itself; use a flat type"
                )
            beside = {key: value for key, value in node.items() if key != "$ref"}
            return inline({**definitions[name], **beside}, (*inside, name))
        small = {
            key: value
            for key, value in node.items()
            if key not in ("title", "$defs") and not (key == "default" and value is None)
        }
        return with_subschemas(small, lambda child: inline(child, inside))

    return inline(schema, ())


def bounded(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A decoding ``schema`` in which every string and array has a greatest length.

    So have numbers before their point, or a model may write digits until its tokens are
    used up, as Gemma 3 270M does. Behind the point they end where none is negative: there is
    no limit of digits, and llguidance decodes no negative multiple of a step. An object with
    named properties has no others; one without has a greatest number of them, with names
    that end. What may be anything is a value, or a list or an object of values. Limits for
    which an engine would drop the whole schema in silence are put right.
    """
    if schema.keys() <= _SAYS_NOTHING:
        return {**schema, "anyOf": [*_values(), *_lists_of(_values())]}
    node = with_subschemas(schema, bounded)
    if "enum" in node or "const" in node:
        return node
    kind = node.get("type")
    if kind == "string":
        # A grammar takes a length or a pattern, not both.
        if "pattern" not in node and "format" not in node:
            node["maxLength"] = min(node.get("maxLength", MAX_STRING), LONGEST_STRING)
    elif kind == "array":
        least = node.get("minItems", 0)
        most = node.get("maxItems", max(MAX_ITEMS, least))
        node["maxItems"] = max(least, min(most, LONGEST_ARRAY))
        if "prefixItems" not in node:
            node.setdefault("items", {"anyOf": _values()})
    elif kind in ("integer", "number"):
        limits = number_limits(node, whole=kind == "integer")
        node = {key: value for key, value in node.items() if key not in _NUMBER_LIMITS} | limits
        if "exclusiveMinimum" not in node:
            node.setdefault("minimum", -MAX_NUMBER)
        if "exclusiveMaximum" not in node:
            node.setdefault("maximum", MAX_NUMBER)
        if kind == "number" and max(node.get(key, -1) for key in _LEAST) >= 0:
            node["multipleOf"] = FINEST_STEP
    elif kind == "object" and node.get("properties"):
        if node.get("additionalProperties", True) is True:
            node["additionalProperties"] = False
    elif kind == "object" and "patternProperties" not in node:
        value = node.pop("additionalProperties", True)
        if value is not False:
            value = {"anyOf": _values()} if value is True else value
            node["patternProperties"] = {f"^[^\\n]{{1,{LONGEST_NAME}}}$": value}
            node.setdefault("maxProperties", max(MAX_ITEMS, node.get("minProperties", 0)))
        node["additionalProperties"] = False
    return node


def _values() -> list[dict[str, Any]]:
    """Alternatives for a value that is neither a list nor an object, bounded.

    A negative number among them is whole, or its digits would not end.
    """
    return [
        {"type": "string", "maxLength": MAX_STRING},
        {"type": "number", "minimum": 0, "maximum": MAX_NUMBER, "multipleOf": FINEST_STEP},
        {"type": "integer", "minimum": -MAX_NUMBER, "maximum": -1},
        {"type": "boolean"},
        {"type": "null"},
    ]


def _lists_of(values: list[dict[str, Any]]) -> list[dict[str, Any]]:
    value = {"anyOf": values}
    return [
        {"type": "array", "items": value, "maxItems": MAX_ITEMS},
        bounded({"type": "object", "additionalProperties": value}),
    ]


def call_of(tools: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """A bounded schema of a call, with ``name`` and ``arguments``, of any one of ``tools``.

    ``tools`` has the decoding schema of the arguments for each name.
    """
    return call_schema({name: bounded(arguments) for name, arguments in tools.items()})


def without(schema: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """An object schema that lacks the properties ``names``."""
    gone = set(names)
    return {
        **schema,
        "properties": {
            name: value for name, value in schema["properties"].items() if name not in gone
        },
        "required": [name for name in schema.get("required", ()) if name not in gone],
    }


def longest_text(schema: Mapping[str, Any]) -> int:
    """About how many characters JSON under a *bounded* schema can have.

    It sizes a generation, so it may be generous.
    """
    if "const" in schema:
        return len(repr(schema["const"])) + 2
    if "enum" in schema:
        return max((len(repr(value)) for value in schema["enum"]), default=2) + 2
    if branches := schema.get("anyOf") or schema.get("oneOf"):
        return max(longest_text(branch) for branch in branches)
    match schema.get("type"):
        case "string":
            return int(schema.get("maxLength", 64)) + 2
        case "array":
            item = schema.get("items")
            each = longest_text(item) if isinstance(item, Mapping) else 32
            return int(schema.get("maxItems", MAX_ITEMS)) * (each + 2) + 2
        case "object" if properties := schema.get("properties"):
            return sum(len(name) + 6 + longest_text(child) for name, child in properties.items())
        case "object":
            values = schema.get("patternProperties", {}).values()
            each = LONGEST_NAME + 6 + max(map(longest_text, values), default=0)
            return int(schema.get("maxProperties", MAX_ITEMS)) * each + 2
        case _:
            return 24
