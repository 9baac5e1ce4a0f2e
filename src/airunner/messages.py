"""What is said between a user, a model and its tools: pure values, no behaviour of an engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Role = Literal["system", "user", "assistant", "tool"]
FinishReason = Literal["stop", "length", "tool_calls", "cancelled"]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A model's wish to have one tool called.

    ``arguments`` is parsed JSON. Where the model wrote something else, they are
    empty and ``malformed`` is what it wrote.
    """

    id: str
    name: str
    arguments: Mapping[str, Any]
    malformed: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """One entry of a conversation.

    ``tool_calls`` belongs to assistant messages, ``tool_call_id`` and ``name``
    to the tool messages that answer them. ``reasoning`` led to an assistant message;
    the model's chat template decides what of it stays in the prompt.
    """

    role: Role
    content: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    name: str | None = None
    reasoning: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """What one generation cost. Tokens are counts, durations seconds.

    ``cached_tokens`` of the ``prompt_tokens`` were found in the KV cache and
    not computed again, as reported by the engine.
    """

    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    prompt_s: float = 0.0
    decode_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of a streamed answer.

    Any field may be empty. ``tool_calls`` carries *complete* calls only, in the
    piece that completes them; ``usage`` and ``finish_reason`` come with the last.
    ``tool_name`` is the name of a tool call that has begun, said once, while its
    arguments are still being decoded.
    """

    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: FinishReason | None = None
    usage: Usage | None = None
    tool_name: str = ""


@dataclass(frozen=True, slots=True)
class ToolSchema:
    """What a model is told about a tool. ``parameters`` is a JSON schema of type object."""

    name: str
    description: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
