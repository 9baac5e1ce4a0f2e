"""Questions that have no whole answer: which they are, and what is said of them.

Owns the words, which the terminal, the page and what is exported say alike. How a turn ended
is remembered beside its question by whoever took it; see ``ConversationDetails``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airunner.messages import Message

NOT_ANSWERED = "Not answered."
WAS_CUT_OFF = "This answer was cut off at the most tokens."
_NOT_FINISHED = "This answer is not finished."
_OUTCOMES = ("", "cancelled", "failed", "server_stopped")
_CUT_OFF = "cut_off"

Details = Mapping[int, Mapping[str, Any]]
"""What ``ConversationDetails.load`` returns."""


def unfinished(details: Details) -> dict[int, str]:
    """The outcomes of turns that did not come to their end, by the places of their questions."""
    outcomes = {
        place: _CUT_OFF if each.get(_CUT_OFF) else each.get("outcome")
        for place, each in details.items()
    }
    known = (*_OUTCOMES, _CUT_OFF)
    return {place: outcome for place, outcome in outcomes.items() if outcome in known}


def detail_of(outcome: str) -> dict[str, Any]:
    """What is remembered beside a question for ``unfinished`` to say ``outcome`` of its turn."""
    return {"outcome": "answered", _CUT_OFF: True} if outcome == _CUT_OFF else {"outcome": outcome}


def unfinished_lines(messages: Sequence[Message], details: Details) -> dict[int, str]:
    """What is said below a message, by its place: the last one of what is no whole answer."""
    marked = unfinished(details)
    questions = [place for place, message in enumerate(messages) if message.role == "user"]
    lines: dict[int, str] = {}
    for place, end in zip(questions, [*questions[1:], len(messages)], strict=True):
        if end == place + 1:
            lines[place] = f"({NOT_ANSWERED})"
        elif place in marked:
            words = WAS_CUT_OFF if marked[place] == _CUT_OFF else _NOT_FINISHED
            lines[end - 1] = f"({words})"
    return lines
