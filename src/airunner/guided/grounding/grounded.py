"""A tool's arguments as far as the user's words settle them, and the schema of the rest.

A value comes from the message: a number, a choice, a date, a list. Texts are chosen by
the model among the spans of the message (``narrowed``). What the message says nothing of
is left out if it may be, and decoded if it may not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from airunner.guided.grounding.calendar_dates import find_dates
from airunner.guided.grounding.choices import chosen, mentions, switched
from airunner.guided.grounding.number_matching import matched, value_for
from airunner.guided.grounding.quantities import find_quantities
from airunner.guided.grounding.slots import Slot, slots_of
from airunner.guided.grounding.spans import spans_of, tokens_of
from airunner.tools.schema import without

_LONGEST = 1000

_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
}
_NUMBERS = ("integer", "number")


@dataclass(frozen=True, slots=True)
class Grounded:
    """What the message settles, and the schema of what is left to decode."""

    given: Mapping[str, Any]
    schema: Mapping[str, Any]


def ground(schema: Mapping[str, Any], message: str) -> Grounded:
    """Settle what ``message`` settles of an object ``schema``."""
    reading = _Reading(schema, message[:_LONGEST])
    values = {s: v for s, v in reading.settle().items() if _fits(s.schema, v)}
    given: dict[str, Any] = {}
    settled: set[str] = set()
    for name in schema["properties"]:
        mine = [slot for slot in reading.slots if slot.path[0] == name]
        have = {slot.path: values[slot] for slot in mine if slot in values}
        is_required = name in schema.get("required", ())
        missing = [s for s in mine if s.required and s not in values]
        if have and not missing:
            given[name] = _assembled(have, name)
            settled.add(name)
        elif not is_required:
            settled.add(name)
    return Grounded(given, without(schema, settled))


def narrowed(schema: Mapping[str, Any], message: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """``schema`` with texts to be chosen from the spans of ``message``, if it has any.

    Those that ``given`` holds already are none.

    A small model takes a name that it may choose, and makes up one that it has to write.
    """
    used = {str(value).lower() for value in given.values()}
    spans = [span for span in spans_of(message[:_LONGEST]) if span.lower() not in used]
    return _narrowed(schema, spans)


def _narrowed(node: Mapping[str, Any], spans: Sequence[str]) -> dict[str, Any]:
    kind = node.get("type")
    if kind == "object" and node.get("properties"):
        return {
            **node,
            "properties": {n: _narrowed(each, spans) for n, each in node["properties"].items()},
        }
    if kind == "array" and isinstance(node.get("items"), Mapping):
        return {**node, "items": _narrowed(node["items"], spans)}
    if kind != "string" or node.keys() & {"enum", "const", "pattern", "format"}:
        return dict(node)
    fitting = [span for span in spans if _fits(node, span)]
    if not fitting:
        return dict(node)
    limits = ("minLength", "maxLength")
    return {k: v for k, v in node.items() if k not in limits} | {"enum": fitting}


def _fits(schema: Mapping[str, Any], value: Any) -> bool:
    """Whether ``value`` is within the limits of its schema."""
    if "enum" in schema and value not in schema["enum"]:
        return False
    wanted = _TYPES.get(schema.get("type", ""))
    if wanted and (
        not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted)
    ):
        return False
    if isinstance(value, str):
        return bool(schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)))
    if isinstance(value, list):
        items = schema.get("items") or {}
        return schema.get("minItems", 0) <= len(value) <= schema.get(
            "maxItems", len(value)
        ) and all(_fits(items, item) for item in value)
    return True


def _assembled(have: Mapping[tuple[str, ...], Any], name: str) -> Any:
    if (name,) in have:
        return have[(name,)]
    whole: dict[str, Any] = {}
    for path, value in have.items():
        place = whole
        for part in path[1:-1]:
            place = place.setdefault(part, {})
        place[path[-1]] = value
    return whole


class _Reading:
    """One message, read for the slots of one schema."""

    def __init__(self, schema: Mapping[str, Any], message: str) -> None:
        self.slots = slots_of(schema)
        self._text = message
        self._tokens = tokens_of(message)
        self._values: dict[Slot, Any] = {}
        self._numbers = find_quantities(message)

    def settle(self) -> dict[Slot, Any]:
        """The value of each slot that the message settles."""
        self._settle_choices()
        self._settle_dates()
        self._settle_numbers()
        self._settle_only_string()
        return self._values

    def _open(self, *kinds: str) -> list[Slot]:
        return [s for s in self.slots if s.kind in kinds and s not in self._values]

    def _settle_choices(self) -> None:
        for slot in self._open("enum"):
            self._settle(slot, chosen(slot.schema["enum"], self._tokens))
        for slot in self._open("boolean"):
            self._settle(slot, switched(slot, self._tokens))
        for slot in self._open("string"):
            if len(slot.options) > 1 or slot.required:
                self._settle(slot, chosen(slot.options, self._tokens))
        for slot in self._open("array"):
            choices = (slot.schema.get("items") or {}).get("enum", ())
            said = [mention.value for mention in mentions(choices, self._tokens)]
            self._settle(slot, list(dict.fromkeys(said)) or None)

    def _settle(self, slot: Slot, value: Any) -> None:
        if value is not None:
            self._values[slot] = value

    def _settle_dates(self) -> None:
        dates = [d for d in find_dates(self._text) if d.year and d.day]
        slots = [
            s
            for s in self._open("string")
            if {"dat", "date", "day", "start", "end", "check"} & set(s.name_stems)
            and "date" in f"{s.path[-1]} {s.description}".lower()
        ]
        for slot, date in zip(slots, dates, strict=False):
            self._values[slot] = date.as_wanted(slot.description)

    def _settle_numbers(self) -> None:
        slots = self._open(*_NUMBERS)
        used = matched(slots, self._numbers, self._text)
        for slot, number in used.items():
            self._values[slot] = value_for(slot, number)
        lists = [s for s in self._open("array") if s.required and _item_type(s) in _NUMBERS]
        left = [n.value for n in self._numbers if n not in used.values()]
        if len(lists) == 1 and left:
            self._values[lists[0]] = _lists(tuple(left), _is_decimal(lists[0].schema))

    def _settle_only_string(self) -> None:
        """The one text that is wanted, where the message has one span beside the other values."""
        slots = [s for s in self._open("string") if s.required]
        if len(slots) != 1 or slots[0].schema.keys() & {"pattern", "format"}:
            return
        used = {str(value).lower() for value in self._values.values()}
        spans = [span for span in spans_of(self._text) if span.lower() not in used]
        if len(spans) == 1:
            self._values[slots[0]] = spans[0]


def _item_type(slot: Slot) -> str:
    """The JSON type of a list's items; ``enum`` where they are choices."""
    items = slot.schema.get("items") or {}
    return "enum" if "enum" in items else str(items.get("type", ""))


def _is_decimal(schema: Mapping[str, Any]) -> bool:
    items = schema.get("items") or {}
    return items.get("type") == "number" or (items.get("type") == "array" and _is_decimal(items))


def _lists(items: Any, decimal: bool) -> Any:
    if isinstance(items, tuple):
        return [_lists(item, decimal) for item in items]
    return float(items) if decimal and isinstance(items, int) else items
