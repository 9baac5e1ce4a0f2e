"""Which conversation a request goes on with, found by what was said.

A client of a stateless API sends the whole history with every request and names no
conversation. Owns an index from chains of hashes, one link a message, to conversations,
so that such a request finds the slot or the parked state that it can go on from. Holds no
text and no KV state.

A conversation is taken over by a request that

1. goes on after all that is known of it;
2. repeats all but the last answer, to have another one (a regenerated answer);
3. shares at least one answer with it and then differs (an edited message), but not before
   the last message of the conversation's first request: what stands there are examples, which
   aider, for one, begins every conversation with.

Anything else, such as a request for a title, is a new one. So is a request that would
have to wait for an answer in the same conversation.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any
from uuid import uuid4

from airunner.messages import Message, TextPart, ToolSchema, parts_of

MOST_KNOWN = 4096
"""Conversations of all models; of more, those used longest ago are forgotten."""

Chain = tuple[bytes, ...]
_LINK_BYTES = 16
_json = json.JSONEncoder(sort_keys=True, ensure_ascii=False, default=str).encode


@dataclass(slots=True)
class KnownConversation:
    """One conversation of a client; its first request had ``begun`` messages, if that is known.

    ``chain`` is of all that was said up to the last answer, ``asked`` of the request that is
    being answered.
    """

    id: str
    model: str
    chain: Chain = ()
    asked: Chain = field(default=(), compare=False)
    begun: int = field(default=0, compare=False)
    busy: bool = field(default=False, compare=False)


class KnownConversations:
    """See the module's description. Used on one event loop."""

    def __init__(self) -> None:
        # In the order of their last use.
        self._known: dict[str, KnownConversation] = {}
        self._by_link: dict[bytes, str] = {}

    @contextmanager
    def going_on(
        self, model: str, messages: Sequence[Message], settings: Mapping[str, Any]
    ) -> Iterator[KnownConversation]:
        """The conversation that ``messages`` belong to, for the length of one answer.

        ``settings`` is what else stands in the prompt: tools, and options of the template.
        """
        links = chain(model, messages, settings)
        found = self._find(links, messages) or KnownConversation(
            uuid4().hex, model, begun=len(messages)
        )
        self._known.pop(found.id, None)
        self._known[found.id] = found
        found.busy, found.asked = True, links
        try:
            yield found
        finally:
            found.busy = False
            self._forget_oldest()

    def answered(self, conversation: KnownConversation, answer: Message) -> None:
        """Remember that a conversation now consists of what was asked, and of ``answer``."""
        for link in conversation.chain:
            if self._by_link.get(link) == conversation.id:
                del self._by_link[link]
        last = conversation.asked[-1]
        conversation.chain = (*conversation.asked, _hash(last, _said(answer)))
        # Of two conversations that begin alike, the later one answers for the beginning.
        self._by_link |= dict.fromkeys(conversation.chain, conversation.id)

    def find(self, conversation: str) -> KnownConversation | None:
        """What is known of a conversation that has been answered."""
        known = self._known.get(conversation)
        return known if known is not None and known.chain else None

    def recall(self, conversation: str, model: str, chain: Chain, begun: int = 0) -> None:
        """Know a conversation of an earlier process, whose state was kept."""
        self.forget(conversation)
        self._known[conversation] = KnownConversation(conversation, model, chain, begun=begun)
        self._by_link |= dict.fromkeys(chain, conversation)
        self._forget_oldest()

    def forget(self, conversation: str) -> None:
        """Know nothing of a conversation any more."""
        known = self._known.pop(conversation, None)
        for link in known.chain if known else ():
            if self._by_link.get(link) == conversation:
                del self._by_link[link]

    def _find(self, links: Chain, messages: Sequence[Message]) -> KnownConversation | None:
        for length in range(len(links), 0, -1):
            known = self._known.get(self._by_link.get(links[length - 1], ""))
            if known is None or known.busy:
                continue
            shared = messages[:length]
            goes_on = length == len(known.chain)
            regenerates = length == len(links)
            edits = length >= known.begun - 1 and any(m.role == "assistant" for m in shared)
            if goes_on or regenerates or edits:
                return known
        return None

    def _forget_oldest(self) -> None:
        idle = [each.id for each in self._known.values() if not each.busy]
        for conversation in idle[: max(0, len(self._known) - MOST_KNOWN)]:
            self.forget(conversation)


def prompt_settings(
    tools: Sequence[ToolSchema], thinking: bool | None, options: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """What stands in a prompt beside its messages, for ``going_on``."""
    shown = [[t.name, t.description, t.parameters] for t in tools if not t.deferred]
    return {"tools": shown, "thinking": thinking, "options": dict(options or {})}


def chain(model: str, messages: Sequence[Message], settings: Mapping[str, Any]) -> Chain:
    """One hash for each message, over it and everything before it."""
    links = []
    link = _hash(b"", _json([model, settings]))
    for message in messages:
        link = _hash(link, _said(message))
        links.append(link)
    return tuple(links)


def _said(message: Message) -> str:
    """What clients send back of a message as it was.

    Not the identifiers of calls, the reasoning, or white space around it.
    """
    content = message.content
    if isinstance(content, str) and not message.tool_calls:  # nearly all: JSON begins otherwise
        return f"{message.role} {content.strip()}"
    said: str | list[str] = message.text.strip()
    if message.media:
        parts = parts_of(content)
        said = [p.text.strip() if isinstance(p, TextPart) else p.sha256 for p in parts]
    calls = [[call.name, dict(call.arguments), call.malformed] for call in message.tool_calls]
    return _json([message.role, said, calls])


def _hash(link: bytes, text: str) -> bytes:
    return blake2b(link + text.encode(errors="replace"), digest_size=_LINK_BYTES).digest()
