"""Which conversation a new one begins like, by what was said.

A branch (an answer that is made again, a message that is edited) has a name of its own and
the past of another conversation. Owns the hashes of what each conversation's last prompt
said, so that the branch can begin with the other one's KV state. Holds no text and no state.
A state that outlasts the process takes its conversation's hashes along.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

from airunner.engines.base import ChatRequest
from airunner.resources.known_conversations import MOST_KNOWN, Chain, chain, prompt_settings


@dataclass(frozen=True)
class Asked:
    """What is asked of a model, and the hashes of what it says: made once, where they are used."""

    model: str
    request: ChatRequest

    @cached_property
    def links(self) -> Chain:
        """One for each message; see ``known_conversations.chain``."""
        settings = prompt_settings(self.request.tools, self.request.thinking)
        return chain(self.model, self.request.messages, settings)


class Prefixes:
    """The conversations of all models of a process. Used on one event loop."""

    def __init__(self) -> None:
        # In the order of their last answers.
        self._chains: dict[tuple[str, str], Chain] = {}

    def note(self, asked: Asked) -> None:
        """Remember what a conversation's prompt says now; the oldest are forgotten."""
        if asked.request.conversation is not None:
            self.recall(asked.model, asked.request.conversation, asked.links)

    def said(self, model: str, conversation: str) -> Chain:
        """What is remembered of a conversation's prompt, empty for nothing."""
        return self._chains.get((model, conversation), ())

    def recall(self, model: str, conversation: str, said: Chain) -> None:
        """Remember what ``said`` returned, in this process or in an earlier one."""
        self._chains.pop((model, conversation), None)
        self._chains[model, conversation] = said
        while len(self._chains) > MOST_KNOWN:
            del self._chains[next(iter(self._chains))]

    def nearest(self, asked: Asked, among: Collection[str]) -> str | None:
        """The one of ``among`` that shares most with what is ``asked``, the latest of several.

        What is shared has an answer in it, or is all that is asked.
        ``None`` if no conversation shares that much.
        """
        messages = asked.request.messages
        found, longest = None, 0
        for conversation in among:
            theirs = self.said(asked.model, conversation)
            length = sum(a == b for a, b in zip(asked.links, theirs, strict=False))
            has_answer = any(m.role == "assistant" for m in messages[:length])
            if length >= max(longest, 1) and (has_answer or length == len(messages)):
                found, longest = conversation, length
        return found
