"""Tools through the model's own chat template: the engine renders them and parses the calls.

Every prompt of a conversation shows the same block of tools, whatever is called,
forced or forbidden; see ``tool_block``. The tools outside it are found by
``search_tools`` and called through ``call_tool``.

What an engine promises of tool calls is not relied on. Where a call is wanted it
is decoded under a schema that allows nothing else, and a call that the model
made of its own accord and that does not match its tool's schema is decoded once
more in that way, at the same place of the prompt. Where none is wanted, the turn
refuses those that come.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from airunner.agent.tool_calling.prompt import AUTO, NONE, REQUIRED, Prompt, Reply, joined
from airunner.agent.tool_calling.tool_block import ToolBlock
from airunner.errors import GenerationError
from airunner.messages import Message, ToolCall
from airunner.tools.call_tool import CALL_TOOL, meant, through_call_tool
from airunner.tools.schema import COMPACT_JSON, call_of, longest_text
from airunner.tools.toolset import Toolset


class NativeToolCalling:
    """The model sees ``block``, and calls as many tools of ``toolset`` as it likes."""

    def __init__(self, toolset: Toolset, block: ToolBlock) -> None:
        self._toolset, self._block = toolset, block

    def next_step(
        self,
        messages: Sequence[Message],
        *,
        may_call: bool,
        again: str | None,
        choice: str = AUTO,
    ) -> Prompt | Reply:
        """One generation, which may end in text, in calls, or in both."""
        if may_call and choice not in (AUTO, NONE):
            return self._forced(choice)
        # Calls that may not be made are parsed, too: as text the user would see them.
        return Prompt(
            render=joined, read=_as_generated, tools=self._block.schemas, retry=self._retry
        )

    def _retry(self, call: ToolCall) -> Prompt | None:
        """The prompt that decodes ``call`` under its tool's schema, if there is such a tool."""
        name = meant(call).name
        if name not in self._toolset:
            return None
        return replace(self._forced(name), read=_as_generated)

    def _forced(self, choice: str) -> Prompt:
        """A call of the tool ``choice``; of any that is meant, if one is ``"required"``."""
        if choice == REQUIRED:
            calls = {tool.name: tool.decoding for tool in self._block.required}
        else:
            arguments = self._toolset.get(choice).decoding
            is_shown = choice in self._block
            calls = (
                {choice: arguments}
                if is_shown
                else {CALL_TOOL: through_call_tool(choice, arguments)}
            )
        schema = call_of(calls)
        return Prompt(
            render=joined,
            read=_call_only,
            tools=self._block.schemas,
            tool_choice=REQUIRED if choice == REQUIRED else next(iter(calls)),
            json_schema={**schema, **COMPACT_JSON},
            max_tokens=2 * longest_text(schema) + 32,
            greedy=True,
            visible=False,
            tool="" if choice == REQUIRED else choice,
        )


def _as_generated(reply: Reply) -> Reply:
    return reply


def _call_only(reply: Reply) -> Reply:
    if not reply.calls:
        problem = (
            "the tool call that was required of it did not end within its tokens; say the same "
            "in fewer words, or begin a new conversation if its context is full"
        )
        raise GenerationError("the primary model", problem)
    return replace(reply, text="")
