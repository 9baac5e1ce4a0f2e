"""Random schemas, well formed and not, and arguments that often match them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

NAMES = ["a", "b", "c"]
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.sampled_from([2**63, -(2**70), 0.5, 1.0, -2.5, 1e300])
    | st.sampled_from(["", "a", "ab", "abc", "b1"])
)
VALUES = st.recursive(
    SCALARS,
    lambda child: (
        st.lists(child, max_size=3) | st.dictionaries(st.sampled_from(NAMES), child, max_size=3)
    ),
    max_leaves=8,
)
_INNER = [
    *(None, True, 0, 1, 2, -3, 0.5, 2**64, "", "a", "ab", "b1"),
    *([], [1], ["a"], [1, "a"], [0, 0], [[2]], [{"b": 1}]),
    *({}, {"a": 1}, {"b": "a"}, {"c": None}, {"a": "ab", "b": 2}, {"b": {"b": 1}}, {"a": [1]}),
]
ARGUMENTS: list[dict[str, Any]] = [
    *({}, {"b": 1}, {"c": "a"}, {"b": {"a": 1}, "c": [1]}, {"b": "a", "c": 2}),
    *({"a": value} for value in _INNER),
    *({"a": value, "b": value} for value in _INNER[::2]),
    *({"a": {"a": value}} for value in _INNER[::3]),
]
"""Tried with every schema."""

_TYPES = st.sampled_from(
    [*("string", "number", "integer", "boolean", "object", "array", "null"), "any"]
)
_LIMITS = st.sampled_from([-(2**70), -3, 0, 0.5, 1, 1, 2, 2**64, 1e300, "1", True])
_COUNTS = st.sampled_from([0, 1, 1, 2, 2, 1000, 10**12, -1, 1.0, "2"])
_PATTERNS = st.sampled_from(["^a", "b$", "^.*$", "(?=a)b", "(["])
_REFERENCES = st.sampled_from(
    [
        *("#", "#/$defs/a", "#/$defs/b", "#/properties/a", "#/definitions/a", "#/nowhere"),
        *("https://example.org/a", "#anchor", "#/$defs/a/properties/b"),
    ]
)


def _of(child: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    names = st.sampled_from(NAMES)
    several = st.lists(child, min_size=1, max_size=3)
    keywords: dict[str, st.SearchStrategy[Any]] = {
        "type": _TYPES | st.lists(_TYPES, max_size=3),
        "nullable": st.booleans(),
        "enum": st.lists(VALUES, max_size=4),
        "const": VALUES,
        "minimum": _LIMITS,
        "maximum": _LIMITS,
        "exclusiveMinimum": _LIMITS,
        "exclusiveMaximum": _LIMITS,
        "multipleOf": st.sampled_from([0, 1, 2, 0.5, 3]),
        "minLength": _COUNTS,
        "maxLength": _COUNTS,
        "pattern": _PATTERNS,
        "minItems": _COUNTS,
        "maxItems": _COUNTS,
        "items": child | several,
        "additionalItems": child,
        "prefixItems": several,
        "contains": child,
        "maxContains": _COUNTS,
        "uniqueItems": st.booleans(),
        "properties": st.dictionaries(names, child, max_size=3),
        "patternProperties": st.dictionaries(_PATTERNS, child, max_size=2),
        "additionalProperties": child,
        "propertyNames": child,
        "required": st.lists(names, max_size=2) | st.just("a"),
        "dependencies": st.dictionaries(names, st.lists(names, max_size=2) | child, max_size=2),
        "unevaluatedProperties": child,
        "unevaluatedItems": child,
        "allOf": several,
        "anyOf": several,
        "oneOf": several,
        "not": child,
        "if": child,
        "then": child,
        "else": child,
        "$ref": _REFERENCES,
        "$defs": st.dictionaries(names, child, max_size=2),
        "definitions": st.dictionaries(names, child, max_size=2),
        "$anchor": st.just("anchor"),
        "description": st.text(max_size=5),
        "default": VALUES,
    }
    groups = [
        ["type", "nullable", "minimum", "maximum", "exclusiveMinimum", "multipleOf", "allOf"],
        ["type", "minLength", "maxLength", "pattern", "enum", "const", "anyOf"],
        ["items", "additionalItems", "prefixItems", "minItems", "maxItems", "contains", "type"],
        ["properties", "required", "additionalProperties", "patternProperties", "type", "$ref"],
        ["allOf", "anyOf", "oneOf", "not", "if", "then", "$ref", "type", "enum"],
        sorted(keywords),
    ]
    return (
        st.sampled_from(groups)
        .flatmap(
            lambda group: st.lists(st.sampled_from(group), min_size=1, max_size=4, unique=True)
        )
        .flatmap(lambda chosen: st.fixed_dictionaries({key: keywords[key] for key in chosen}))
    )


_LEAVES = st.one_of(
    *[_TYPES.map(lambda kind: {"type": kind})] * 3,
    st.sampled_from([{"minimum": 1}, {"maxLength": 1}, {"required": ["b"]}, {"enum": [1, "a"]}]),
    st.sampled_from([{"pattern": "(?=a)b"}, {}, True, False, 7]),
)
SCHEMAS = _of(_LEAVES | _of(_LEAVES))
DRAFTS = st.sampled_from(
    ["", "http://json-schema.org/draft-04/schema#", "http://json-schema.org/draft-07/schema#"]
)


@st.composite
def tool_schemas(draw: st.DrawFn) -> dict[str, Any]:
    """A schema of arguments, with definitions that its references may lead to."""
    properties = {"a": draw(SCHEMAS)}
    if draw(st.booleans()):
        properties["b"] = draw(SCHEMAS)
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    schema["$defs"] = {"a": draw(SCHEMAS), "b": draw(_LEAVES)}
    if draw(st.integers(0, 3)) == 0:
        schema = {**draw(_of(SCHEMAS)), **schema}
    if draft := draw(DRAFTS):
        schema["$schema"] = draft
    return schema
