"""How a model is offered tools, and how its wish to call one is read.

Owns the interface that every way of offering tools has, and the plain values that
cross it. Such a way decides what the next prompt is; the turn runs it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from airunner.agent.tool_calling.tool_block import ToolBlock
from airunner.messages import Message, ToolCall, ToolSchema, joined_contents
from airunner.tools.toolset import Toolset

AUTO, NONE, REQUIRED = "auto", "none", "required"
"""What a tool choice can be beside the name of a tool."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a generation came to: text for the user, or calls to make, or both.

    ``reasoning`` led to it, and is for the model's later prompts.
    """

    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    reasoning: str = ""


@dataclass(frozen=True, slots=True)
class Prompt:
    """The next generation, except for what all generations of a turn share.

    ``render`` turns the conversation's messages, however many of them fit, into
    those the model's template gets; it never changes a message that an earlier
    prompt already contained. ``read`` makes the reply of what was generated.
    ``retry`` makes the prompt that decodes a call once more, under its tool's schema,
    where it does not match that schema; ``None`` where it was decoded so already, or
    where there is no such tool.
    ``tool`` is the one whose arguments are generated, where that is known before.
    ``begun`` is the call that the prompt itself asks to complete; it is recorded
    also when the generation is broken off, so that what was asked stays.
    ``quote`` is put in front of what the model says, for people: no model is sent it.
    """

    render: Callable[[Sequence[Message]], list[Message]]
    read: Callable[[Reply], Reply]
    tools: tuple[ToolSchema, ...] = ()
    tool_choice: str = "auto"
    json_schema: Mapping[str, Any] | None = None
    max_tokens: int | None = None
    greedy: bool = False
    visible: bool = True
    retry: Callable[[ToolCall], Prompt | None] | None = None
    tool: str = ""
    begun: ToolCall | None = None
    quote: str = ""


class ToolCalling(Protocol):
    """A way of offering tools to a model."""

    def next_step(
        self,
        messages: Sequence[Message],
        *,
        may_call: bool,
        again: str | None,
        choice: str = AUTO,
    ) -> Prompt | Reply:
        """The prompt to run next, or the reply itself where nothing is left to generate.

        Args:
            messages: the whole conversation, ending with a user's message or a tool's result.
            may_call: false once the turn's steps are used up. Calls are then refused, as
                with the choice ``"none"``; nothing of either changes the prompt.
            choice: ``"auto"``, ``"none"``, ``"required"``, or the name of the tool that
                has to be called.
            again: the tool whose last call may be tried again, with the hint in its result.
        """
        ...


ToolCallingFactory = Callable[[Toolset, ToolBlock], ToolCalling]
"""Makes a way of offering the tools of a toolset, of which every native prompt shows a block."""


def joined(messages: Sequence[Message]) -> list[Message]:
    """``messages`` with consecutive user messages merged, which many chat templates refuse.

    A program that was killed in the middle of a turn leaves a conversation with such a pair.
    """
    merged: list[Message] = []
    for message in messages:
        if message.role == "user" and merged and merged[-1].role == "user":
            both = joined_contents(merged[-1].content, message.content)
            merged[-1] = replace(merged[-1], content=both)
        else:
            merged.append(message)
    return merged


def with_last_user_text(messages: Sequence[Message], text: str) -> list[Message]:
    """``messages`` with ``text`` said by the user at the end, roles still alternating."""
    return joined([*messages, Message("user", text)])
