"""The places of a tool's schema that take one value, and what their names and descriptions say.

An object's properties are places of their own. Nothing here knows a message.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from airunner.guided.words import COMMON, stem

_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_WORD = re.compile(r"[a-z]+|\d+")
_QUOTED = re.compile(r"(?<!\w)['\"‘“`]([^'\"’”`]{1,40})['\"’”`](?!\w)")
_ABOUT_DEFAULT = re.compile(r"[^.;,(]*\bdefaults?\b.*$", re.IGNORECASE | re.DOTALL)
_EXAMPLE = re.compile(
    r"(?:\be\.?g\.?|\bsuch as|\bfor example|\bi\.e\.|\bincluding|\boptions?(?: include)?:?|\blike)"
    r"[,:]?\s+([^.;()]+)",
    re.IGNORECASE,
)


@dataclass(frozen=True, eq=False)
class Slot:
    """One value to be given. ``path`` leads to it through objects, ``order`` counts the slots."""

    path: tuple[str, ...]
    schema: Mapping[str, Any]
    required: bool
    order: int

    @property
    def kind(self) -> str:
        """Its JSON type; ``enum`` where it is a choice; empty where it is anything else."""
        if "enum" in self.schema:
            return "enum"
        kind = self.schema.get("type", "")
        return kind if isinstance(kind, str) else ""

    @property
    def description(self) -> str:
        """What the tool's author wrote of it."""
        return str(self.schema.get("description", ""))

    @cached_property
    def name_stems(self) -> tuple[str, ...]:
        """The words of its name, without endings."""
        parts = _PART.findall(self.path[-1])
        return tuple(stem(part.lower()) for part in parts if not part.isdigit())

    @cached_property
    def about(self) -> frozenset[str]:
        """The telling words of its description, without endings and what it says of the default."""
        words = _WORD.findall(_ABOUT_DEFAULT.sub("", self.description).lower())
        return frozenset(stem(w) for w in words if w not in COMMON)

    @cached_property
    def options(self) -> tuple[str, ...]:
        """Values that the description quotes or lists, such as 'asc' and 'desc'."""
        quoted = [found[1] for found in _QUOTED.finditer(self.description)]
        listed = [
            part.strip(" '\"“”‘’`")
            for found in _EXAMPLE.finditer(self.description)
            for part in re.split(r",|/|\bor\b|\band\b|\betc\b", found[1])
        ]
        both = dict.fromkeys(o for o in [*quoted, *listed] if o and len(o.split()) <= 4)
        return tuple(both)


def slots_of(schema: Mapping[str, Any]) -> list[Slot]:
    """The slots of an object schema, in order."""
    found = _walk(schema, (), True)
    return [Slot(path, node, required, n) for n, (path, node, required) in enumerate(found)]


def _walk(
    schema: Mapping[str, Any], path: tuple[str, ...], required: bool
) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any], bool]]:
    for name, node in schema.get("properties", {}).items():
        is_required = required and name in schema.get("required", ())
        here = (*path, name)
        if node.get("type") == "object" and node.get("properties"):
            yield from _walk(node, here, is_required)
        else:
            yield here, _unwrapped(node), is_required


def _unwrapped(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """A node that may also be null, as what it is otherwise."""
    branches = [b for b in node.get("anyOf", ()) if b.get("type") != "null"]
    if len(branches) != 1:
        return node
    return {**branches[0], **{k: v for k, v in node.items() if k != "anyOf"}}
