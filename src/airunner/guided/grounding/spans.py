"""The words of a message, and the spans of it that may be values: quotations, names, identifiers.

Which of them is meant is for the model to choose. No list of words of a language has a
part in it, but for the common ones that begin an English sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from airunner.guided.grounding.calendar_dates import find_dates
from airunner.guided.words import COMMON, stem

MOST_SPANS = 60

_TOKEN = re.compile(
    r"https?://[^\s<>\"')\]]*[^\s<>\"')\].,;:!?]"
    r"|\w(?:[\w&@/+#%-]|[.:](?=\w)|['’](?=\w))*|[^\w\s]"
)
_QUOTED = re.compile(
    r"\"([^\"\n]{1,200})\"|“([^”\n]{1,200})”|«\s*([^»\n]{1,200}?)\s*»|`([^`\n]{1,200})`"
    r"|(?<!\w)['‘]([^'’\n]{1,200}(?:['’](?=\w)[^'’\n]{1,200})*)['’](?!\w)"
)
_IDENTIFIER = re.compile(r"\d|@|_|\w[./]\w|[a-z][A-Z]")
_CONNECTING = frozenset({"of", "the", "de", "la", "von", "van", "&"})
_ENDS = frozenset(".?!:¿¡")


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
    def is_capital(self) -> bool:
        """Whether it is a word that begins with a capital and is no common one."""
        return self.text[0].isupper() and self.lower not in COMMON


def tokens_of(text: str) -> list[Token]:
    """The words and signs of ``text``."""
    found = []
    for match in _TOKEN.finditer(text):
        word = match[0]
        if len(word) > 3 and word[-2:] in ("'s", "’s"):
            word = word[:-2]
        found.append(Token(word, match.start(), match.start() + len(word)))
    return found


def spans_of(text: str) -> list[str]:
    """The spans of ``text`` that may be values, quotations first; dates are none."""
    quotations = [next(filter(None, match.groups())).strip() for match in _QUOTED.finditer(text)]
    hidden = [(m.start(), m.end()) for m in _QUOTED.finditer(text)]
    hidden += [(date.start, date.end) for date in find_dates(text)]
    tokens = [t for t in tokens_of(text) if not any(a <= t.start < b for a, b in hidden)]
    return list(dict.fromkeys([*filter(None, quotations), *_names(text, tokens)]))[:MOST_SPANS]


def _names(text: str, tokens: Sequence[Token]) -> Iterator[str]:
    """Runs of words with capitals, such as "Paris, France", and single identifiers."""
    at = 0
    while at < len(tokens):
        if not _begins(tokens, at):
            at += 1
            continue
        end = at + 1
        while more := _more(text, tokens, end):
            end += more
        yield text[tokens[at].start : tokens[end - 1].end]
        at = end


def _begins(tokens: Sequence[Token], at: int) -> bool:
    token = tokens[at]
    if token.text[0].isalnum() and _IDENTIFIER.search(token.text):
        return True
    # A sentence begins with a capital whatever it begins with.
    opens = at == 0 or tokens[at - 1].text in _ENDS
    return token.is_capital and (not opens or token.text.isupper())


def _more(text: str, tokens: Sequence[Token], end: int) -> int:
    """How many of the tokens from ``end`` on belong to the name before them."""
    if end >= len(tokens):
        return 0
    token, last = tokens[end], tokens[end - 1]
    following = tokens[end + 1] if end + 1 < len(tokens) else None
    if token.start - last.end > 1:
        return 0
    if token.is_capital:
        return 1
    joins = token.text == "," or (token.text == "." and len(last.text) <= 2)
    if following is not None and (joins or token.lower in _CONNECTING):
        return 2 if following.is_capital and following.start - token.end <= 1 else 0
    return 0
