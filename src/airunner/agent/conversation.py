"""A conversation as the agent holds it in memory: its messages, and where the prompt begins.

Storage is not its concern, nor how much of it fits a model's context.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from airunner.media import in_words
from airunner.messages import MediaKind, MediaPart, Message, ToolSchema, parts_of


@dataclass(frozen=True, slots=True)
class CountedPrompt:
    """The newest prompt that an engine has counted: ``messages`` as they were sent, with tools."""

    model: str
    messages: Sequence[Message]
    tools: Sequence[ToolSchema]
    tokens: int


@dataclass(slots=True)
class Conversation:
    """``messages`` is everything said, oldest first; a system message, if any, comes first of all.

    ``id`` is what it is saved under, and its state in the KV cache kept.

    ``start`` is the index of the first message after the system message that
    is still sent to the model. It only grows, in large steps, so that the
    prompt's prefix stays the one in the KV cache.

    ``preface`` is what is known before anybody speaks, such as facts about the user.
    Every prompt has it in front of the first user message that is still sent, below
    the tools and not above them: conversations with different prefaces share the
    prompt up to there. It is part of no message, and never changes.

    ``counted`` is the newest prompt that an engine has counted, known in this process only.
    """

    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    messages: list[Message] = field(default_factory=list)
    start: int = 0
    preface: str = ""
    counted: CountedPrompt | None = field(default=None, compare=False, repr=False)

    @classmethod
    def begin(cls, system_prompt: str = "", preface: str = "") -> Conversation:
        """A new conversation, with a system message if there is a prompt for one."""
        messages = [Message("system", system_prompt)] if system_prompt else []
        return cls(messages=messages, preface=preface)

    @property
    def head(self) -> list[Message]:
        """The system message, or nothing."""
        return self.messages[:1] if self.messages and self.messages[0].role == "system" else []

    @property
    def exchanges(self) -> list[list[Message]]:
        """What is still sent, cut before each user message: a call stays with its result."""
        return split_exchanges(self.messages[max(self.start, len(self.head)) :])

    def leave_out_media(self, takes: Collection[MediaKind]) -> int:
        """Stop sending the pictures of all but the newest exchange; returns how many.

        Each becomes a note in words, from now on. Only those that a model which ``takes``
        such kinds gets at all are counted; without one of them nothing changes.
        """
        first = max(self.start, len(self.head))
        newest = len(self.messages) - len(newest_exchange(self.messages[first:]))
        sent = [m.content if m.sent is None else m.sent for m in self.messages[first:newest]]
        kinds = [p.kind for content in sent for p in parts_of(content) if isinstance(p, MediaPart)]
        count = sum(kind in takes for kind in kinds)
        if count:
            for place, content in enumerate(sent, first):
                if not isinstance(content, str):
                    self.messages[place] = replace(self.messages[place], sent=in_words(content))
        return count

    def drop_exchanges(self, count: int) -> int:
        """Stop sending the oldest ``count`` exchanges; returns how many messages those were."""
        dropped = sum(len(exchange) for exchange in self.exchanges[:count])
        self.start = max(self.start, len(self.head)) + dropped
        return dropped


def split_exchanges(messages: Sequence[Message]) -> list[list[Message]]:
    """``messages`` in runs that each begin with a user message (the first may not)."""
    exchanges: list[list[Message]] = []
    for message in messages:
        if message.role == "user" or not exchanges:
            exchanges.append([])
        exchanges[-1].append(message)
    return exchanges


def newest_exchange(messages: Sequence[Message]) -> list[Message]:
    """The last user message and everything after it; empty if nobody has spoken."""
    exchanges = split_exchanges(messages)
    return exchanges[-1] if exchanges else []
