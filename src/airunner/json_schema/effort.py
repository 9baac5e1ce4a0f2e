"""How much work it can be to check a value: alternatives multiply, level by level.

Owns an estimate that is never too low, and that is itself quick to make.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from airunner.json_schema.subschemas import (
    IN_PLACE,
    LISTS_IN_PLACE,
    OF_ITEMS,
    OF_NAMES,
    all_schemas,
)

MAX_LEVELS = 24
"""Rules within rules about one value: a reference, an alternative, a condition."""

_MAX_PATH = 300


def check_levels(schema: Any) -> None:
    """Refuse a ``sound`` schema whose rules about one value are within each other too often.

    Raises:
        ValueError: they are; the message is the end of a sentence that begins with "it".
    """
    definitions = schema.get("$defs", {}) if isinstance(schema, Mapping) else {}
    height: dict[int, int] = {}

    def measure(node: Any, level: int) -> int:
        if level > MAX_LEVELS:
            raise ValueError(f"holds rules within rules on more than {MAX_LEVELS} levels")
        if not isinstance(node, Mapping):
            return 0
        if id(node) not in height:
            height[id(node)] = 0  # a reference that leads back to itself ends here
            height[id(node)] = 1 + max(
                (measure(child, level + 1) for child in _in_place(node, definitions)), default=0
            )
        if level + height[id(node)] > MAX_LEVELS:
            return measure(None, MAX_LEVELS + 1)
        return height[id(node)]

    for node in all_schemas(schema):
        measure(node, 0)


def checks_needed(schema: Any, value: Any) -> int:
    """How often a part of a ``sound`` schema is checked against a part of ``value``, at most.

    Raises:
        ValueError: too deep to be told; the message is the end of a sentence that
            begins with "it".
    """
    definitions = schema.get("$defs", {}) if isinstance(schema, Mapping) else {}
    known: dict[tuple[int, int], int] = {}

    def count(node: Any, part: Any, level: int) -> int:
        if level > _MAX_PATH:
            raise ValueError("is nested too deeply for its schema")
        if not isinstance(node, Mapping):
            return 1
        key = (id(node), id(part))
        if key not in known:
            known[key] = 1  # a reference that leads back to itself is not followed again
            checks = 1
            for child in _in_place(node, definitions):
                checks += count(child, part, level + 1)
            if "unevaluatedProperties" in node or "unevaluatedItems" in node:
                checks *= 2
            for child, inner in _below(node, part):
                checks += count(child, inner, level + 1)
            known[key] = checks
        return known[key]

    return count(schema, value, 0)


def _in_place(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> Iterator[Any]:
    if "$ref" in node:
        yield definitions[node["$ref"].removeprefix("#/$defs/")]
    for key in IN_PLACE:
        if key in node:
            yield node[key]
    for key in LISTS_IN_PLACE:
        yield from node.get(key, ())
    yield from node.get("dependentSchemas", {}).values()


def _below(node: Mapping[str, Any], part: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(part, Mapping):
        everywhere = [*node.get("patternProperties", {}).values()]
        everywhere += [node[key] for key in OF_NAMES if key in node]
        properties = node.get("properties", {})
        for name, inner in part.items():
            if name in properties:
                yield properties[name], inner
            for child in everywhere:
                yield child, inner
    elif isinstance(part, list):
        first = node.get("prefixItems", ())
        everywhere = [node[key] for key in OF_ITEMS if key in node]
        for number, inner in enumerate(part):
            if number < len(first):
                yield first[number], inner
            for child in everywhere:
                yield child, inner
