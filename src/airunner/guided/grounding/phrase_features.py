"""What speaks for a span of a message as the value of an argument: named signs, not yet a verdict.

Owns the signs; ``phrase_matching`` weighs them. A sign is found in the words around
the span, in its own words, and in what the slot's name says of its kind.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from functools import cached_property

from airunner.guided.grounding.phrases import Phrase, Token
from airunner.guided.grounding.slots import Slot
from airunner.guided.grounding.units import kind_of
from airunner.guided.words import COMMON, stem


def _stemmed(words: str) -> frozenset[str]:
    return frozenset(stem(word) for word in words.split())


_CLASSES = {
    "place": _stemmed(
        "city location country place state county region area town destination origin address "
        "continent venue court neighborhood zip district province where"
    ),
    "person": _stemmed(
        "actor artist person author player director singer athlete lawyer president scientist "
        "inventor sculptor painter composer celebrity politician musician founder leader "
        "footballer user username customer employee patient recipient"
    ),
    "title": _stemmed("title book movie song game artwork painting film album show"),
    "proper": _stemmed(
        "name company team event brand store hotel restaurant museum club league competition stock "
        "index party university school building band character planet body battle war airline "
        "airport station park monument landmark religion institution organization mountain river "
        "manufacturer vendor project platform"
    ),
    "code": _stemmed(
        "id number code docket symbol ticker snp key isbn reference sequence path file dataset "
        "table database email url season version identifier column variable"
    ),
    "topic": _stemmed(
        "type kind genre category material subject topic style color colour food cuisine "
        "method mode field species ingredient organ compartment diet model transportation "
        "instrument sport activity purpose item condition dish product drink animal gender "
        "breed flavor reason part issue specialty expertise industry occupation job skill "
        "theme operation substance gas medium shape hobby finish goal interest disease "
        "symptom profession"
    ),
    "formula": _stemmed("function formula expression equation polynomial"),
    # Written for a machine, and so seldom there in the message unless it is quoted.
    "composed": _stemmed("command query sql script regex pattern prompt json xml html"),
    "text": _stemmed(
        "text sentence review content message comment paragraph passage body question"
    ),
    "time": _stemmed("date time day when deadline period"),
    "unit": _stemmed("unit currency units"),
    "language": _stemmed("language"),
    "event": _stemmed("event war battle period era revolution"),
    "start": _stemmed("from start origin source departure initial begin base"),
    "end": _stemmed("to end destination target arrival final"),
}
_PROPER = ("place", "person", "title", "proper")
_LINKS = frozenset(
    {
        "is",
        "are",
        "of",
        "named",
        "called",
        ":",
        "the",
        "=",
        "a",
        "an",
        "as",
        "with",
        "like",
        "titled",
        "to",
    }
)
_APART = frozenset(
    {"in", "at", "from", "by", "on", "between", "and", "or", "for", "near", "within", "during"}
)
_NEARBY = frozenset({"in", "at", "near", "within", "around"})
_PREPOSITIONS = frozenset(
    {
        "of",
        "for",
        "in",
        "about",
        "by",
        "on",
        "with",
        "to",
        "from",
        "at",
        "during",
        "between",
        "using",
        "like",
        "than",
    }
)
_NUMBERS = re.compile(r"[\d.,$%/-]+")
_CALENDAR = re.compile(
    r"(?:january|february|march|april|may|june|july|august|september|october|november|december"
    r"|monday|tuesday|wednesday|thursday|friday|saturday|sunday)\b",
    re.IGNORECASE,
)
_STATED = re.compile(
    r"[A-Z]\w+, ?[A-Z]|\b(?:and|or) (?:state|country)|, ?(?:city|state)", re.IGNORECASE
)


class Surroundings:
    """A message and a tool's slots, ready to say what speaks for each pair of slot and span."""

    def __init__(
        self, tokens: Sequence[Token], known: Collection[str], slots: Sequence[Slot]
    ) -> None:
        self._tokens, self._known = tokens, known
        self._classes = {slot: classes_of(slot) for slot in slots}

    def signs(self, slot: Slot, phrase: Phrase) -> Iterator[tuple[str, float]]:
        """The signs for or against ``phrase`` as the value of ``slot``, each with its strength."""
        span = _Span(phrase, self._tokens, self._known)
        classes = self._classes[slot]
        names = set(slot.name_stems)
        yield f"is {phrase.sort}", 1.0
        for kind in classes:
            yield f"{kind} {phrase.sort}", 1.0
            if span.preposition in _PREPOSITIONS and phrase.sort != "quoted":
                yield f"{kind} after {span.preposition}", 1.0
        if phrase.opening:
            yield "opening", 1.0
        if phrase.part:
            yield "part", 1.0
        if any(option.lower() == phrase.text.lower() for option in slot.options):
            yield "an option", 1.0
        yield "late", phrase.first / 20
        if phrase.after >= len(self._tokens) - 1:
            yield "last", 1.0
        yield from self._beside(slot, names, classes, span)
        yield from self._own_words(slot, names, classes, span)
        if phrase.sort == "name" and span.is_before_noun:
            yield "name before a noun", 1.0
            for kind in classes:
                yield f"{kind} before a noun", 1.0
        yield from self._place(slot, classes, span)
        yield from self._journey(classes, span)

    def _beside(
        self, slot: Slot, names: set[str], classes: Sequence[str], span: _Span
    ) -> Iterator[tuple[str, float]]:
        phrase, before, after = span.phrase, span.before, span.next
        if before and not phrase.part:
            apart = before[0].end + 2 < span.words[0].start - 1
            firm = apart or phrase.sort != "phrase"
            if before[0].stem in names or _begins(before[0].lower, names):
                yield ("after its name" if firm else "after its name, joined"), 1.0
            elif before[0].stem in slot.description_stems:
                yield ("after its description" if firm else "after its description, joined"), 1.0
            elif len(before) > 1 and before[1].stem in names:
                yield "soon after its name", 1.0
        if before and before[0].end + 1 >= span.words[0].start and before[0].is_verb:
            yield "after a verb", 1.0
        if span.tail:
            if stem(span.tail) in names:
                yield "tail is its name", 1.0
            elif stem(span.tail) in slot.description_stems:
                yield "tail is in its description", 1.0
            else:
                yield "tail is something else", 1.0
        elif after is not None and after.is_word:
            person = "person" in classes and phrase.sort == "name"
            if after.stem in names and not person:
                yield "before its name", 1.0
            elif after.stem in slot.description_stems and phrase.sort != "quoted" and not person:
                yield "before its description", 1.0
            if after.lower == "of" and phrase.sort == "phrase":
                yield "before of", 1.0

    def _own_words(
        self, slot: Slot, names: set[str], classes: Sequence[str], span: _Span
    ) -> Iterator[tuple[str, float]]:
        phrase, words = span.phrase, span.words
        proper = any(kind in _PROPER for kind in classes)
        if _NUMBERS.fullmatch(phrase.text):
            yield ("digits only, for a code" if "code" in classes else "digits only"), 1.0
        elif any(map(str.isdigit, phrase.text)):
            yield ("digits for a code" if "code" in classes else "digits"), 1.0
        if "@" in phrase.text:
            yield ("address wanted" if {"email", "address", "mail"} & names else "address"), 1.0
        unit = kind_of(words[-1].text)
        if "unit" in classes:
            yield ("a unit" if unit else "no unit"), 1.0
            if phrase.first and self._tokens[phrase.first - 1].text[0].isdigit():
                yield ("unit at number, from" if "start" in classes else "unit at number"), 1.0
        elif unit and len(words) == 1 and phrase.sort != "quoted":
            yield "only a unit", 1.0
        if phrase.sort == "quoted":
            yield "quoted length", min(len(words), 6) / 6
            if "text" in classes:
                yield "quoted text length", min(len(words), 6) / 6
            return
        if _CALENDAR.match(phrase.text) and "time" not in classes:
            yield "calendar word", 1.0
        if "language" in classes and not words[0].text[0].isupper():
            yield "language in small letters", 1.0
        own = sum(t.stem in self._known for t in words) / len(words)
        yield ("known words" if phrase.sort == "phrase" else "known name"), own
        if own == 1:
            yield "known wholly", 1.0
        if phrase.sort == "name" and len(words) > 1 and not phrase.part:
            yield "long name", 1.0
            if proper and any(t.stem in names for t in (words[0], words[-1])):
                yield "name has its kind", 1.0
            if "person" in classes:
                yield "person of several words", 1.0
        if phrase.sort == "phrase":
            yield from self._phrase(names, classes, span)

    def _phrase(
        self, names: set[str], classes: Sequence[str], span: _Span
    ) -> Iterator[tuple[str, float]]:
        phrase, words = span.phrase, span.words
        yield "words", min(len(words), 4)
        if all(t.stem in names for t in words):
            yield "is the slot's name", 1.0
        elif words[-1].stem in names and len(words) > 1:
            yield "ends in the slot's name", 1.0
        if span.preposition == "to" and "end" not in classes:
            yield "maybe a verb", 1.0
        if words[0].lower.endswith(("ing", "ed")):
            yield "ing or ed", 1.0
        if words[0].is_verb:
            yield "begins with a verb", 1.0
        if any(t.lower == "of" for t in words):
            yield ("with of" if words[0].stem not in self._known else "known with of"), 1.0
        capitals = [t.text[0].isupper() for t in words]
        if any(capitals):
            yield ("capitals" if all(capitals) else "some capitals"), 1.0
            if not capitals[0] and capitals[-1]:
                yield "capital at the end", 1.0
        before_it = self._tokens[phrase.first - 1] if phrase.first else None
        if before_it is not None and before_it.is_content:
            yield "cut at the start", 1.0
        if span.next is not None and span.next.is_content:
            yield "cut at the end", 1.0

    def _place(
        self, slot: Slot, classes: Sequence[str], span: _Span
    ) -> Iterator[tuple[str, float]]:
        phrase = span.phrase
        if "place" in classes:
            if phrase.part and "," in phrase.text:
                others = sum("place" in c for s, c in self._classes.items() if s is not slot)
                wide = _STATED.search(slot.description) or "city" not in slot.name_stems
                yield (
                    ("place with its state" if wide and not others else "place with too much"),
                    1.0,
                )
        elif span.preposition in _NEARBY and phrase.sort == "name" and len(self._classes) > 1:
            yield "a place for no place", 1.0

    def _journey(self, classes: Sequence[str], span: _Span) -> Iterator[tuple[str, float]]:
        between = any(t.lower == "between" for t in self._tokens[: span.phrase.first])
        if "start" in classes:
            if span.preposition in ("from", "between"):
                yield "from for the start", 1.0
            elif span.preposition == "to":
                yield "to for the start", 1.0
        if "end" in classes:
            if span.preposition in ("to", "into") or (
                span.preposition == "in" and "unit" in classes
            ):
                yield "to for the end", 1.0
            elif span.preposition == "and" and between:
                yield "and for the end", 1.0
            elif span.preposition in ("from", "between"):
                yield "from for the end", 1.0


def classes_of(slot: Slot) -> list[str]:
    """What kinds of thing the slot's name speaks of; the description where the name is mute."""
    found = [kind for kind, words in _CLASSES.items() if words.intersection(slot.name_stems)]
    return found or ["other"]


class _Span:
    """A span with the words around it."""

    def __init__(self, phrase: Phrase, tokens: Sequence[Token], known: Collection[str]) -> None:
        self.phrase, self._tokens = phrase, tokens
        inner = tokens[phrase.first : phrase.after]
        self.words = [t for t in inner if t.is_word] or list(inner)
        self.next = tokens[phrase.after] if phrase.after < len(tokens) else None

    @cached_property
    def preposition(self) -> str:
        """The word before it, articles aside."""
        at = self.phrase.first - 1
        while at > 0 and self._tokens[at].lower in ("the", "a", "an", "my", "this"):
            at -= 1
        return self._tokens[at].lower if at >= 0 else ""

    @property
    def is_before_noun(self) -> bool:
        """Whether a word in small letters follows that is part of the same phrase."""
        return self.next is not None and self.next.is_content and self.next.text[0].islower()

    @cached_property
    def tail(self) -> str:
        """What follows its hyphen, where it is the first part of such a word."""
        whole = self.words[0].lower
        first, _, rest = whole.partition("-")
        return rest if rest and self.phrase.text.lower() == first else ""

    @cached_property
    def before(self) -> list[Token]:
        """The telling words before it, nearest first, up to where it belongs to something else."""
        found: list[Token] = []
        for token in reversed(self._tokens[max(0, self.phrase.first - 6) : self.phrase.first]):
            if token.text in ".;?!," or token.lower in _APART:
                break
            if token.is_word and token.lower not in _LINKS and token.lower not in COMMON:
                found.append(token)
        return found


def _begins(word: str, names: Collection[str]) -> bool:
    return len(word) >= 4 and any(name.startswith(word) for name in names)
