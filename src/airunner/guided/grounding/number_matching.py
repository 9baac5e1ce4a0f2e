"""Which number of a message is for which argument.

A number goes to the slot whose words stand nearest to it, and the order of mention
settles what the words do not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from airunner.guided.grounding.quantities import Quantity, are_listed
from airunner.guided.grounding.slots import Slot
from airunner.guided.words import COMMON, stem

_NAME, _DESCRIBED = 3.0, 1.0
_FARTHER = 0.75
_LEAST_OPTIONAL = 1.6
_UNSURE = 1.2
_WORD = re.compile(r"[^\W\d_]+|[.;!?\n=]")
_ENDS = frozenset(".;!?\n")


def matched(slots: Sequence[Slot], numbers: Sequence[Quantity], text: str) -> dict[Slot, Quantity]:
    """The number for each slot that has one: the best pair first, then the best that is left."""
    around = [dict(_around(text, numbers, n)) for n in range(len(numbers))]
    pairs = [
        (_score(slot, number, around[n]), -slot.order, -n)
        for slot in slots
        for n, number in enumerate(numbers)
        if value_for(slot, number) is not None
        # The year of a date is no number of guests.
        and not (number.dated and number.unit not in slot.name_stems)
    ]
    by_order = {slot.order: slot for slot in slots}
    found: dict[Slot, Quantity] = {}
    used: set[int] = set()
    for score, order, n in sorted(pairs, reverse=True):
        slot = by_order[-order]
        if slot in found or -n in used or not (slot.required or score >= _LEAST_OPTIONAL):
            continue
        found[slot] = numbers[-n]
        used.add(-n)
    return found


def value_for(slot: Slot, number: Quantity) -> int | float | None:
    """``number`` as ``slot`` wants it: as a share of 1 or 100, within its limits."""
    value = number.value
    if slot.schema.get("type") == "integer":
        if not float(value).is_integer():
            return None
        value = int(value)
    elif number.is_percent and not _in_percent(slot):
        value = round(value / 100, 12)
    return value if _is_within(slot.schema, value) else None


def _in_percent(slot: Slot) -> bool:
    said = slot.description.lower()
    if slot.schema.get("maximum", 100) <= 1 or re.search(
        r"decimal|\b0\.\d|between 0 and 1\b", said
    ):
        return False
    return bool(re.search(r"percent|%", said + " " + slot.path[-1].lower()))


def _is_within(schema: Mapping[str, float], value: float) -> bool:
    return (
        schema.get("minimum", value) <= value <= schema.get("maximum", value)
        and ("exclusiveMinimum" not in schema or value > schema["exclusiveMinimum"])
        and ("exclusiveMaximum" not in schema or value < schema["exclusiveMaximum"])
    )


def _score(slot: Slot, number: Quantity, around: Mapping[str, float]) -> float:
    named = max((_NAME * w for word, w in around.items() if _is_named(slot, word)), default=0.0)
    described = max(
        (_DESCRIBED * w for word, w in around.items() if word in slot.about), default=0.0
    )
    sure = _UNSURE * (number.dated - number.spelled)
    return named + described + sure


def _is_named(slot: Slot, word: str) -> bool:
    """Whether ``word`` is one of the slot's name, which may be short for it or the other way."""
    return any(
        word == name
        or (len(name) >= 3 and len(word) > 3 and word.startswith(name))
        or (len(name) > 4 and len(word) > 3 and name.startswith(word))
        for name in slot.name_stems
    )


def _around(text: str, numbers: Sequence[Quantity], index: int) -> Iterator[tuple[str, float]]:
    """The words at a number, up to its neighbours, each with what it counts."""
    number = numbers[index]
    first = number
    for earlier in reversed(numbers[:index]):
        # "width and height are 30 and 20": what is before the first is about both.
        if are_listed(earlier, first, text):
            first = earlier
    start = max((n.end for n in numbers if n.end <= first.start), default=0)
    end = min((n.start for n in numbers if n.start >= number.end), default=len(text))
    after = number.start if number.unit.isalpha() else number.end
    is_listed = first is not number or any(
        are_listed(number, later, text) for later in numbers[index + 1 : index + 2]
    )
    farther = 1.0 if is_listed else _FARTHER
    words = [*_near(reversed(_WORD.findall(text[start : first.start])), farther)]
    words += [
        (word, weight * _FARTHER)
        for word, weight in _near(_WORD.findall(text[after:end]), _FARTHER)
    ]
    # The nearest of equal words comes last and so is the one that counts.
    yield from sorted(words, key=lambda pair: pair[1])


def _near(words: Iterable[str], farther: float) -> Iterator[tuple[str, float]]:
    weight = 1.0
    for word in words:
        if word in _ENDS:
            return
        if word != "=" and (word.lower() not in COMMON or len(word) == 1):
            yield stem(word.lower()), weight
            weight *= farther
