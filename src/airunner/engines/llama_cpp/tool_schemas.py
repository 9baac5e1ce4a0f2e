"""The schemas of a request's tools, as llama.cpp takes them.

Owns which schemas the engine gets as they came. It renders the schemas of the
``tools`` array into the prompt and makes a grammar of them at once, and one
that it cannot convert is not left out: the whole request is refused, or worse.
Tried with xllamacpp 2026.10, one tool a request:

- refused (HTTP 400): a boolean as a schema, an unknown type, a reference that
  is remote, dangling or escaped, one that leads to itself, a limit or a
  ``format`` of the wrong type, an empty ``enum`` or ``anyOf``, an anchored
  ``pattern`` that is no regular expression, ``minItems`` of thousands;
- the process dies or hangs: ``minLength`` of a million, thousands of properties;
- taken, and ignored in silence: everything else that it does not know.

So a schema is shown as it came if it is written in the words below, which were
all seen to work, and as its decoding schema if not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from airunner.json_schema.decoding import (
    MAX_LEAST,
    MAX_LEAST_ITEMS,
    MAX_NUMBER,
    MAX_PROPERTIES,
    decodable,
)
from airunner.json_schema.plain import MAX_SCHEMA_CHARACTERS, plain_json
from airunner.json_schema.sound import TYPES, sound

NOTHING: Mapping[str, Any] = {"type": "object", "properties": {}}

_MAX_CHARACTERS = 32 * 1024
_MAX_LEVELS = 24
_NUMBERS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_COUNTS = ("minLength", "maxLength", "minItems", "maxItems")
_PAIRS = (("minimum", "maximum"), ("minLength", "maxLength"), ("minItems", "maxItems"))
_MAPS = ("properties", "$defs", "definitions")
_LISTS = ("anyOf", "oneOf", "allOf")
# Read by nobody but the model.
_NOTES = frozenset(
    [
        *("description", "title", "default", "examples", "example", "$schema", "$comment"),
        *("deprecated", "readOnly", "writeOnly", "nullable", "uniqueItems", "const"),
        *("minProperties", "maxProperties", "discriminator", "contentMediaType"),
    ]
)
_REFERENCE = re.compile(r"#/(\$defs|definitions)/([\w.-]+)")
# Characters and classes of them, each with a short repetition; nothing within each other.
_SIMPLE_PATTERN = re.compile(
    r"\^?(?:(?:[\w .:/@#,-]|\\[dws.-]|\[\^?(?:[\w .:/@#,-]|\\[dws.-])+\])"
    r"(?:[+*?]|\{\d{1,2}(?:,\d{0,2})?\})?){0,40}\$?",
    re.ASCII,
)


def engine_parameters(parameters: Any) -> Mapping[str, Any]:
    """``parameters`` of a tool as they came, or what llama.cpp takes in their place."""
    if not parameters and parameters is not False:
        return NOTHING
    try:
        plain = plain_json(parameters, MAX_SCHEMA_CHARACTERS, lenient=True)
    except ValueError:
        return NOTHING  # beyond every limit: the tool is offered, and checks its arguments itself
    if plain == parameters and _is_short(plain) and _is_safe(plain, plain, 0):
        return dict(parameters)
    return decodable(sound(plain))


def _is_short(schema: Any) -> bool:
    try:
        plain_json(schema, _MAX_CHARACTERS)
    except ValueError:
        return False
    return True


def _is_safe(node: Any, root: Mapping[str, Any], level: int) -> bool:
    if not isinstance(node, dict) or level > _MAX_LEVELS:
        return False
    inner = [child for key in _MAPS for child in _children(node.get(key, {}))]
    inner += [child for key in _LISTS for child in _children(node.get(key, {}))]
    inner += [node[key] for key in ("items", "additionalProperties") if key in node]
    if node.get("additionalProperties") in (True, False):
        inner.remove(node["additionalProperties"])
    return all(_is_safe_rule(key, value, node, root) for key, value in node.items()) and all(
        _is_safe(child, root, level + 1) for child in inner
    )


def _children(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else value if _is_list(value) else []


def _is_safe_rule(key: str, value: Any, node: Mapping[str, Any], root: Mapping[str, Any]) -> bool:
    if key in _NOTES:
        return not _mentions_reference(value)
    if key == "type":
        kinds = value if _is_list(value) else [value]
        return bool(kinds) and all(isinstance(kind, str) and kind in TYPES for kind in kinds)
    if key in _NUMBERS:
        return _is_number(value) and abs(value) <= MAX_NUMBER and _are_in_order(node)
    if key in _COUNTS:
        most = {"minLength": MAX_LEAST, "minItems": MAX_LEAST_ITEMS}.get(key, MAX_NUMBER)
        return type(value) is int and 0 <= value <= most and _are_in_order(node)
    if key in _MAPS:
        return isinstance(value, dict) and len(value) <= MAX_PROPERTIES
    if key in _LISTS:
        return _is_list(value) and bool(value)
    if key == "enum":
        return _is_list(value) and bool(value) and not _mentions_reference(value)
    if key == "required":
        return _is_list(value) and all(isinstance(name, str) for name in value)
    if key == "pattern":
        return isinstance(value, str) and _SIMPLE_PATTERN.fullmatch(value) is not None
    if key == "format":
        return isinstance(value, str)
    if key == "$ref":
        return _is_safe_reference(value, root)
    return key in ("items", "additionalProperties")


def _is_safe_reference(value: Any, root: Mapping[str, Any]) -> bool:
    """Whether it leads to a definition that is not itself a reference or a choice of some."""
    found = _REFERENCE.fullmatch(value) if isinstance(value, str) else None
    folder = root.get(found[1]) if found else None
    target = folder.get(found[2]) if found and isinstance(folder, dict) else None
    return isinstance(target, dict) and not {"$ref", *_LISTS} & target.keys()


def _are_in_order(node: Mapping[str, Any]) -> bool:
    return all(
        node[least] <= node[most]
        for least, most in _PAIRS
        if _is_number(node.get(least)) and _is_number(node.get(most))
    )


def _mentions_reference(value: Any) -> bool:
    if isinstance(value, dict):
        return "$ref" in value or any(map(_mentions_reference, value.values()))
    return isinstance(value, list) and any(map(_mentions_reference, value))


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
