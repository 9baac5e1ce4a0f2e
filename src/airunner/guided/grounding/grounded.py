"""A tool's arguments as far as the user's words settle them, and the schema of the rest.

A value comes from the message: a number, a choice, a name that is there. What the
message says nothing of is left out if it may be, and decoded if it may not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from airunner.guided.grounding.calendar_dates import find_dates
from airunner.guided.grounding.choices import Mention, chosen, mentions, switched
from airunner.guided.grounding.listings import Listing, bracketed, runs_of_numbers, runs_of_phrases
from airunner.guided.grounding.number_matching import matched, value_for
from airunner.guided.grounding.phrase_matching import matched_phrases
from airunner.guided.grounding.phrases import Phrase, Token, find_phrases, tokens_of
from airunner.guided.grounding.quantities import Quantity, find_quantities
from airunner.guided.grounding.slots import Slot, slots_of
from airunner.guided.words import stems
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


def ground(schema: Mapping[str, Any], message: str, about: str = "") -> Grounded:
    """Settle what ``message`` settles of an object ``schema``; ``about`` describes its tool."""
    reading = _Reading(schema, message[:_LONGEST], about)
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


def read_phrases(
    schema: Mapping[str, Any], message: str, about: str = ""
) -> tuple[list[Slot], list[Phrase], Sequence[Token], set[str]]:
    """What is matched last, for fitting how: slots, spans, tokens, and the stems of the schema."""
    reading = _Reading(schema, message[:_LONGEST], about)
    reading.settle_all_but_strings()
    return reading.left_for_strings()


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

    def __init__(self, schema: Mapping[str, Any], message: str, about: str) -> None:
        self.slots = slots_of(schema)
        self._text = message
        self._tokens = tokens_of(message)
        self._known = set(stems(about)) | {s for slot in self.slots for s in slot.name_stems}
        self._values: dict[Slot, Any] = {}
        self._numbers = find_quantities(message)
        self._phrases = find_phrases(message, self._tokens, self._known)
        for phrase in self._phrases:
            if phrase.sort == "expression":
                start, end = self._tokens[phrase.first].start, self._tokens[phrase.after - 1].end
                self._numbers = [n for n in self._numbers if not start <= n.start < end]

    def settle(self) -> dict[Slot, Any]:
        """The value of each slot that the message settles."""
        self.settle_all_but_strings()
        self._settle_strings()
        return self._values

    def settle_all_but_strings(self) -> None:
        """What is not a span of the message, which leaves fewer spans for what is."""
        self._settle_lists()
        self._settle_choices()
        self._settle_dates()
        self._settle_numbers()

    def left_for_strings(self) -> tuple[list[Slot], list[Phrase], Sequence[Token], set[str]]:
        """The open slots of strings, the spans that may fill them, the tokens, known stems."""
        return self._open("string"), self._phrases, self._tokens, self._known

    def _open(self, *kinds: str) -> list[Slot]:
        return [s for s in self.slots if s.kind in kinds and s not in self._values]

    def _settle_choices(self) -> None:
        for slot in self._open("enum"):
            if said := chosen(slot, slot.schema["enum"], self._tokens):
                self._settle(slot, said)
        for slot in self._open("boolean"):
            value = switched(slot, self._tokens)
            if value is not None:
                self._values[slot] = value
        for slot in self._open("string"):
            said = chosen(slot, slot.options, self._tokens)
            if said and (len(slot.options) > 1 or slot.required):
                self._settle(slot, said)

    def _settle(self, slot: Slot, said: Mention) -> None:
        self._values[slot] = said.value
        self._use_up(said)

    def _is_only(self, phrase: Phrase, number: Quantity) -> bool:
        """Whether a span is the digits of a number and nothing else."""
        start, end = self._tokens[phrase.first].start, self._tokens[phrase.after - 1].end
        return phrase.sort == "identifier" and number.start <= start < end <= number.end

    def _use_up(self, said: Mention) -> None:
        self._phrases = [p for p in self._phrases if p.after <= said.first or said.after <= p.first]

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
            self._phrases = [p for p in self._phrases if not self._is_only(p, number)]
        lists = [s for s in self._open("array") if s.required and _item_type(s) in _NUMBERS]
        left = [n.value for n in self._numbers if n not in used.values() and not n.implied]
        if len(lists) == 1 and left:
            self._values[lists[0]] = _lists(tuple(left), _is_decimal(lists[0].schema))

    def _settle_strings(self) -> None:
        slots = [
            s
            for s in self._open("string")
            if "pattern" not in s.schema and "format" not in s.schema
        ]
        lists = [s for s in self._open("array") if s.required and _item_type(s) == "string"]
        found = matched_phrases([*slots, *lists], self._phrases, self._tokens, self._known)
        for slot, choice in found.items():
            text = choice.phrase.text
            self._values[slot] = [text] if slot.kind == "array" else text

    def _settle_lists(self) -> None:
        slots = [s for s in self.slots if s.schema.get("type") == "array"]
        if not slots:
            return
        lists = bracketed(self._text)
        for slot in slots:
            items = slot.schema.get("items") or {}
            if "enum" in items:
                said = mentions(items["enum"], self._tokens, partly=True, known=self._known)
                if said:
                    self._values[slot] = list(dict.fromkeys(m.value for m in said))
                    for mention in said:
                        self._use_up(mention)
        number_slots = [s for s in slots if _item_type(s) in (*_NUMBERS, "array")]
        text_slots = [s for s in slots if _item_type(s) == "string"]
        self._number_lists(number_slots, lists)
        self._text_lists(text_slots, lists)

    def _number_lists(self, slots: Sequence[Slot], lists: Sequence[Listing]) -> None:
        runs = [
            Listing(tuple(n.value for n in run), run[0].start, run[-1].end)
            for run in runs_of_numbers(self._text, self._numbers)
        ]
        found = [
            each
            for each in lists
            if each.depth == 2 or all(isinstance(i, int | float) for i in each.items)
        ]
        found += [r for r in runs if not any(each.start <= r.start < each.end for each in lists)]
        found.sort(key=lambda listing: listing.start)
        for slot in slots:
            deep = slot.schema["items"].get("type") == "array"
            listing = next((each for each in found if (each.depth == 2) == deep), None)
            if listing is not None and (slot.required or len(found) >= len(slots)):
                found.remove(listing)
                self._values[slot] = _lists(listing.items, _is_decimal(slot.schema))
                self._numbers = [
                    n for n in self._numbers if not listing.start <= n.start < listing.end
                ]

    def _text_lists(self, slots: Sequence[Slot], lists: Sequence[Listing]) -> None:
        for slot in slots:
            listing = next(
                (each for each in lists if all(isinstance(i, str) for i in each.items)), None
            )
            if listing:
                self._values[slot] = list(listing.items)
                self._take(listing.start, listing.end)
                continue
            runs = runs_of_phrases(self._text, self._phrases, self._tokens)
            closest = max(runs, key=lambda run: self._nearness(slot, run), default=None)
            if closest and (slot.required or self._nearness(slot, closest) > 1):
                self._values[slot] = [p.text for p in closest]
                start, end = closest[0].first, closest[-1].after
                self._take(self._tokens[start].start, self._tokens[end - 1].end)

    def _nearness(self, slot: Slot, run: Sequence[Phrase]) -> int:
        """2 if the words before a list are of the slot's name, 1 if of its description."""
        before = {t.stem for t in self._tokens[max(0, run[0].first - 3) : run[0].first]}
        if before.intersection(slot.name_stems):
            return 2
        return int(bool(before & slot.description_stems))

    def _take(self, start: int, end: int) -> None:
        self._phrases = [p for p in self._phrases if not start <= self._tokens[p.first].start < end]


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
