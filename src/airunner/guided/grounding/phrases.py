"""The spans of a message that could be the value of an argument: quotations, names, phrases.

Owns how they are found, not what they are for, which is ``phrase_matching``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from airunner.guided.words import COMMON, stem

Sort = Literal["quoted", "name", "identifier", "expression", "phrase", "time"]

MAX_PHRASES = 60
_LONGEST = 5

_TOKEN = re.compile(
    r"(?:[A-Za-z]\.){2,}|(?:Inc|Ltd|Co|Corp|Mr|Mrs|Ms|Dr|St|Jr|Sr|Prof)\.(?=\s|$)"
    r"|[A-Za-z]:/[\w./-]*\w|https?://[^\s<>\"')\]]*[^\s<>\"')\].,;:!?]"
    r"|\w(?:[\w&@/+#-]|[.:](?=\w)|['’](?=\w))*|[^\w\s]"
)
_QUOTED = re.compile(
    r"\"([^\"\n]{1,200})\"|“([^”\n]{1,200})”"
    r"|(?<!\w)['‘]([^'’\n]+(?:['’](?=\w)[^'’\n]*)*)['’](?!\w)|`([^`\n]+)`"
)
_UNSPACED = "\u2e80"
_DAYS = "monday|tuesday|wednesday|thursday|friday|saturday|sunday"
_MONTHS = "january|february|march|april|may|june|july|august|september|october|november|december"
_TIME = re.compile(
    r"\b(?:today|tomorrow|tonight|yesterday"
    rf"|(?:next|this|last|coming)\s+(?:week|weekend|month|year|quarter|{_DAYS})"
    rf"|(?:{_DAYS})|(?:{_MONTHS})\s+\d{{4}}"
    r"|(?<![\d:])\d{1,2}(?::\d{2})?\s?[ap]\.?m\b|\d{1,2}:\d{2})",
    re.IGNORECASE,
)
_EXPRESSION = re.compile(
    r"(?<![\w^'])[-(]?[\da-z.()]{1,20}(?:\s*(?:\*\*|[-+*/^])\s*[\da-z.()]{1,20})+(?!\w)"
)
_FUNCTIONS = frozenset({"sin", "cos", "tan", "log", "ln", "exp", "sqrt"})
_CONNECTORS = frozenset(
    {"of", "the", "de", "la", "von", "van", "vs", "vs.", "du", "del", "&", "v."}
)
_VERBS_TEXT = """
find calculat comput determin get giv show list tell search retriev fetch want need lik look book
creat mak generat predict estimat provid identify analyz convert send play order add updat remov
delet set turn start stop check compar sort solv explain describ recommend suggest display locat
obtain offer includ say call nam hav can help know understand plan schedul us based sell switch
tak carry cover chang contain prepar publish releas direct writ perform cost weigh travel charg serv
apply exclud propos invent discover compos wear visit
"""
_VERBS = frozenset(_VERBS_TEXT.split())
_FUNCTION_WORDS_TEXT = """
between near nearby around within without during over under after before since until through
versus via per than less more most least last next past current currently today tomorrow now there
each every any some both either while given using against into onto among across please also only
whose where whom did does other another i'd i'm let's what's along toward towards related
regarding concerning named called titled starring specializing specialising made many much often
far long week month day year hour minute second weekend weeks months days years hours minutes
seconds weekends night nights upcoming following starting zero one two three four five six seven
eight nine ten eleven twelve dozen hundred thousand million billion half today's
"""
_FUNCTION_WORDS = COMMON | frozenset(_FUNCTION_WORDS_TEXT.split())


@dataclass(frozen=True, slots=True)
class Token:
    """A word or sign of a message."""

    text: str
    start: int
    end: int

    @property
    def lower(self) -> str:
        """Its text in lower case."""
        return self.text.lower()

    @property
    def stem(self) -> str:
        """Its text without endings."""
        return stem(self.lower.replace("’", "'"))

    @property
    def is_word(self) -> bool:
        """Whether it is more than a sign."""
        return self.text[0].isalnum() or self.text[0] == "_"

    @property
    def is_verb(self) -> bool:
        """Whether it is one of the verbs that requests are made with."""
        return self.stem in _VERBS

    @property
    def is_content(self) -> bool:
        """Whether it is a word that says something by itself."""
        return (
            self.is_word
            and self.lower not in _FUNCTION_WORDS
            and not self.text[0].isdigit()
            # Chinese and Japanese have no spaces: what looks like a word is a sentence.
            and self.text[0] < _UNSPACED
        )


@dataclass(frozen=True, slots=True)
class Phrase:
    """A span of a message: its text and the tokens that it covers, the last excluded."""

    text: str
    sort: Sort
    first: int
    after: int
    opening: bool = False
    part: bool = False

    def overlaps(self, other: Phrase) -> bool:
        """Whether both have a token in common."""
        return self.first < other.after and other.first < self.after


def tokens_of(text: str) -> list[Token]:
    """The words and signs of ``text``."""
    found = []
    for match in _TOKEN.finditer(text):
        word = match[0]
        if len(word) > 3 and word[-2:] in ("'s", "’s"):
            word = word[:-2]
        found.append(Token(word, match.start(), match.start() + len(word)))
    return found


def find_phrases(text: str, tokens: Sequence[Token], known: Collection[str]) -> list[Phrase]:
    """The spans of ``text``; ``known`` are the stems that the tool itself uses."""
    found: dict[tuple[int, int, str], Phrase] = {}
    for phrase in _all(text, tokens, known):
        place = (phrase.first, phrase.after, phrase.text)
        inside = any(
            q.sort == "quoted" and q.first <= phrase.first and phrase.after <= q.after
            for q in found.values()
        )
        if phrase.after > phrase.first and place not in found and not inside:
            found[place] = phrase
    return list(found.values())[:MAX_PHRASES]


def _all(text: str, tokens: Sequence[Token], known: Collection[str]) -> Iterator[Phrase]:
    for match in _QUOTED.finditer(text):
        group = next(n for n in range(1, 5) if match[n] is not None)
        is_key = text[match.end() : match.end() + 1] == ":"
        if (inner := match[group].strip(" ,")) and not is_key:
            yield from _covering(inner, "quoted", match, tokens)
    for match in _EXPRESSION.finditer(text):
        if _is_expression(match[0]):
            yield from _covering(match[0].strip(" ."), "expression", match, tokens)
    for match in _TIME.finditer(text):
        yield from _covering(match[0], "time", match, tokens)
    yield from _names(text, tokens)
    for n, token in enumerate(tokens):
        if _is_identifier(token.text) or re.fullmatch(r"\d+(?:[-/]\d+)?", token.text):
            yield Phrase(token.text, "identifier", n, n + 1)
        elif token.text.count("-") == 1 and token.is_word and token.text[0].isalpha():
            yield Phrase(token.text.partition("-")[0], "phrase", n, n + 1)
    yield from _phrases(text, tokens, known)


def _covering(
    written: str, sort: Sort, match: re.Match[str], tokens: Sequence[Token]
) -> Iterator[Phrase]:
    inside = [n for n, t in enumerate(tokens) if match.start() <= t.start < match.end()]
    if inside:
        yield Phrase(written, sort, inside[0], inside[-1] + 1)


def _is_expression(written: str) -> bool:
    """Whether it has a number and a variable, and no words but functions."""
    words = re.findall(r"[a-z]+", written)
    return bool(words and re.search(r"\d", written)) and all(
        len(word) == 1 or word in _FUNCTIONS for word in words
    )


def _names(text: str, tokens: Sequence[Token]) -> Iterator[Phrase]:
    at = 0
    while at < len(tokens):
        if not _is_name(tokens, at):
            at += 1
            continue
        end = at + 1
        while end < len(tokens):
            if (_is_adjacent(tokens, end - 1, end) and _continues_name(tokens, end)) or (
                tokens[end].lower in _CONNECTORS
                and end + 1 < len(tokens)
                and (
                    _is_name(tokens, end + 1)
                    or (
                        tokens[end + 1].lower == "the"
                        and end + 2 < len(tokens)
                        and _is_name(tokens, end + 2)
                    )
                )
            ):
                end += 1
            else:
                break
        opening = at == 0 or tokens[at - 1].text in ".?!"
        if opening and (
            tokens[at].lower in _FUNCTION_WORDS
            or tokens[at].stem in _VERBS
            or end - at == 1
            or len(tokens[at].text) > 2
        ):
            # A sentence begins with a capital whatever it begins with.
            if end - at > 1:
                yield Phrase(_cut(text, tokens, at + 1, end), "name", at + 1, end)
                yield Phrase(_cut(text, tokens, at, end), "name", at, end, opening=True)
            elif tokens[at].lower not in _FUNCTION_WORDS and tokens[at].stem not in _VERBS:
                yield Phrase(_cut(text, tokens, at, end), "name", at, end, opening=True)
        else:
            yield Phrase(_cut(text, tokens, at, end), "name", at, end)
        yield from _parts(text, tokens, at, end)
        at = end


def _parts(text: str, tokens: Sequence[Token], first: int, after: int) -> Iterator[Phrase]:
    """What stands on the sides of "of" in a name, and a name with the one after its comma."""
    for n in range(first + 1, after - 1):
        if tokens[n].lower in ("of", "vs", "vs.", "v."):
            start = n + 1 + (tokens[n + 1].lower == "the")
            yield Phrase(_cut(text, tokens, first, n), "name", first, n, part=True)
            yield Phrase(_cut(text, tokens, start, after), "name", start, after, part=True)
    if after - first > 1 and tokens[after - 1].text[0].isupper():
        yield Phrase(_cut(text, tokens, first, after - 1), "name", first, after - 1, part=True)
    if after + 1 < len(tokens) and tokens[after].text == "," and _is_name(tokens, after + 1):
        end = after + 2
        while (
            end < len(tokens)
            and _is_adjacent(tokens, end - 1, end)
            and _continues_name(tokens, end)
        ):
            end += 1
        following = tokens[end].text if end < len(tokens) else ""
        if not (
            following == "," and end + 1 < len(tokens) and _is_name(tokens, end + 1)
        ) and following not in ("and", "or"):
            yield Phrase(_cut(text, tokens, first, end), "name", first, end, part=True)


def _is_name(tokens: Sequence[Token], at: int) -> bool:
    text = tokens[at].text
    return text[0].isupper() and text not in ("I", "I'm", "I'd", "I've", "I'll")


def _continues_name(tokens: Sequence[Token], at: int) -> bool:
    text = tokens[at].text
    if text in ("I",):
        return False
    return text[0].isupper() or (
        text.isdigit()
        and len(text) <= 3
        and tokens[at - 1].text[0].isupper()
        and tokens[at - 1].text.isupper()
    )


def _is_adjacent(tokens: Sequence[Token], one: int, other: int) -> bool:
    return 0 <= tokens[other].start - tokens[one].end <= 1


def _is_identifier(text: str) -> bool:
    if not (text[0].isalnum() or text[0] == "_"):
        return False
    has_digit, has_letter = any(map(str.isdigit, text)), any(map(str.isalpha, text))
    return (
        (has_digit and has_letter and not re.fullmatch(r"[\d.,]+[a-zA-Zµ°/²³]{1,3}", text))
        or ("_" in text and has_letter)
        or "@" in text
        or bool(re.search(r"[A-Za-z][./][A-Za-z]", text))
        or bool(re.search(r"[a-z][A-Z]", text))
    )


def _phrases(text: str, tokens: Sequence[Token], known: Collection[str]) -> Iterator[Phrase]:
    """Runs of words that are neither function words nor, at their ends, the tool's own."""
    at = 0
    while at < len(tokens):
        if not tokens[at].is_content:
            at += 1
            continue
        end = at + 1
        while end < len(tokens) and tokens[end].is_content and _is_adjacent(tokens, end - 1, end):
            end += 1
        first, after = at, end
        while first < after and (tokens[first].stem in known or tokens[first].stem in _VERBS):
            first += 1
        while after > first and tokens[after - 1].stem in known:
            after -= 1
        spans = [(first, after)] if first < after else []
        first_word = at + 1 if tokens[at].stem in _VERBS else at
        spans += [(first_word, end)]
        for size in range(min(_LONGEST, end - at), 0, -1):
            spans += [(n, n + size) for n in range(first_word, end - size + 1)]
        if end + 1 < len(tokens) and tokens[end].lower == "of":
            start = end + 1 + (tokens[end + 1].lower in ("the", "a", "an"))
            stop = start
            while stop < len(tokens) and tokens[stop].is_content:
                stop += 1
            if stop > start:
                spans.insert(0, (end - 1, stop))
        for start, stop in spans[:14]:
            if start < stop and not (_is_capital(tokens, start) and _is_capital(tokens, start - 1)):
                yield Phrase(_cut(text, tokens, start, stop), "phrase", start, stop)
        at = end


def _is_capital(tokens: Sequence[Token], at: int) -> bool:
    return at > 0 and tokens[at].text[0].isupper()


def _cut(text: str, tokens: Sequence[Token], first: int, after: int) -> str:
    return text[tokens[first].start : tokens[after - 1].end]
