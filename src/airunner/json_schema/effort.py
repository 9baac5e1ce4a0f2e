"""How much work it can be to check a value: alternatives multiply, level by level.

Owns an estimate that is never too low, and that is itself quick to make.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_IN_PLACE = ("not", "if", "then", "else")
_LISTS_IN_PLACE = ("allOf", "anyOf", "oneOf")
_OF_NAMES = ("additionalProperties", "unevaluatedProperties", "propertyNames")
_OF_ITEMS = ("items", "contains", "unevaluatedItems")
_MAPS = ("properties", "patternProperties", "dependentSchemas", "$defs")


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

    for node in _all_nodes(schema):
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
    for key in _IN_PLACE:
        if key in node:
            yield node[key]
    for key in _LISTS_IN_PLACE:
        yield from node.get(key, ())
    yield from node.get("dependentSchemas", {}).values()


def _below(node: Mapping[str, Any], part: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(part, Mapping):
        everywhere = [*node.get("patternProperties", {}).values()]
        everywhere += [node[key] for key in _OF_NAMES if key in node]
        properties = node.get("properties", {})
        for name, inner in part.items():
            if name in properties:
                yield properties[name], inner
            for child in everywhere:
                yield child, inner
    elif isinstance(part, list):
        first = node.get("prefixItems", ())
        everywhere = [node[key] for key in _OF_ITEMS if key in node]
        for number, inner in enumerate(part):
            if number < len(first):
                yield first[number], inner
            for child in everywhere:
                yield child, inner


def _all_nodes(node: Any) -> Iterator[Any]:
    """Every schema in a ``sound`` one, and nothing else: a property may be called ``$ref``."""
    yield node
    if not isinstance(node, Mapping):
        return
    for key in (*_IN_PLACE, *_OF_NAMES, *_OF_ITEMS):
        if key in node:
            yield from _all_nodes(node[key])
    for key in (*_LISTS_IN_PLACE, "prefixItems"):
        for child in node.get(key, ()):
            yield from _all_nodes(child)
    for key in _MAPS:
        for child in node.get(key, {}).values():
            yield from _all_nodes(child)
