"""What a reference within a schema leads to. No other document is ever looked at.

Owns JSON pointers, anchors and the ``$id`` of parts, as the drafts write them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote


@dataclass(frozen=True, slots=True)
class Place:
    """A part of a document, and the part whose ``$id`` its references start from."""

    node: Any
    base: Any


class References:
    """The references of one document, which is plain JSON."""

    def __init__(self, root: Any) -> None:
        self.root = Place(root, root)
        self._named: dict[str, Place] = {}
        for place in _parts(self.root):
            for name in _names(place.node):
                self._named.setdefault(name, place)

    def target(self, reference: object, base: Any) -> Place | None:
        """Where ``reference`` leads from a part with that base; ``None`` if nowhere in here."""
        if not isinstance(reference, str):
            return None
        if reference in self._named:
            return self._named[reference]
        document, _, fragment = reference.partition("#")
        start = self._named.get(document) if document else Place(base, base)
        if start is None:
            return None
        return start if not fragment else _followed(start, unquote(fragment))


def base_below(node: Any, base: Any) -> Any:
    """The base of what is inside ``node``."""
    own = node.get("$id") if isinstance(node, Mapping) else None
    return node if isinstance(own, str) and not own.startswith("#") else base


def _parts(place: Place) -> Iterator[Place]:
    node = place.node
    base = base_below(node, place.base)
    yield Place(node, base)
    children = node.values() if isinstance(node, Mapping) else node
    for child in children if isinstance(node, Mapping | list) else ():
        if isinstance(child, Mapping | list):
            yield from _parts(Place(child, base))


def _names(node: Any) -> Iterator[str]:
    if not isinstance(node, Mapping):
        return
    for key in ("$id", "id"):
        if isinstance(own := node.get(key), str) and own:
            yield own
            yield own.rstrip("#")
    for key in ("$anchor", "$dynamicAnchor"):
        if isinstance(anchor := node.get(key), str):
            yield f"#{anchor}"


def _followed(start: Place, pointer: str) -> Place | None:
    if not pointer.startswith("/"):
        return None
    node, base = start.node, start.base
    for part in pointer[1:].split("/"):
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(node, Mapping) and key in node:
            node = node[key]
        elif isinstance(node, list) and key.isascii() and key.isdigit() and len(key) < 7:
            if int(key) >= len(node):
                return None
            node = node[int(key)]
        else:
            return None
        base = base_below(node, base)
    return Place(node, base)
