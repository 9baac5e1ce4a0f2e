"""Where a schema holds other schemas: the keywords, for those who walk or change one.

Owns that list. What stands under any other keyword is no schema, and a property
may be called like a keyword.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

IN_PLACE = ("not", "if", "then", "else")
"""Keywords of one schema that speaks of the same value."""

LISTS_IN_PLACE = ("allOf", "anyOf", "oneOf")
"""Keywords of several schemas that speak of the same value."""

OF_NAMES = ("additionalProperties", "unevaluatedProperties", "propertyNames")
OF_ITEMS = ("items", "contains", "unevaluatedItems")

_SINGLE = (*IN_PLACE, *OF_NAMES, *OF_ITEMS)
_LISTS = (*LISTS_IN_PLACE, "prefixItems")
_MAPS = ("properties", "patternProperties", "dependentSchemas", "$defs")


def all_schemas(node: Any) -> Iterator[Any]:
    """A ``sound`` schema and every schema within it."""
    yield node
    if not isinstance(node, Mapping):
        return
    children = [node[key] for key in _SINGLE if key in node]
    children += [child for key in _LISTS for child in node.get(key, ())]
    children += [child for key in _MAPS for child in node.get(key, {}).values()]
    for child in children:
        yield from all_schemas(child)


def with_subschemas(
    node: Mapping[str, Any], change: Callable[[Mapping[str, Any]], Any]
) -> dict[str, Any]:
    """A copy of ``node`` in which every schema directly within it is what ``change`` returns.

    ``True`` and ``False`` as schemas, and what is no schema at all, are left as they are.
    """

    def changed(child: Any) -> Any:
        return change(child) if isinstance(child, Mapping) else child

    copy = dict(node)
    for key, value in node.items():
        if key in _SINGLE:
            copy[key] = changed(value)
        elif key in _LISTS and isinstance(value, list | tuple):
            copy[key] = [changed(child) for child in value]
        elif key in _MAPS and isinstance(value, Mapping):
            copy[key] = {name: changed(child) for name, child in value.items()}
    return copy
