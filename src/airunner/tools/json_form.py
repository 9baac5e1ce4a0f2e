"""A JSON schema that somebody else wrote as a form for arguments.

Owns what of such a schema is taken over. It is untrusted: it may be malformed,
endless, or made to blow up when its references are put in place. What a model
is shown and what a grammar decodes is therefore a copy of the parts that are
understood; a schema whose meaning would be lost with the rest is refused.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from airunner.errors import InvalidToolError, ToolArgumentsError
from airunner.tools.arguments import Arguments
from airunner.tools.schema import MAX_ITEMS

MAX_PARAMETERS = 48
MAX_NODES = 400
MAX_DEPTH = 8
MAX_CHOICES = 200
MAX_DESCRIPTION = 200
MAX_NAME = 64
_MAX_LEAST = 64

# Taken as they are. Of what is left out, "pattern" and "format" could make a
# grammar or a regular expression run for ever; the server checks them itself.
_NUMBERS = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"})
_LENGTHS = frozenset({"minLength", "maxLength", "minItems", "maxItems"})
_TYPES = frozenset(["string", "number", "integer", "boolean", "object", "array", "null"])
_PROBLEMS_TOLD = 5


class JsonForm:
    """The arguments that ``schema`` describes, for the tool called ``tool``.

    Raises:
        InvalidToolError: the schema cannot be used; the message says why.
    """

    hints: Mapping[str, Any] = {}

    def __init__(self, tool: str, schema: object) -> None:
        self._tool = tool
        self.schema = _Reader(tool, schema).read()

    def validate(self, arguments: Mapping[str, Any]) -> Arguments:
        """See ``ArgumentForm``."""
        given = dict(arguments)
        errors = sorted(self._validator.iter_errors(given), key=lambda error: list(error.path))
        if errors:
            problems = "; ".join(
                f"{'.'.join(str(part) for part in error.path) or 'arguments'}: {error.message}"
                for error in errors[:_PROBLEMS_TOLD]
            )
            raise ToolArgumentsError(self._tool, problems)
        return Arguments(given, given)

    @cached_property
    def _validator(self) -> Any:
        from jsonschema import Draft202012Validator

        return Draft202012Validator(self.schema)


class _Reader:
    """One pass over a schema; counts what it has seen, so that it ends."""

    def __init__(self, tool: str, schema: object) -> None:
        self._tool, self._schema = tool, schema
        self._nodes = 0

    def read(self) -> dict[str, Any]:
        from jsonschema import Draft202012Validator
        from jsonschema.exceptions import SchemaError

        root = self._node(self._schema, 0)
        if root.get("type", "object") != "object" or "anyOf" in root:
            raise self._refused("its arguments are no object")
        schema = {"type": "object", "properties": {}, "required": [], **root}
        schema.pop("description", None)
        schema.pop("default", None)
        try:
            Draft202012Validator.check_schema(schema)
        except SchemaError as error:
            raise self._refused(f"its schema is not valid: {_short(error.message)}") from None
        return schema

    def _node(self, node: object, depth: int, inside: tuple[str, ...] = ()) -> dict[str, Any]:
        self._nodes += 1
        if self._nodes > MAX_NODES or depth > MAX_DEPTH:
            raise self._refused("its schema is too large")
        if node is True:
            return {}
        if not isinstance(node, Mapping):
            raise self._refused(f"its schema holds {_short(repr(node))} where a schema belongs")
        if "$ref" in node:
            name, target = self._target(node["$ref"], inside)
            beside = {key: value for key, value in node.items() if key != "$ref"}
            return self._node({**target, **beside}, depth, (*inside, name))
        whole = node.get("allOf")
        if whole is not None:
            if not (isinstance(whole, list) and len(whole) == 1 and isinstance(whole[0], Mapping)):
                raise self._refused("its schema combines several with allOf")
            beside = {key: value for key, value in node.items() if key != "allOf"}
            return self._node({**whole[0], **beside}, depth, inside)

        taken = {key: value for key, value in node.items() if _is_limit(key, value)}
        for key in ("minLength", "minItems"):
            if taken.get(key, 0) > _MAX_LEAST:
                raise self._refused(f"{key} {taken[key]} is too much to ask of a model")
        if taken.get("minItems", 0) > MAX_ITEMS:
            taken.setdefault("maxItems", taken["minItems"])
        if isinstance(node.get("description"), str):
            taken["description"] = plain_text(node["description"], MAX_DESCRIPTION)
        if node.get("default") is not None and _is_scalar(node["default"]):
            taken["default"] = node["default"]
        taken |= self._choices(node)
        taken |= self._kinds(node, depth, inside)
        taken |= self._parts(node, depth, inside)
        return taken

    def _kinds(
        self, node: Mapping[str, Any], depth: int, inside: tuple[str, ...]
    ) -> dict[str, Any]:
        """``type``, and the alternatives of a node. A list of types is alternatives too."""
        kind = node.get("type")
        kinds = kind if isinstance(kind, list) else [] if kind is None else [kind]
        if any(each not in _TYPES for each in kinds if isinstance(each, str)) or not all(
            isinstance(each, str) for each in kinds
        ):
            raise self._refused(f"it has a parameter of type {_short(repr(kind))}")
        if len(kinds) > 1:
            rest = {k: v for k, v in node.items() if k not in ("type", "description", "default")}
            alternatives = [{**rest, "type": each} for each in kinds]
            return {"anyOf": [self._node(each, depth + 1, inside) for each in alternatives]}
        found: dict[str, Any] = {"type": kinds[0]} if kinds else {}
        for key in ("anyOf", "oneOf"):
            branches = node.get(key)
            # At the root, alternatives only say which parameters go together.
            if isinstance(branches, list) and depth:
                found["anyOf"] = [self._node(each, depth + 1, inside) for each in branches]
        return found

    def _choices(self, node: Mapping[str, Any]) -> dict[str, Any]:
        if "const" in node:
            return {"enum": self._scalars([node["const"]])}
        if "enum" in node:
            return {"enum": self._scalars(node["enum"])}
        return {}

    def _scalars(self, values: object) -> list[Any]:
        if not isinstance(values, list) or not 0 < len(values) <= MAX_CHOICES:
            raise self._refused(f"it has a choice of none or of more than {MAX_CHOICES}")
        if not all(_is_scalar(value) for value in values):
            raise self._refused("it has a choice among lists, objects or long texts")
        return values

    def _parts(
        self, node: Mapping[str, Any], depth: int, inside: tuple[str, ...]
    ) -> dict[str, Any]:
        found: dict[str, Any] = {}
        properties = node.get("properties")
        if properties is not None:
            if not isinstance(properties, Mapping) or len(properties) > MAX_PARAMETERS:
                raise self._refused(f"it has more than {MAX_PARAMETERS} parameters")
            for name in properties:
                if not (0 < len(name) <= MAX_NAME and name.isprintable()):
                    raise self._refused(f"a parameter has the name {_short(repr(name))}")
            found["properties"] = {
                name: self._node(child, depth + 1, inside) for name, child in properties.items()
            }
            required = node.get("required", [])
            wanted = required if isinstance(required, list) else []
            found["required"] = [name for name in wanted if name in properties]
        if node.get("additionalProperties") is False:
            found["additionalProperties"] = False
        elif isinstance(node.get("additionalProperties"), Mapping):
            found["additionalProperties"] = self._node(
                node["additionalProperties"], depth + 1, inside
            )
        if isinstance(node.get("items"), Mapping):
            found["items"] = self._node(node["items"], depth + 1, inside)
        return found

    def _target(self, reference: object, inside: tuple[str, ...]) -> tuple[str, Mapping[str, Any]]:
        """What a reference within this schema leads to; no other place is ever looked at."""
        for folder in ("$defs", "definitions"):
            start = f"#/{folder}/"
            if isinstance(reference, str) and reference.startswith(start):
                name = reference.removeprefix(start)
                root = self._schema
                known = root.get(folder) if isinstance(root, Mapping) else None
                target = known.get(name) if isinstance(known, Mapping) else None
                if reference in inside:
                    raise self._refused(f"the parameter type {_short(name)} contains itself")
                if isinstance(target, Mapping):
                    return reference, target
        raise self._refused(f"it refers to {_short(repr(reference))}")

    def _refused(self, problem: str) -> InvalidToolError:
        return InvalidToolError(self._tool, problem)


def plain_text(text: str, limit: int) -> str:
    """Somebody else's text on one line of at most ``limit`` characters, all of them printable."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * limit]).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def _is_scalar(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= MAX_DESCRIPTION
    return value is None or isinstance(value, bool) or _is_number(value)


def _is_limit(key: str, value: object) -> bool:
    if key in _LENGTHS:
        return isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return key in _NUMBERS and _is_number(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _short(text: str) -> str:
    return plain_text(text, 60)
