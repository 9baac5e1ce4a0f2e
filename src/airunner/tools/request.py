"""A user's message, split into the wish and the text it is about.

Owns that split, and the marks by which a tool's parameter says that it wants
one of the two word for word. A small model cannot copy a page faithfully and a
large one need not spend the tokens, so the agent loop hands such parameters
the user's own characters instead of having them decoded again.

The split is by punctuation alone: a fenced block, a paragraph of its own, what
follows a colon, a quotation. Without such a mark there is no body, and the
model writes the parameter itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Literal

UserPart = Literal["body", "request"]


@dataclass(frozen=True, slots=True)
class FromUser:
    """Marks a string parameter that takes the user's words as they are.

    ``"body"`` is the text the wish is about, ``"request"`` the whole message.
    """

    part: UserPart


BodyText = Annotated[str, FromUser("body")]
"""A parameter for the text that a request is about, such as the text to translate."""

RequestText = Annotated[str, FromUser("request")]
"""A parameter for the request itself, in the user's own words."""

_FENCE = re.compile(r"```[^\n`]*\n(.*?)```", re.DOTALL)
_COLON = re.compile(r"^(?P<wish>[^\n:]{3,160}):\s+(?P<body>\S.*)$", re.DOTALL)
_QUOTATION = re.compile(
    r"\"(?P<a>[^\"]{2,})\"|“(?P<b>[^”]{2,})”|«\s*(?P<c>[^»]{2,}?)\s*»"
    r"|(?<!\w)['‘](?P<d>[^\n]{2,}?)['’](?!\w)"
)
_BLANK_LINE = re.compile(r"\n\s*\n")
_WISH_WORDS = 40
_LONGEST_INLINE = 4000
_BACKWARD = re.compile(
    r"\b(that|it|this|above|your (?:last |previous )?(?:answer|reply|response))\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Request:
    """What the user wants (``wish``) and the text that it is about (``body``, may be empty)."""

    wish: str
    body: str = ""

    @property
    def refers_back(self) -> bool:
        """Whether it speaks of something said earlier, as "translate that" does."""
        return not self.body and bool(_BACKWARD.search(self.wish))


def split_request(message: str) -> Request:
    """Find the wish and the body of a user's message."""
    text = message.strip()
    if fence := _FENCE.search(text):
        wish = f"{text[: fence.start()]} {text[fence.end() :]}".strip(" \n:")
        return Request(wish, fence[1].strip("\n"))
    for split in (_by_paragraph, _by_colon, _by_line, _by_quotation):
        if found := split(text):
            return found
    return Request(text)


def _by_paragraph(text: str) -> Request | None:
    """A short first or last paragraph is the wish; the rest is its body."""
    parts = _BLANK_LINE.split(text)
    if len(parts) < 2:
        return None
    first, last = parts[0], parts[-1]
    if _is_wish(first) and (len(first) <= len(last) or not _is_wish(last)):
        return Request(first.rstrip(": "), text[len(first) :].strip())
    if _is_wish(last):
        return Request(last.rstrip(": "), text[: -len(last)].strip())
    return None


def _by_colon(text: str) -> Request | None:
    found = _COLON.match(text)
    if found is None or not _is_wish(found["wish"]):
        return None
    return Request(found["wish"].strip(), _unquoted(found["body"].strip()))


def _by_line(text: str) -> Request | None:
    """A short first line over a longer remainder."""
    first, _, rest = text.partition("\n")
    if rest.strip() and _is_wish(first) and len(rest.strip()) > len(first):
        return Request(first.rstrip(": "), rest.strip())
    return None


def _by_quotation(text: str) -> Request | None:
    # Unpaired quotes make the search quadratic, and nobody quotes pages inline.
    found = _QUOTATION.search(text) if len(text) <= _LONGEST_INLINE else None
    if found is None:
        return None
    wish = f"{text[: found.start()].rstrip()} {text[found.end() :].lstrip()}".strip()
    body = next(part for part in found.groups() if part is not None)
    return Request(wish, body.strip()) if wish else None


def _is_wish(text: str) -> bool:
    return 0 < len(text.split()) <= _WISH_WORDS


def _unquoted(text: str) -> str:
    found = _QUOTATION.fullmatch(text) if len(text) <= _LONGEST_INLINE else None
    return next(part for part in found.groups() if part is not None) if found else text
