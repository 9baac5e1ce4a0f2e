"""No tools, for a model that cannot be offered any."""

from __future__ import annotations

from collections.abc import Sequence

from airunner.agent.tool_calling.prompt import AUTO, NONE, Prompt, Reply, joined
from airunner.agent.tool_calling.tool_block import ToolBlock
from airunner.errors import UnknownToolError
from airunner.messages import Message, joined_contents
from airunner.tools.toolset import Toolset


class NoToolCalling:
    """The model answers by itself."""

    def __init__(self, toolset: Toolset, block: ToolBlock) -> None:
        """Both are ignored; every way of offering tools is made with them."""

    def next_step(
        self,
        messages: Sequence[Message],
        *,
        may_call: bool,
        again: str | None,
        choice: str = AUTO,
    ) -> Prompt | Reply:
        """The answer.

        Raises:
            UnknownToolError: a call is required, and there is no tool to call.
        """
        if may_call and choice not in (AUTO, NONE):
            raise UnknownToolError(choice, ())
        return Prompt(render=_without_calls, read=lambda reply: Reply(text=reply.text))


def _without_calls(messages: Sequence[Message]) -> list[Message]:
    """What was said; results of tools, which another model called, as words of the user."""
    said = [
        Message("user", joined_contents(f"Result of {message.name}:", message.content))
        if message.role == "tool"
        else message
        for message in messages
        if message.content or not message.tool_calls
    ]
    return joined(said)
