"""A user's message, split into the wish and the text it is about.

The split is by punctuation alone: a fenced block, a paragraph of its own, what
follows a colon or an opening question, a quotation. What a tool takes from it
word for word is ``user_words``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from airunner.records.attached_text import taken_apart

_FENCE = re.compile(r"```[^\n`]*\n(.*?)```", re.DOTALL)
_COLON = re.compile(r"^(?P<wish>[^\n:]{3,160}):\s+(?P<body>\S.*)$", re.DOTALL)
_OPENING_QUESTION = re.compile(r"^(?P<wish>[^\n?\"'“]{3,160}\?)\s+(?P<body>\S.*)$", re.DOTALL)
_QUOTATION = re.compile(
    r"\"(?P<a>[^\"]{2,})\"|“(?P<b>[^”]{2,})”|«\s*(?P<c>[^»]{2,}?)\s*»"
    r"|(?<!\w)['‘](?P<d>[^\n]{2,}?)['’](?!\w)"
)
_BLANK_LINE = re.compile(r"\n\s*\n")
_WISH_WORDS = 40
_LONGEST_INLINE = 4000
_BACKWARD = re.compile(
    r"\b(that|it|this|above|(?:your|the) (?:last |previous )?(?:answer|reply|response))\b"
    r"|\byou(?:'ve)? (?:just )?(?:said|wrote|written)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Request:
    """A message, what the user wants in it, and the text that this is about (may be empty).

    ``attached`` are the names of documents that stand before the words; these alone are the
    ``message`` then, and the documents' text its body. ``table`` is the name of one that was
    attached before, where the message goes on about it.
    """

    message: str
    wish: str
    body: str = ""
    attached: tuple[str, ...] = ()
    table: str = ""

    @property
    def refers_back(self) -> bool:
        """Whether it speaks of something said earlier, as "translate that" does."""
        return not self.body and bool(_BACKWARD.search(self.wish))


def split_request(message: str) -> Request:
    """Find the wish and the body of a user's message."""
    files, words = taken_apart(message)
    if files and words.strip():
        text = "\n\n".join(file.text for file in files)
        asked = split_request(words)
        names = tuple(file.name for file in files)
        return replace(asked, body=asked.body or text, attached=names)
    text = message.strip()
    for split in (
        _by_fence,
        _by_paragraph,
        _by_colon,
        _by_line,
        _by_question,
        _by_quotation,
    ):
        if found := split(text):
            wish, body = found
            return Request(message, wish.strip(" \n:"), body)
    return Request(message, text)


def _by_fence(text: str) -> tuple[str, str] | None:
    found = _FENCE.search(text)
    if found is None:
        return None
    return f"{text[: found.start()]} {text[found.end() :]}", found[1].strip("\n")


def _by_paragraph(text: str) -> tuple[str, str] | None:
    """A short first or last paragraph is the wish; the rest is its body."""
    parts = _BLANK_LINE.split(text)
    if len(parts) < 2:
        return None
    first, last = parts[0], parts[-1]
    if _is_wish(first) and (len(first) <= len(last) or not _is_wish(last)):
        return first, text[len(first) :].strip()
    if _is_wish(last):
        return last, text[: -len(last)].strip()
    return None


def _by_colon(text: str) -> tuple[str, str] | None:
    found = _COLON.match(text)
    if found is None or not _is_wish(found["wish"]):
        return None
    return found["wish"], _unquoted(found["body"].strip())


def _by_line(text: str) -> tuple[str, str] | None:
    """A short first line over a longer remainder."""
    first, _, rest = text.partition("\n")
    if rest.strip() and _is_wish(first) and len(rest.strip()) > len(first):
        return first, rest.strip()
    return None


def _by_question(text: str) -> tuple[str, str] | None:
    """What follows an opening question, as in "Could you translate this? It rains."."""
    found = _OPENING_QUESTION.match(text)
    if found is None or not _is_wish(found["wish"]):
        return None
    return found["wish"], found["body"].strip()


def _by_quotation(text: str) -> tuple[str, str] | None:
    # Unpaired quotes make the search quadratic, and nobody quotes pages inline.
    found = _QUOTATION.search(text) if len(text) <= _LONGEST_INLINE else None
    if found is None:
        return None
    wish = f"{text[: found.start()].rstrip()} {text[found.end() :].lstrip()}".strip()
    body = next(part for part in found.groups() if part is not None)
    return (wish, body.strip()) if wish else None


def _is_wish(text: str) -> bool:
    return 0 < len(text.split()) <= _WISH_WORDS


def _unquoted(text: str) -> str:
    found = _QUOTATION.fullmatch(text) if len(text) <= _LONGEST_INLINE else None
    return next(part for part in found.groups() if part is not None) if found else text
