"""What a turn is asked for: a plain value."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from airunner.agent.tool_calling.prompt import AUTO
from airunner.messages import Content, ToolSchema
from airunner.models.spec import Sampling


@dataclass(frozen=True, slots=True)
class TurnRequest:
    """What the user said and how the answer is to be sampled; ``None`` is the model's default.

    Attributes:
        content: what the user says; ``None`` goes on where the conversation stands, which
            ends with a user's message or with results of tools; see ``answer_open_calls``.
        tool_choice: which tools the turn may call, see ``ToolCalling.next_step``. A tool
            that has to be called is called first; after that the model is free.
        external: tools that the caller of the turn runs: a call of one ends the turn, with
            ``ExternalCallMade``. They belong to the conversation: other ones, or in
            another order, make its prompt a new one.
        allowed: the names of those of them that may be called in this turn; ``None`` for all.
        stop: texts before which an answer ends.
        max_tokens: the most that one generation may have; ``None`` leaves it to the settings.
        model: the registered model that answers, in place of the one that serves conversation.
        forbidden: names of our tools that are shown as ever, and not run in this turn.
    """

    content: Content | None
    sampling: Sampling = field(default_factory=Sampling)
    seed: int | None = None
    thinking: bool | None = None
    tool_choice: str = AUTO
    external: Sequence[ToolSchema] = ()
    allowed: frozenset[str] | None = None
    stop: Sequence[str] = ()
    max_tokens: int | None = None
    model: str | None = None
    forbidden: frozenset[str] = frozenset()


def given_or_drawn(seed: int | None) -> int:
    """``seed``, or one of 31 bits: where a worker dies, the same text is computed again."""
    return secrets.randbits(31) if seed is None else seed
