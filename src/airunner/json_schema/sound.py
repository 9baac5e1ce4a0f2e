"""A foreign schema as a validator takes it: draft 2020-12, every keyword well formed.

Owns what drafts and dialects write differently, and what becomes of the parts
that no validator would take: they are left out, so that the schema accepts
more and never less. Where something had to be left out, keywords that turn
"more" into "less" (``not``, ``oneOf``, ``if`` and their like) are weakened too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from airunner.json_schema.references import Place, References, base_below

TYPES = frozenset(["string", "number", "integer", "boolean", "object", "array", "null"])

_MAX_PATTERNS = 200
_MAX_COUNT = 2**53
_SCHEMAS = ("contains", "propertyNames", "additionalProperties", "not", "if", "then", "else")
_UNEVALUATED = ("unevaluatedItems", "unevaluatedProperties")
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
# Drafts in which nothing beside a reference counts, and the keywords that came after each.
_SINCE_2019 = frozenset(
    [
        *("prefixItems", "unevaluatedItems", "unevaluatedProperties", "dependentRequired"),
        *("dependentSchemas", "minContains", "maxContains", "$dynamicRef", "$recursiveRef"),
    ]
)
_SINCE_7 = _SINCE_2019 | {"if", "then", "else"}
_SINCE_6 = _SINCE_7 | {"const", "contains", "propertyNames"}
_OLD = {
    "draft-03": _SINCE_6,
    "draft-04": _SINCE_6,
    "draft-06": _SINCE_7,
    "draft-07": _SINCE_2019,
}


def sound(schema: Any, takes_pattern: Callable[[str], bool] = lambda pattern: False) -> Any:
    """``schema``, which is plain JSON, with all references as ``#/$defs/<number>``.

    ``takes_pattern`` says whether the validator can check a regular expression;
    those that it cannot are left out. Descriptions and defaults are kept.
    """
    first = _Reading(schema, takes_pattern, strict=True)
    whole = first.read()
    return whole if first.is_exact else _Reading(schema, takes_pattern, strict=False).read()


class _Reading:
    """One pass. ``strict`` keeps the keywords that are only right if nothing is left out."""

    def __init__(self, schema: Any, takes_pattern: Callable[[str], bool], *, strict: bool) -> None:
        self._references = References(schema)
        self._takes_pattern, self._patterns = takes_pattern, 0
        self._strict = strict
        self.is_exact = True
        declared = schema.get("$schema") if isinstance(schema, Mapping) else None
        drafts = [draft for draft in _OLD if isinstance(declared, str) and draft in declared]
        self._is_old = bool(drafts)
        self._later = _OLD[drafts[0]] if drafts else frozenset()
        self._numbers: dict[int, str] = {}
        self._targets: list[Place] = []

    def read(self) -> Any:
        whole = self._node(self._references.root.node, self._references.root.base)
        found: dict[str, Any] = {}
        while len(found) < len(self._targets):  # more of them are met on the way
            place = self._targets[len(found)]
            found[str(len(found))] = self._node(place.node, place.base)
        return {**whole, "$defs": found} if found and isinstance(whole, dict) else whole

    def _node(self, node: Any, base: Any) -> Any:
        if isinstance(node, bool):
            return node
        if not isinstance(node, Mapping):
            self.is_exact = False
            return {}
        base = base_below(node, base)
        if not self._later.isdisjoint(node):
            node = {key: value for key, value in node.items() if key not in self._later}
        if self._is_old and "$ref" in node:
            node = {key: node[key] for key in ("$ref", "description", "default") if key in node}
        about = {key: node[key] for key in ("description", "default") if key in node}
        if not isinstance(about.get("description", ""), str):
            del about["description"]
        rules = self._rules(_without_flags(node), base)
        if node.get("nullable") is True and rules:
            rules = {"anyOf": [rules, {"type": "null"}]}
        return {**about, **rules}

    def _rules(self, node: Mapping[str, Any], base: Any) -> dict[str, Any]:
        rules = {"const": node["const"]} if "const" in node else {}
        for key, read in _READERS.items():
            if key not in node:
                continue
            if (value := read(node[key])) is None:
                self.is_exact = False
            else:
                rules[key] = value
        if not self._strict:
            rules.pop("maxContains", None)
        if self._is_pattern(node.get("pattern")):
            rules["pattern"] = node["pattern"]
        elif "pattern" in node:
            self.is_exact = False
        rules |= self._references_of(node, base)
        rules |= self._combinations(node, base)
        rules |= self._of_objects(node, base)
        rules |= self._of_arrays(node, base)
        return rules

    def _references_of(self, node: Mapping[str, Any], base: Any) -> dict[str, Any]:
        found: list[dict[str, Any]] = []
        for key in _REFERENCES:
            if key not in node:
                continue
            place = self._references.target(node[key], base)
            if place is None:
                self.is_exact = False
            else:
                found.append({"$ref": f"#/$defs/{self._number(place)}"})
        return found[0] if len(found) == 1 else {"allOf": found} if found else {}

    def _number(self, place: Place) -> str:
        if id(place.node) not in self._numbers:
            self._numbers[id(place.node)] = str(len(self._targets))
            self._targets.append(place)
        return self._numbers[id(place.node)]

    def _combinations(self, node: Mapping[str, Any], base: Any) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key in ("allOf", "anyOf", "oneOf"):
            if key not in node:
                continue
            if not isinstance(node[key], list) or not node[key]:
                self.is_exact = False
                continue
            branches = [self._node(each, base) for each in node[key]]
            if key == "oneOf" and not self._strict:
                # Of branches that were weakened, several may match.
                if "anyOf" in found:
                    found["allOf"] = [*found.get("allOf", ()), {"anyOf": branches}]
                else:
                    found["anyOf"] = branches
            else:
                found[key] = branches
        return found

    def _of_objects(self, node: Mapping[str, Any], base: Any) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key in _SCHEMAS:
            if key in node and (self._strict or key not in ("not", "if", "then", "else")):
                found[key] = self._node(node[key], base)
        if "if" not in found:
            found.pop("then", None)
            found.pop("else", None)
        if "properties" in node:
            found["properties"] = self._map(node["properties"], base)
        if "patternProperties" in node:
            given = self._map(node["patternProperties"], base)
            kept = {p: child for p, child in given.items() if self._is_pattern(p)}
            found["patternProperties"] = kept
            if len(kept) < len(given) or not isinstance(node["patternProperties"], Mapping):
                self.is_exact = False
                found.pop("additionalProperties", None)
        self._dependencies(node, base, found)
        for key in _UNEVALUATED:
            if self._strict and key in node:
                found[key] = self._node(node[key], base)
        return found

    def _dependencies(self, node: Mapping[str, Any], base: Any, found: dict[str, Any]) -> None:
        """``dependencies`` of old drafts is both of what came after it."""
        names: dict[str, Any] = {}
        schemas: dict[str, Any] = {}
        for key in ("dependencies", "dependentRequired", "dependentSchemas"):
            given = node.get(key, {})
            if not isinstance(given, Mapping):
                self.is_exact = False
                continue
            for name, wanted in given.items():
                if key != "dependentSchemas" and (wanted_names := _names(wanted)) is not None:
                    names[name] = wanted_names
                elif key != "dependentRequired" and isinstance(wanted, Mapping | bool):
                    schemas[name] = self._node(wanted, base)
                else:
                    self.is_exact = False
        if names:
            found["dependentRequired"] = names
        if schemas:
            found["dependentSchemas"] = schemas

    def _of_arrays(self, node: Mapping[str, Any], base: Any) -> dict[str, Any]:
        found: dict[str, Any] = {}
        first, items = node.get("prefixItems"), node.get("items")
        if isinstance(items, list):  # before 2020-12
            first, items = items, node.get("additionalItems")
        elif "items" not in node:
            items = None
        elif items is None:
            self.is_exact = False
        if isinstance(first, list) and first:
            found["prefixItems"] = [self._node(each, base) for each in first]
        elif first is not None and first != []:
            self.is_exact = False
        if items is not None and (self.is_exact or not _lost_prefix(first, found)):
            found["items"] = self._node(items, base)
        return found

    def _map(self, value: Any, base: Any) -> dict[str, Any]:
        if isinstance(value, Mapping):
            return {name: self._node(child, base) for name, child in value.items()}
        self.is_exact = False
        return {}

    def _is_pattern(self, value: Any) -> bool:
        self._patterns += 1
        return (
            isinstance(value, str)
            and self._patterns <= _MAX_PATTERNS
            and self._takes_pattern(value)
        )


def _lost_prefix(first: Any, found: Mapping[str, Any]) -> bool:
    """Whether ``items`` would now speak of items that had a schema of their own."""
    return first is not None and first != [] and "prefixItems" not in found


def _without_flags(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """``node`` with the limits of draft 4, where a flag says that one is exclusive."""
    for key, side in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(flag := node.get(key), bool):
            node = {name: value for name, value in node.items() if name != key}
            if flag and side in node:
                node[key] = node.pop(side)
    return node


def _types(value: Any) -> str | list[str] | None:
    kinds = value if isinstance(value, list) else [value]
    if not kinds or not all(isinstance(each, str) and each in TYPES for each in kinds):
        return None
    return list(dict.fromkeys(kinds)) if isinstance(value, list) else str(value)


def _number(value: Any) -> int | float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _count(value: Any) -> int | None:
    is_right = _number(value) is not None and value >= 0 and value == int(value)
    return min(int(value), _MAX_COUNT) if is_right else None


def _names(value: Any) -> list[str] | None:
    is_right = isinstance(value, list) and all(isinstance(name, str) for name in value)
    return list(dict.fromkeys(value)) if is_right else None


# What each keyword says in 2020-12's form, ``None`` where it is malformed.
_READERS: Mapping[str, Callable[[Any], Any]] = {
    "type": _types,
    "enum": lambda value: value if isinstance(value, list) and value else None,
    "multipleOf": lambda value: value if (_number(value) or 0) > 0 else None,
    "uniqueItems": lambda value: value if isinstance(value, bool) else None,
    "required": _names,
    "format": str,
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), _number),
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems"), _count),
    **dict.fromkeys(("minProperties", "maxProperties", "minContains", "maxContains"), _count),
}
