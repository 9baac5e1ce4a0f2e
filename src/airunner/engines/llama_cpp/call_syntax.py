"""How a model's chat template writes a tool call, learned from what the template renders.

Owns the probe messages and what is learned from their renderings. Renders nothing
and opens no connection; what is done with a syntax is in ``forced_call``.

Only syntaxes whose arguments are one JSON object can be learned.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from airunner.messages import Message, ToolCall, ToolSchema

_NAME = "probe_tool_name"
_ID = "q7x2k9m4z"  # Mistral's templates refuse an identifier of any other length.
_ARGUMENTS: dict[str, Any] = {"place": "K\N{LATIN SMALL LETTER O WITH DIAERESIS}ln", "days": [2, 3]}
_RESULT = "probe result text"
_SAID = "probe answer text"

PROBE_TOOL = ToolSchema(
    _NAME, "Probes.", {"type": "object", "properties": {"place": {}, "days": {}}}
)
PROBE_PROMPT: tuple[Message, ...] = (Message("user", "probe question text"),)
PROBE_CALLED: tuple[Message, ...] = (
    *PROBE_PROMPT,
    Message("assistant", "", (ToolCall(_ID, _NAME, _ARGUMENTS),)),
    Message("tool", _RESULT, tool_call_id=_ID, name=_NAME),
)
PROBE_SAID: tuple[Message, ...] = (
    *PROBE_PROMPT,
    Message("assistant", _SAID),
    Message("user", "probe next question"),
)

# Spellings of control tokens: <|im_end|>, </s>, <tool_call>, [TOOL_CALLS] and their kin.
_CONTROL = re.compile(r"<[^<>\s]+>|\[/?[A-Z_]+\]")


@dataclass(frozen=True, slots=True)
class CallSyntax:
    """A tool call is ``before``, its name, ``between``, its arguments as JSON, ``after``.

    Attributes:
        before: from the end of the generation prompt; closes an opened reasoning block.
        after: up to the token that ends the turn; that token, too, where it is
            another than that of an answer in text.
        item_separator: between two items of the arguments' JSON.
        key_separator: between a key and its value.
        thinking: template switch ``enable_thinking`` with which it was learned, and
            is to be used, ``None`` to leave it out.
        control_tokens: ids of those spellings in the pieces that are control tokens.
            A grammar must name them by id: as text they would be other tokens.
    """

    before: str
    between: str
    after: str
    item_separator: str
    key_separator: str
    thinking: bool | None = None
    control_tokens: Mapping[str, int] = field(default_factory=dict)

    @property
    def spellings(self) -> tuple[str, ...]:
        """What may be control tokens among the pieces, each once."""
        return tuple(dict.fromkeys(_CONTROL.findall(self.before + self.between + self.after)))

    def with_id(self, identifier: str) -> tuple[str, str, str]:
        """The three pieces of a call with this identifier, which only some syntaxes contain."""
        before, between, after = (
            piece.replace(_ID, identifier) for piece in (self.before, self.between, self.after)
        )
        return before, between, after

    @property
    def lead(self) -> str:
        """What stands before the name however much of it is hidden in a streamed answer.

        Engines leave control tokens out of the text, and trim white space behind them.
        """
        return _CONTROL.split(self.before)[-1].lstrip()

    @property
    def follow(self) -> str:
        """The characters that may come behind the name, however much is hidden."""
        parts = (self.between, *(part.lstrip() for part in _CONTROL.split(self.between)), "{")
        return "".join(dict.fromkeys(part[:1] for part in parts))


def learn(prompt: str, called: str, said: str) -> CallSyntax | None:
    """The syntax of a call, from renderings of the three probes, generation prompt included.

    ``None`` for a template that does not write the arguments as one JSON object,
    that writes the name behind them or not at all, or whose prompt is not the
    beginning of what it renders of the call, as where a reasoning block that was
    opened is left out afterwards.
    """
    if not called.startswith(prompt) or _SAID not in said:
        return None
    rest, result, _ = called.removeprefix(prompt).partition(_RESULT)
    written = next((way for way in _ways() if rest.count(way[0]) == 1), None)
    if not result or written is None:
        return None
    arguments, item_separator, key_separator = written
    head, tail = rest.split(arguments)
    end = _end(tail, said.partition(_SAID)[2])
    if head.count(_NAME) != 1 or end is None:
        return None
    before, between = head.split(_NAME)
    pieces = (before, between, tail[:end])
    if re.search(r"^\w|{", between) or any(_ID[:5] in piece.replace(_ID, "") for piece in pieces):
        return None
    return CallSyntax(*pieces, item_separator, key_separator)


def _ways() -> Iterator[tuple[str, str, str]]:
    """The probe's arguments in every spelling, with the two separators."""
    for item, key, ascii_only in product((", ", ","), (": ", ":"), (False, True)):
        yield json.dumps(_ARGUMENTS, separators=(item, key), ensure_ascii=ascii_only), item, key


def _end(tail: str, after_said: str) -> int | None:
    """Where in ``tail`` a call is complete; ``after_said`` is what follows an answer in text."""
    usual = re.match(rf"\s*({_CONTROL.pattern})", after_said)
    if usual is None:
        return None
    if (at := tail.find(usual[1])) >= 0:
        return at
    own = re.match(rf"\s*(?:{_CONTROL.pattern})", tail)
    return own.end() if own else None
