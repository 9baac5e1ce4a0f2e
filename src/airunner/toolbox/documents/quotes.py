"""Quotations, checked against the text that they are said to be from.

Owns when a quotation counts as verbatim: letter by letter, but for upper case, the
kinds of quotes, dashes and spaces, and marks at its ends. What is kept of it is the
text's own wording.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from airunner.toolbox.documents.document import Passage
from airunner.tools.passages import split_sentences

_QUOTED = re.compile(r"\"([^\"]+)\"|“([^”]+)”|«([^»]+)»|„([^“”]+)[“”]")
_ELLIPSIS = re.compile(r"\s*(?:\[\s*)?(?:\.{3,}|…)(?:\s*\])?\s*")
_NUMBER = re.compile(r"\d+(?:[.,:/]\d+)*")
_ENDS = " \t\n.,;:!?'\"“”‘’«»()[]*_-–—"
_SAME = str.maketrans(
    {**dict.fromkeys("“”„«»″", '"'), **dict.fromkeys("‘’‚′`", "'"), **dict.fromkeys("‐‑‒–—−", "-")}
)
_INVISIBLE = "\u00ad\u200b\u200c\u200d\ufeff"
_FEWEST_WORDS, _ENOUGH_WORDS = 3, 6


@dataclass(frozen=True, slots=True)
class Quote:
    """Words of a document, and the passage that has them."""

    text: str
    passage: Passage


def quotations(text: str) -> list[str]:
    """What stands between quotation marks in ``text``; at an ellipsis it is cut."""
    return [
        fragment
        for found in _QUOTED.finditer(text)
        for fragment in _ELLIPSIS.split(next(filter(None, found.groups())))
        if fragment.strip(_ENDS)
    ]


def verified(claims: Iterable[str], passages: Sequence[Passage]) -> tuple[list[Quote], list[str]]:
    """The claimed quotations that are in ``passages``, in the passages' words, and the others.

    A short one is shown with its whole sentence, so that nobody takes "75 euros" for
    another sum than it is. Fewer than three words without a number prove nothing.
    """
    folded = [(_Folded(passage.text), passage) for passage in passages]
    quotes: list[Quote] = []
    refused = []
    for claim in claims:
        wanted = _Folded(claim.strip(_ENDS)).text.strip()
        proves = len(wanted.split()) >= _FEWEST_WORDS or bool(_NUMBER.search(wanted))
        found = (
            Quote(_in_context(original, passage), passage)
            for text, passage in folded
            if proves and (original := text.original_of(wanted))
        )
        if quote := next(found, None):
            quotes.append(quote)
        else:
            refused.append(claim)
    return without_repeats(quotes), refused


def without_repeats(quotes: Sequence[Quote]) -> list[Quote]:
    """Those that no other one contains."""
    kept: list[Quote] = []
    for quote in sorted(quotes, key=lambda each: -len(each.text)):
        if not any(quote.text in longer.text for longer in kept):
            kept.append(quote)
    return [quote for quote in quotes if any(quote is each for each in kept)]


def _in_context(original: str, passage: Passage) -> str:
    if len(original.split()) >= _ENOUGH_WORDS:
        return original
    sentences = (" ".join(sentence.split()) for sentence in split_sentences(passage.text))
    return next((sentence for sentence in sentences if original in sentence), original)


def foreign_numbers(text: str, source: str) -> list[str]:
    """Numbers written with digits in ``text`` that ``source`` does not have."""
    known = set(_NUMBER.findall(source))
    return [n for n in dict.fromkeys(_NUMBER.findall(text)) if n not in known]


class _Folded:
    """A text as it is compared, with the way back to how it was written."""

    def __init__(self, text: str) -> None:
        self._original = text
        kept: list[str] = []
        self._places: list[int] = []
        for place, char in enumerate(text):
            if char in _INVISIBLE:
                continue
            folded = unicodedata.normalize("NFKC", char).translate(_SAME).lower()
            if folded.isspace():
                if kept and kept[-1] == " ":
                    continue
                folded = " "
            kept += folded
            self._places += [place] * len(folded)
        self.text = "".join(kept)

    def original_of(self, wanted: str) -> str:
        """How the text writes ``wanted``, as whole words; empty if it does not have it."""
        found = re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", self.text)
        if found is None:
            return ""
        start, end = self._places[found.start()], self._places[found.end() - 1] + 1
        return " ".join(self._original[start:end].split())
