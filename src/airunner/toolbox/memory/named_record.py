"""Which of several saved things a request means: a note, a fact, a reminder, a conversation.

Owns how a name is looked up: exactly, then by what it contains or is a part of.
Nothing is guessed: where several fit, the caller is given all of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TypeVar

from airunner.errors import ToolRetryError
from airunner.records.one_line import folded

T = TypeVar("T")

MOST_WANTED = 400
"""Characters in which a saved thing may be named."""

_MOST_SHOWN = 8


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
    words = {*said.split()}
    return [record for record, own in names if words <= {*own.split()}]


def _has_words(text: str, part: str) -> bool:
    return bool(part) and bool(re.search(rf"(?<!\w){re.escape(part)}(?!\w)", text))
