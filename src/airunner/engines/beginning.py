"""Where the prompts of all conversations of the same settings stop being the same.

Owns the requests that find it out and the comparison. Tokens alone decide, since
a template may put tools anywhere and a tokenizer may join what stands next to
each other. Computes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile

from airunner.engines.base import ChatRequest
from airunner.messages import Message

# Letters, digits, spaces and line breaks join differently with the text before them.
_FIRST_WORDS = ("A", "1", " b", "\n\nC")


def leading_system(messages: Sequence[Message]) -> tuple[Message, ...]:
    """The system messages before anything else is said."""
    return tuple(takewhile(lambda message: message.role == "system", messages))


def probes_of(request: ChatRequest) -> list[ChatRequest]:
    """Requests whose prompts have no more in common than any two conversations have.

    One is of several turns: some templates, such as Mistral's, put the tools before
    the last user message, where they move on with every turn. The schema and
    grammar of the answer are left out, as they are no part of the prompt.
    """
    several_turns = [Message("user", "A"), Message("assistant", "B"), Message("user", "C")]
    histories = [*([Message("user", word)] for word in _FIRST_WORDS), several_turns]
    before = leading_system(request.messages)
    return [
        replace(request, messages=(*before, *history), json_schema=None, grammar=None)
        for history in histories
    ]


def common_prefix(rows: Sequence[Sequence[int]]) -> list[int]:
    """The tokens that all ``rows`` begin with."""
    columns = zip(*rows, strict=False)
    return [column[0] for column in takewhile(lambda column: len(set(column)) == 1, columns)]
