"""Which number of a message is for which argument.

Every pair of a slot and a number gets a score from the words and the unit at the
number; the assignment with the greatest sum wins, and the order of mention
settles what the words do not.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from airunner.guided.grounding.quantities import Quantity, are_listed
from airunner.guided.grounding.slots import Slot
from airunner.guided.grounding.units import factor_to, kind_of
from airunner.guided.words import COMMON, stem

_NAME, _DESCRIBED = 3.0, 1.0
_NEAR = 0.75
_SECOND_WORD = 0.5
_UNIT_OF_NAME, _UNIT_OF_DESCRIPTION, _OTHER_UNIT = 2.0, 1.2, -1.5
_IN_ORDER, _IN_SERIES = 0.35, 1.0
_LEAST_OPTIONAL = 1.6
_WITHOUT = -2.5
_YEARS = range(1000, 2200)
_WORD = re.compile(r"[A-Za-z]+|[.;!?()\[\]\n=]")
_ENDS = frozenset(".;!?\n")
_STOPS = _ENDS | frozenset("()[]")
_COUNTS_TEXT = """
number num count limit top max amount siz n result
"""
_COUNTS = frozenset(_COUNTS_TEXT.split())
_COUNTING_TEXT = """
top first find list giv show get best generat
"""
_COUNTING = frozenset(_COUNTING_TEXT.split())
_CONNECTED_TEXT = """
and with for at in from over after given while by
"""
_CONNECTED = frozenset(_CONNECTED_TEXT.split())
_MOST = 7
_MOST_TRIED = 3000
_EQUALS, _NOT_ITS_OWN = 1.6, 0.3
_JOINED = re.compile(r"\b(?:and|with|for|at|over|after|while|plus)\b|,")
_Chosen = tuple[int | None, ...]


def matched(slots: Sequence[Slot], numbers: Sequence[Quantity], text: str) -> dict[Slot, Quantity]:
    """The number for each slot that has one."""
    if not slots or not numbers:
        return {}
    scores = _Scores(slots, numbers, text)
    return _best(slots, numbers, scores)


def value_for(slot: Slot, number: Quantity) -> int | float | None:
    """``number`` as ``slot`` wants it: in its unit, as a share of 1 or 100, within its limits."""
    value = number.value
    whole = slot.schema.get("type") == "integer"
    if number.is_percent and not whole and not _in_percent(slot):
        value = round(value / 100, 12)
    elif number.unit and (factor := factor_to(number.unit, _unit_text(slot))) != 1:
        value = float(f"{value * factor:.10g}")
    if whole or isinstance(value, float):
        if whole and not float(value).is_integer():
            return None
        value = int(value) if whole else value
    return value if _is_within(slot, value) else None


def _unit_text(slot: Slot) -> str:
    return f"{slot.path[-1].replace('_', ' ')} {slot.about}"


def _in_percent(slot: Slot) -> bool:
    said = slot.description.lower()
    if slot.schema.get("maximum", 100) <= 1 or re.search(
        r"decimal|\b0\.\d|between 0 and 1\b|sum to 1", said
    ):
        return False
    return bool(re.search(r"percent|%", said + " " + slot.path[-1].lower()))


def _is_within(slot: Slot, value: float) -> bool:
    schema = slot.schema
    return (
        schema.get("minimum", value) <= value <= schema.get("maximum", value)
        and ("exclusiveMinimum" not in schema or value > schema["exclusiveMinimum"])
        and ("exclusiveMaximum" not in schema or value < schema["exclusiveMaximum"])
    )


class _Scores:
    """How well each number suits each slot."""

    def __init__(self, slots: Sequence[Slot], numbers: Sequence[Quantity], text: str) -> None:
        self._slots, self._numbers, self._text = slots, numbers, text
        in_names = Counter(s for slot in slots for s in set(slot.name_stems))
        in_descriptions = Counter(s for slot in slots for s in slot.description_stems)
        self._share = {
            word: 1.0 if in_names[word] + in_descriptions[word] <= 2 else 0.4
            for word in {*in_names, *in_descriptions}
        }
        explicit = sum(not (n.implied or n.spelled or n.dated) for n in numbers)
        required = sum(slot.required for slot in slots)
        self._spelled_penalty = 6.0 if explicit >= max(1, required) else 0.0
        self._context: list[list[tuple[str, float]]] = []
        for n in range(len(numbers)):
            self._context.append(self._around(n))

    def of(self, slot: Slot, index: int) -> float | None:
        """The score; ``None`` where the number cannot be the slot's value at all."""
        number = self._numbers[index]
        if value_for(slot, number) is None:
            return None
        total = self._words(slot, index) + _unit(slot, number) + _year(slot, number)
        if number.implied:
            total -= 1.2
        elif number.spelled:
            total -= self._spelled_penalty * (0.4 if _COUNTS.intersection(slot.name_stems) else 1.0)
        total += _bound(slot, self._text[: number.start])
        if number.dated:
            total += 1.5 if number.unit in slot.name_stems else -3.0
        before = self._context[index]
        if _COUNTS.intersection(slot.name_stems) and not kind_of(number.unit):
            total += 0.5
            if before and before[0][0] in _COUNTING and before[0][1] > 0:
                total += 1.5
        return total

    def _words(self, slot: Slot, index: int) -> float:
        named: dict[str, float] = {}
        best_described = 0.0
        for word, weight in self._context[index]:
            share = self._share.get(word, 0.0)
            if word in slot.name_stems:
                named[word] = max(named.get(word, 0.0), _NAME * abs(weight) * max(share, 0.4))
            elif len(word) > 3 and _abbreviates(word, slot.name_stems):
                named[word] = max(named.get(word, 0.0), _NAME * abs(weight) * 0.8)
            elif word in slot.description_stems:
                best_described = max(best_described, _DESCRIBED * abs(weight) * share)
        first, second = sorted([*named.values(), 0.0, 0.0], reverse=True)[:2]
        return first + _SECOND_WORD * second + best_described

    def _around(self, index: int) -> list[tuple[str, float]]:
        """The words at a number: those before it with their weights, those after it negative."""
        number = self._numbers[index]
        others = [n for n in self._numbers if not n.implied]
        start = max((n.end for n in others if n.end <= number.start), default=0)
        end = min((n.start for n in others if n.start >= number.end), default=len(self._text))
        if index > 0 and are_listed(self._numbers[index - 1], number, self._text):
            # "base and height as 6 and 10": what was before the first is about all of them.
            found = [(word, weight) for word, weight in self._context[index - 1] if weight > 0]
        else:
            found = _before(self._text[start : number.start], between=start > 0)
        at = number.start if number.unit.isalpha() and not number.implied else number.end
        return found + _after(self._text[at:end])


def _before(text: str, *, between: bool) -> list[tuple[str, float]]:
    """The words before a number, nearest first.

    ``between`` two numbers, those up to the first "and" rather belong to the first.
    """
    found: list[tuple[str, float]] = []
    weight = 1.0
    own = _JOINED.search(text) if between else None
    for match in reversed(list(_WORD.finditer(text))):
        token = match[0]
        if own and match.start() < own.start():
            weight *= _NOT_ITS_OWN
            own = None
        if token in _ENDS:
            break
        if token == "=":
            weight = _EQUALS
        elif token in _STOPS:
            continue
        elif (word := token.lower()) in COMMON and len(word) > 1:
            weight *= 0.95
        else:
            found.append((stem(word), weight))
            weight *= _NEAR
    return found


def _after(text: str) -> list[tuple[str, float]]:
    """The words after a number, up to where something else begins, with negative weights."""
    found: list[tuple[str, float]] = []
    weight = 1.0
    for token in _WORD.findall(text):
        word = token.lower()
        if token in _STOPS or token == "=" or word in _CONNECTED:
            break
        if word in COMMON:
            weight *= 0.9
        else:
            found.append((stem(word), -weight))
            weight *= _NEAR * 0.8
    return found


_AT_MOST = re.compile(
    r"(?:under|below|less than|at most|up to|maximum(?: of)?|more than|over|above|at least"
    r"|minimum(?: of)?)\s*[$€£]?$"
)


def _bound(slot: Slot, before: str) -> float:
    said = _AT_MOST.search(before.lower())
    if said is None:
        return 0.0
    is_most = said[0].startswith(("under", "below", "less", "at most", "up", "maximum"))
    names = slot.name_stems
    return 1.5 * (
        ("max" in names or "maximum" in names)
        if is_most
        else ("min" in names or "minimum" in names)
    )


def _abbreviates(word: str, names: Sequence[str]) -> bool:
    return any(len(n) >= 7 and word[:6] == n[:6] for n in names) or any(
        len(n) >= 3 and (word.startswith(n) or (len(n) > 4 and n.startswith(word))) for n in names
    )


def _unit(slot: Slot, number: Quantity) -> float:
    kind = kind_of(number.unit)
    if not kind:
        return 0.0
    if stem(number.unit.lower()) in slot.name_stems:
        return _UNIT_OF_NAME + 0.5
    if kind in slot.measures:
        return _UNIT_OF_NAME
    if kind in slot.measures_described:
        return _UNIT_OF_DESCRIPTION if not slot.measures else 0.2
    if slot.measures:
        return _OTHER_UNIT
    return _UNIT_OF_DESCRIPTION if factor_to(number.unit, slot.about) != 1 else 0.0


def _year(slot: Slot, number: Quantity) -> float:
    is_year = isinstance(number.value, int) and number.value in _YEARS and not kind_of(number.unit)
    wants = "year" in slot.name_stems and not re.search(
        r"years|number of|how many", f"{slot.path[-1]} {slot.about}", re.IGNORECASE
    )
    if is_year and wants:
        return 2.5
    if wants and not number.dated:
        return -2.0 if kind_of(number.unit) else -0.8
    if is_year and "year" in slot.name_stems:
        return -2.5
    return 0.0


def _best(
    slots: Sequence[Slot], numbers: Sequence[Quantity], scores: _Scores
) -> dict[Slot, Quantity]:
    """The assignment with the greatest sum, by trying all that could be."""
    options: list[list[tuple[float, int]]] = []
    for slot in slots:
        scored = [(s, n) for n in range(len(numbers)) if (s := scores.of(slot, n)) is not None]
        if not slot.required:
            scored = [(s, n) for s, n in scored if s >= _LEAST_OPTIONAL]
        limit = _MOST if len(slots) <= 4 else 4
        options.append(sorted(scored, key=lambda pair: (-pair[0], pair[1]))[:limit])
    reach = [0.0] * (len(slots) + 1)
    for n in range(len(slots) - 1, -1, -1):
        top = max((s for s, _ in options[n]), default=0.0)
        reach[n] = reach[n + 1] + max(0.0, top) + _IN_SERIES
    best: tuple[float, _Chosen] = (float("-inf"), ())
    tried = 0

    def search(at: int, total: float, chosen: _Chosen) -> None:
        nonlocal best, tried
        tried += 1
        if at == len(slots):
            if total > best[0] + 1e-9:
                best = (total, chosen)
            return
        if total + reach[at] <= best[0] or tried > _MOST_TRIED:
            return
        for score, n in options[at]:
            if n not in chosen:
                search(at + 1, total + score + _order(slots, chosen, n), (*chosen, n))
        search(at + 1, total + (_WITHOUT if slots[at].required else 0.0), (*chosen, None))

    search(0, 0.0, ())
    return {slot: numbers[n] for slot, n in zip(slots, best[1], strict=False) if n is not None}


def _order(slots: Sequence[Slot], chosen: _Chosen, number: int) -> float:
    """What the order of mention says of giving the next slot this number."""
    given = [(s, n) for s, n in zip(slots, chosen, strict=False) if n is not None]
    if not given:
        return 0.0
    series = slots[len(chosen)].series
    same = [n for s, n in given if series and s.series == series]
    if number > given[-1][1]:
        return _IN_SERIES if same else _IN_ORDER
    if not same:
        return 0.0
    return _IN_SERIES if number > max(same) else -_IN_SERIES
