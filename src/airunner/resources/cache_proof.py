"""What each conversation's slot holds, and whether the next request really re-used it.

Owns the count of tokens and the verdict, which is published as ``CacheProven`` or
``CacheLost``. An engine's word for a restore is no proof; what it counts as cached is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from airunner.events import CacheLost, CacheProven, EventBus, ParkingFailed
from airunner.messages import Usage

REUSE_PROOF = 0.9
"""Share of the restored tokens that the next request must find cached to count as proof.

Less than all, because a new user message may re-tokenize the seam, and because
an edited history legitimately diverges; those end as ``CacheLost`` with a reason.
"""

SEAM_TOKENS = 8
"""Tokens that may be computed anew where a turn that never left its slot is continued."""

Origin = Literal["restored", "read", "answered"]
_UNLIKE_PARKED = "the prompt differs from what was parked, or the engine dropped the state"
_UNLIKE_BEGINNING = "the prompt differs from the common beginning, or the engine dropped the state"
_ANSWER_LOST = (
    "the last answer is no longer in the prompt as it was generated: the template takes "
    "reasoning of earlier turns out, or the tokenizer cuts the same text differently"
)
_HISTORY_LOST = "the prompt no longer begins with what was said before"


@dataclass(frozen=True, slots=True)
class _Held:
    """``prompt_tokens`` of the ``tokens`` are the prompt of the last answer."""

    tokens: int
    origin: Origin
    prompt_tokens: int = 0


@dataclass(slots=True)
class CacheProof:
    """The slots of one loaded model."""

    model: str
    bus: EventBus
    _held: dict[str, _Held] = field(default_factory=dict)

    def tokens(self, conversation: str) -> int:
        """Tokens in the conversation's slot, 0 if nothing is known of them."""
        held = self._held.get(conversation)
        return held.tokens if held else 0

    def expect(self, conversation: str, tokens: int, origin: Origin) -> None:
        """Say what was put into the conversation's slot: restored from a file, or read there."""
        self._held[conversation] = _Held(tokens, origin)

    def forget(self, conversation: str) -> None:
        """Expect nothing: the slot's content is not this conversation's."""
        self._held.pop(conversation, None)

    def account(self, conversation: str, usage: Usage) -> bool:
        """Judge an answer by its cost, and return whether what was expected was re-used."""
        held = self._held.get(conversation)
        self._held[conversation] = _Held(
            usage.prompt_tokens + usage.completion_tokens, "answered", usage.prompt_tokens
        )
        if held is None:
            return True
        if held.origin == "answered":
            return self._account_stayed(conversation, held, usage)
        if usage.cached_tokens < REUSE_PROOF * min(held.tokens, usage.prompt_tokens):
            reason = _UNLIKE_PARKED if held.origin == "restored" else _UNLIKE_BEGINNING
            self.lost(conversation, usage.cached_tokens, held.tokens, reason)
            return False
        if held.origin == "restored":
            self.bus.publish(
                CacheProven(
                    model=self.model,
                    conversation=conversation,
                    cached_tokens=usage.cached_tokens,
                    prompt_tokens=usage.prompt_tokens,
                    restored_tokens=held.tokens,
                )
            )
        return True

    def lost(self, conversation: str, cached: int, restored: int, reason: str) -> None:
        """Publish that a state did not serve."""
        self.bus.publish(
            CacheLost(
                model=self.model,
                conversation=conversation,
                cached_tokens=cached,
                restored_tokens=restored,
                reason=reason,
            )
        )

    def not_kept(self, conversation: str, problem: str) -> None:
        """Publish that a state could not be written."""
        self.bus.publish(
            ParkingFailed(model=self.model, conversation=conversation, problem=problem)
        )

    def _account_stayed(self, conversation: str, held: _Held, usage: Usage) -> bool:
        cached = usage.cached_tokens + SEAM_TOKENS
        if cached >= min(held.tokens, usage.prompt_tokens):
            return True
        reason = _ANSWER_LOST if cached >= held.prompt_tokens else _HISTORY_LOST
        self.lost(conversation, usage.cached_tokens, held.tokens, reason)
        return False
