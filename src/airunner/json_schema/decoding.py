"""What a grammar decodes of a schema: finite, small, and never stricter than the schema.

Owns which rules a grammar is given. What it cannot express, or only at a price,
is left out: a value that the schema accepts can always be decoded, and whether
what was decoded matches is for the validator to say. How long texts and lists
become where nothing limits them is not decided here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

MAX_NUMBER = 9 * 10**18
"""How far from 0 a limit may be: about 64 bits. Beyond it engines drop a grammar in silence."""

MAX_NODES = 400
MAX_DEPTH = 10
MAX_PROPERTIES = 100
LEAST_CHOICE = -(2**63) + 1024
"""A choice of integers with a lesser one, which as a double is beyond 64 bits, ends llama.cpp."""
MAX_CHOICES = 500
MAX_CHOICE_CHARACTERS = 8000
MAX_BRANCHES = 32
MAX_LEAST = 400
"""The greatest ``minLength``; engines repeat a rule so many times."""
MAX_LEAST_ITEMS = 64
MAX_MULTIPLE = 100

_MAX_PATH = 40
_ABOUT = ("description", "default")
_OF_TYPE: Mapping[str, tuple[str, ...]] = {
    "string": ("minLength", "maxLength"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    "object": ("properties", "required", "additionalProperties"),
    "array": ("items", "prefixItems", "minItems", "maxItems"),
}
_LEAST = ("minimum", "exclusiveMinimum", "minLength", "minItems")
_MOST = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")

_FORMATS = ("date", "time", "date-time", "uuid")

Node = dict[str, Any]


def decodable(schema: Any, *, texts: bool = False) -> dict[str, Any]:
    """The decoding schema of a ``sound`` schema of an object.

    It has type object, ``properties`` and ``required``, no references, and
    nothing else than type, enum, anyOf and the limits of each type. ``texts`` keeps the
    pattern or a usual format of a text, in place of its length, which takes an engine
    that knows them.
    """
    for depth in range(MAX_DEPTH, 1, -1):
        decoding = _Decoding(schema, texts, MAX_NODES)
        whole = decoding.node(schema, depth)
        if not decoding.is_too_large:
            return _as_object(whole)
    return _as_object(_Decoding(schema, texts).node(schema, 1))


class _Decoding:
    """One pass over a schema, given up once it has made more than ``most`` nodes."""

    def __init__(self, root: Any, texts: bool, most: float = math.inf) -> None:
        self._texts = texts
        self._definitions = root.get("$defs", {}) if isinstance(root, Mapping) else {}
        self._left = most

    @property
    def is_too_large(self) -> bool:
        """Whether it was given up, and what it made is of no use."""
        return self._left < 0

    def node(self, schema: Any, depth: int, inside: tuple[str, ...] = ()) -> Node:
        """``schema`` without its references. ``inside``: those of the nodes that led here."""
        self._left -= 1
        if self.is_too_large or not isinstance(schema, Mapping) or len(inside) > _MAX_PATH:
            return {}
        inside = (*inside, schema.get("$ref", ""))
        about = {key: schema[key] for key in _ABOUT if key in schema}
        rules = _choices(schema)
        if rules is None:
            rules = self._own(schema, depth, inside)
            parts = [self._target(schema["$ref"], depth, inside)] if "$ref" in schema else []
            parts += [
                self.node(each, depth, inside) for each in schema.get("allOf", ())[:MAX_BRANCHES]
            ]
            for part in parts:
                rules = _both(rules, part)
            for key in ("anyOf", "oneOf"):
                if key in schema:
                    rules = self._alternatives(rules, schema[key], depth, inside)
        return {**{k: v for k, v in rules.items() if k in _ABOUT}, **rules, **about}

    def _target(self, reference: str, depth: int, inside: tuple[str, ...]) -> Node:
        if reference in inside[:-1]:
            return {}
        return self.node(self._definitions[reference.removeprefix("#/$defs/")], depth, inside)

    def _alternatives(
        self, rules: Node, branches: Sequence[Any], depth: int, inside: tuple[str, ...]
    ) -> Node:
        possible = [each for each in branches if each is not False]
        if "anyOf" in rules or not 0 < len(possible) <= MAX_BRANCHES or depth < 1:
            return rules
        found = [self.node(each, depth - 1, inside) for each in possible]
        if len(found) == 1:
            return _both(rules, found[0])
        shared = {key: rules[key] for key in _ABOUT if key in rules}
        own = {key: value for key, value in rules.items() if key not in _ABOUT}
        found = [_both(own, each) for each in found]
        return shared if any(not _rules_of(each) for each in found) else {**shared, "anyOf": found}

    def _own(self, schema: Mapping[str, Any], depth: int, inside: tuple[str, ...]) -> Node:
        """The rules of a node itself: one type's, or those of each of its types."""
        kinds = schema.get("type", [])
        kinds = [kinds] if isinstance(kinds, str) else kinds
        if len(kinds) > 1:
            parts = [self._of_type(schema, kind, depth - 1, inside) for kind in kinds]
            return {"anyOf": parts}
        if kinds:
            return self._of_type(schema, kinds[0], depth, inside)
        # Without a type these only hold for objects, and arrays; others may be anything.
        return self._object(schema, depth, inside) | self._array(schema, depth, inside)

    def _of_type(
        self, schema: Mapping[str, Any], kind: str, depth: int, inside: tuple[str, ...]
    ) -> Node:
        match kind:
            case "object":
                rules = self._object(schema, depth, inside)
            case "array":
                rules = self._array(schema, depth, inside)
            case "string":
                rules = _lengths(schema, "Length", MAX_LEAST)
                if self._texts and "pattern" in schema:
                    rules = {"pattern": schema["pattern"]}
                elif self._texts and schema.get("format") in _FORMATS:
                    rules = {"format": schema["format"]}
            case "integer" | "number":
                rules = number_limits(schema, whole=kind == "integer")
            case _:
                rules = {}
        return {"type": kind, **rules}

    def _object(self, schema: Mapping[str, Any], depth: int, inside: tuple[str, ...]) -> Node:
        if depth < 1:
            return {}
        given = schema.get("properties", {})
        patterns = list(schema.get("patternProperties", {}).values())
        others = schema.get("additionalProperties", True)
        if patterns:
            # A name that is not given either matches a pattern or is another one.
            kinds = [each for each in (*patterns, others) if each is not False]
            others = {"anyOf": kinds} if kinds and True not in kinds else bool(kinds)
        found: Node = {}
        required = list(dict.fromkeys(schema.get("required", ())))
        possible = {name: child for name, child in given.items() if child is not False}
        if others is not False:
            possible |= {name: others for name in required if name not in given}
        if len(possible) > MAX_PROPERTIES:
            shown = sorted(possible, key=lambda name: name not in required)[:MAX_PROPERTIES]
            possible = {name: possible[name] for name in possible if name in set(shown)}
            others = True
        properties = {n: self.node(child, depth - 1, inside) for n, child in possible.items()}
        if properties:
            found["properties"] = properties
            found["required"] = [name for name in required if name in properties]
        if others is False:
            found["additionalProperties"] = False
        elif others is True and "additionalProperties" in schema:
            found["additionalProperties"] = True
        elif isinstance(others, Mapping) and (inner := self.node(others, depth - 1, inside)):
            found["additionalProperties"] = inner
        return found

    def _array(self, schema: Mapping[str, Any], depth: int, inside: tuple[str, ...]) -> Node:
        found = _lengths(schema, "Items", MAX_LEAST_ITEMS)
        first, items = schema.get("prefixItems", ()), schema.get("items", True)
        if items is False:
            most = min(found.get("maxItems", len(first)), len(first))
            if found.get("minItems", 0) <= most:
                found["maxItems"] = most
        if depth < 1:
            return found
        if first:
            possible = [*first] if items is False else [*first, items]
            items = {"anyOf": possible} if True not in possible else True
        if isinstance(items, Mapping) and (inner := self.node(items, depth - 1, inside)):
            found["items"] = inner
        return found


def _as_object(node: Node) -> Node:
    """The root, whose value is an object whatever it says of other types."""
    merged = {key: value for key, value in node.items() if key in _OF_TYPE["object"]}
    branches = [each for each in node.get("anyOf", ()) if each.get("type", "object") == "object"]
    if branches:
        merged = _either(branches)
    return {"type": "object", "properties": {}, "required": [], **merged}


def _either(branches: Sequence[Node]) -> Node:
    """One object for several: what any of them names, and what all of them require."""
    names = dict.fromkeys(name for each in branches for name in each.get("properties", {}))
    properties: Node = {}
    for name in names:
        found: list[Node] = []
        for each in branches:
            own = each.get("properties", {}).get(name, each.get("additionalProperties", True))
            own = {} if own is True else own
            if own is not False and own not in found:
                found.append(own)
        if any(not _rules_of(own) for own in found):
            described = next((own["description"] for own in found if "description" in own), None)
            properties[name] = {} if described is None else {"description": described}
        else:
            properties[name] = found[0] if len(found) == 1 else {"anyOf": found}
    required = [n for n in names if all(n in each.get("required", ()) for each in branches)]
    whole: Node = {"properties": properties, "required": required}
    if all(each.get("additionalProperties") is False for each in branches):
        whole["additionalProperties"] = False
    return whole


def _both(one: Node, other: Node) -> Node:
    """What matches two nodes, as far as that is easily said; else what matches the first."""
    if not one or not other:
        return one or other
    if "anyOf" in one or "anyOf" in other:
        if "anyOf" in one and "anyOf" in other:
            return one
        plain, several = (other, one) if "anyOf" in one else (one, other)
        about = {k: v for k, v in {**plain, **several}.items() if k in _ABOUT}
        rules = {k: v for k, v in plain.items() if k not in _ABOUT}
        return {**about, "anyOf": [_both(rules, each) for each in several["anyOf"]]}
    kinds = {one.get("type"), other.get("type")} - {None}
    if len(kinds) == 2 and kinds != {"integer", "number"}:
        return one  # nothing matches both
    if "enum" in one or "enum" in other:
        choice, limits = (one, other) if "enum" in one else (other, one)
        kept = [value for value in choice["enum"] if _is_possible(value, limits)]
        return {**{k: v for k, v in limits.items() if k in _ABOUT}, **choice} | (
            {"enum": kept} if kept else {}
        )
    found: Node = {**other, **one}
    if len(kinds) == 2:
        found["type"] = "integer"
    for key in one.keys() & other.keys():
        if key in _LEAST:
            found[key] = max(one[key], other[key])
        elif key in _MOST:
            found[key] = min(one[key], other[key])
        elif key == "properties":
            found[key] = {**other[key], **one[key]} | {
                name: _both(one[key][name], other[key][name])
                for name in one[key].keys() & other[key].keys()
            }
        elif key == "required":
            found[key] = list(dict.fromkeys([*one[key], *other[key]]))
        elif key == "items":
            found[key] = _both(one[key], other[key])
        elif key == "additionalProperties":
            found[key] = one[key] if one[key] is False else other[key]
    return _without_contradiction(found)


def _without_contradiction(node: Node) -> Node:
    """``node`` without pairs of limits between which nothing lies."""
    pairs = [("minLength", "maxLength"), ("minItems", "maxItems")]
    gone = {key for pair in pairs for key in pair if _is_empty(node, *pair)}
    if "pattern" in node or "format" in node:  # a grammar takes one or the other
        gone |= {"minLength", "maxLength"}
    if _range_is_empty(node):
        gone |= set(_OF_TYPE["number"])
    return {key: value for key, value in node.items() if key not in gone}


def _is_empty(node: Mapping[str, Any], least: str, most: str) -> bool:
    return least in node and most in node and node[least] > node[most]


def _range_is_empty(node: Mapping[str, Any]) -> bool:
    low = max((node[key] for key in ("minimum", "exclusiveMinimum") if key in node), default=None)
    high = min((node[key] for key in ("maximum", "exclusiveMaximum") if key in node), default=None)
    if low is None or high is None:
        return False
    if "multipleOf" in node:
        step = node["multipleOf"]
        return bool(-(-low // step) * step > high)
    is_open = low == node.get("exclusiveMinimum") or high == node.get("exclusiveMaximum")
    return bool(low > high or (low == high and is_open))


def _lengths(schema: Mapping[str, Any], what: str, most_least: int) -> Node:
    least, most = f"min{what}", f"max{what}"
    found = {key: int(schema[key]) for key in (least, most) if key in schema}
    if found.get(least, 1) > most_least or found.get(least) == 0:
        del found[least]
    if found.get(most, 0) > MAX_NUMBER:
        del found[most]
    return _without_contradiction(found)


def number_limits(schema: Mapping[str, Any], *, whole: bool) -> dict[str, Any]:
    """The limits of a number that a grammar can keep; those of a whole number are inclusive."""
    found: Node = {}
    for key in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
        limit = schema.get(key)
        if limit is None or abs(limit) > MAX_NUMBER:
            continue
        if not whole:
            found[key] = limit
        elif key == "minimum":
            found["minimum"] = max(math.ceil(limit), found.get("minimum", -MAX_NUMBER))
        elif key == "maximum":
            found["maximum"] = min(math.floor(limit), found.get("maximum", MAX_NUMBER))
        elif key == "exclusiveMinimum":
            found["minimum"] = max(math.floor(limit) + 1, found.get("minimum", -MAX_NUMBER))
        else:
            found["maximum"] = min(math.ceil(limit) - 1, found.get("maximum", MAX_NUMBER))
    step = schema.get("multipleOf")
    # llguidance decodes no negative multiples.
    if (
        whole
        and found.get("minimum", -1) >= 0
        and step is not None
        and step == int(step)
        and 1 < step <= MAX_MULTIPLE
    ):
        found["multipleOf"] = int(step)
    return _without_contradiction(found)


def _choices(schema: Mapping[str, Any]) -> Node | None:
    """The values of a choice, ``None`` where there is none or it is left open."""
    if "const" not in schema and "enum" not in schema:
        return None
    values = [schema["const"]] if "const" in schema else schema["enum"]
    if "type" in schema:
        values = [value for value in values if _is_of_type(value, schema["type"])]
    values = [value for value in values if not isinstance(value, int) or value >= LEAST_CHOICE]
    kinds = sorted({_type_of(value) for value in values})
    written = sum(len(value) if isinstance(value, str) else 8 for value in values)
    if not values or len(values) > MAX_CHOICES or written > MAX_CHOICE_CHARACTERS:
        return {"type": kinds[0]} if len(kinds) == 1 else {}
    return {"type": kinds[0], "enum": values} if len(kinds) == 1 else {"enum": values}


def _type_of(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "integer" if LEAST_CHOICE <= value < 2**63 and value == int(value) else "number"
    names: Mapping[type, str] = {str: "string", list: "array", dict: "object"}
    return names.get(type(value), "null")


def _is_of_type(value: Any, wanted: str | Sequence[str]) -> bool:
    kind = _type_of(value)
    kinds = [wanted] if isinstance(wanted, str) else wanted
    return kind in kinds or (kind == "integer" and "number" in kinds)


def _is_possible(value: Any, limits: Mapping[str, Any]) -> bool:
    if "enum" in limits:
        return value in limits["enum"]
    return "type" not in limits or _is_of_type(value, limits["type"])


def _rules_of(node: Mapping[str, Any]) -> Node:
    return {key: value for key, value in node.items() if key not in _ABOUT}
