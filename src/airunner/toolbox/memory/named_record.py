"""Which of several saved things a request means: a note, a fact, a reminder, a conversation.

Owns how a name is taken from a message, and how it is looked up: exactly, then by
what contains it, then by its words. Nothing is guessed: where several fit, the
caller is given all of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from typing import TypeVar

from airunner.errors import ToolRetryError
from airunner.records.one_line import folded
from airunner.tools.request import Request
from airunner.tools.user_words import UserWords
from airunner.tools.words import COMMON, stems

T = TypeVar("T")

MOST_WANTED = 400
"""Characters in which a saved thing may be named."""

_MOST_SHOWN = 8
_LONGEST_QUOTED = 120
_NAMED = re.compile(
    r"\b(?:titled|called|named|entitled|about)\s+(?:the\s+|my\s+)?[\"'“]?(?P<name>.+?)[\"'”]?[\s.?!]*$",
    re.IGNORECASE,
)


class RecordName(UserWords):
    """The name of a saved thing: what follows "called" or "about", or a short quotation.

    Where the message has neither, it is taken ``whole``, which ``one_meant`` can look up, or
    nothing is.
    """

    def __init__(self, *, whole: bool) -> None:
        self._whole = whole

    def take(self, request: Request, earlier_answer: str) -> str | None:
        """The name, or ``None`` if the message does not settle it."""
        if found := _NAMED.search(request.wish):
            return found["name"]
        if request.body and len(request.body) <= _LONGEST_QUOTED and "\n" not in request.body:
            return request.body
        return request.message if self._whole and len(request.message) <= MOST_WANTED else None


class RecordWords(UserWords):
    """What saved things are searched for; nothing where a list of them is wanted."""

    def __init__(self, kind_words: Collection[str]) -> None:
        self._besides = {*kind_words, *_LISTING}

    def take(self, request: Request, earlier_answer: str) -> str | None:
        """The message, if it has a word that may be looked for."""
        said = {*stems(request.message)} - COMMON - self._besides
        return request.message[:MOST_WANTED] if said else None


def one_meant(
    wanted: str,
    records: Sequence[T],
    name: Callable[[T], str],
    *,
    kind: str,
    listing: str,
    show: Callable[[T], str] | None = None,
) -> T:
    """The one of ``records`` that ``wanted`` means.

    Args:
        wanted: its name, a part of it, or a sentence in which it is named.
        records: what there is, the most likely first.
        name: what a record is called.
        kind: what such a record is called, such as ``note``.
        listing: the tool that lists them all.
        show: how a record is told from others in a question; its name by default.

    Raises:
        ToolRetryError: none or several are meant; the hint names what there is.
    """
    found = all_meant(wanted, records, name)
    if len(found) == 1:
        return found[0]
    if not records:
        raise ToolRetryError(f"There is no {kind} yet.")
    shown = list(map(show or name, (found or records)[:_MOST_SHOWN]))
    some = "; ".join(shown)
    if found:
        raise ToolRetryError(f"{wanted!r} may mean several {kind}s: {some}. Name one exactly.")
    more = f" and others ({listing} shows them)" if len(records) > _MOST_SHOWN else ""
    raise ToolRetryError(f"There is no {kind} {wanted!r}. There is: {some}{more}.")


def telling(query: str, besides: Collection[str] = ()) -> str:
    """The words of ``query`` worth searching for; all of them if none is."""
    left = [
        word
        for word in query.split()
        if not {*stems(word)} <= COMMON and not {*stems(word)} & {*besides}
    ]
    return " ".join(left) or query


def all_meant(wanted: str, records: Sequence[T], name: Callable[[T], str]) -> list[T]:
    """Those of ``records`` that ``wanted`` may mean, in their order; see ``one_meant``."""
    said = folded(wanted)
    if not said:
        return []
    names = [(record, folded(name(record))) for record in records]
    if exact := [record for record, own in names if own == said]:
        return exact
    if inside := [(record, own) for record, own in names if _has_words(said, own)]:
        # "the bank account" names that note, and not the one that is called "bank".
        most = max(len(own) for _, own in inside)
        return [record for record, own in inside if len(own) == most]
    if around := [record for record, own in names if _has_words(own, said)]:
        return around
    words = {word for word in stems(wanted) if word not in COMMON} - _DOING
    return [record for record, own in names if words and words <= {*stems(own)}]


def _has_words(text: str, part: str) -> bool:
    return bool(part) and bool(re.search(rf"(?<!\w){re.escape(part)}(?!\w)", text))


_DOING_WORDS = """
add append cancel change chat conversation delete drop erase fact find forget knowledge latest
note open please read reminder remove replace rewrite saved search show summarise summary switch
title update
"""
_DOING = frozenset(stems(_DOING_WORDS))
"""Words of a wish that say what is to be done, and not with which record."""

_LISTING = frozenset(
    stems(
        "list show see overview give title titled called saved all every previous past recent last "
        "latest first history past have many"
    )
)
"""Words of a wish to see what there is."""
