"""Tools through the model's own chat template: the engine renders them and parses the calls.

The same tools in the same order go into every prompt of a conversation, also
where none may be called any more, because a template puts them at the top and
anything else would throw the whole KV cache away.

What an engine promises of tool calls is not relied on. Where a call is wanted it
is decoded under a schema that allows nothing else, and a call that the model
made of its own accord and that does not match its tool's schema is decoded once
more in that way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from airunner.agent.dialect import AUTO, NONE, REQUIRED, Prompt, Reply, joined, with_last_user_text
from airunner.agent.shown_tools import ShownTools
from airunner.errors import GenerationError
from airunner.messages import Message, ToolCall, ToolSchema
from airunner.tools.retrieval.ranking import ToolRanker
from airunner.tools.schema import COMPACT_JSON, call_of, longest_text
from airunner.tools.toolset import Toolset

_ANSWER_NOW = "Answer now with what you know. No further tool can be called."


class NativeDialect:
    """The tools that fit are shown; the model calls as many as it likes."""

    def __init__(self, toolset: Toolset, ranker: ToolRanker) -> None:
        self._toolset = toolset
        self._shown = ShownTools(toolset, ranker)

    def next_step(
        self,
        messages: Sequence[Message],
        *,
        may_call: bool,
        again: str | None,
        choice: str = AUTO,
    ) -> Prompt | Reply:
        """One generation, which may end in text, in calls, or in both."""
        tools = self._shown.of(messages, named=choice)
        if not may_call:
            return Prompt(
                render=lambda shown: with_last_user_text(shown, _ANSWER_NOW),
                read=_text_only,
                tools=tools,
                tool_choice=NONE,
            )
        if choice == NONE:
            return Prompt(render=joined, read=_text_only, tools=tools, tool_choice=NONE)
        if choice != AUTO:
            return _forced(self._toolset, tools, choice)

        def retry(call: ToolCall) -> Prompt:
            shown = any(tool.name == call.name for tool in tools)
            prompt = _forced(self._toolset, tools, call.name if shown else REQUIRED)
            return replace(prompt, read=_as_generated)

        return Prompt(render=joined, read=_as_generated, tools=tools, retry=retry)


def _forced(toolset: Toolset, tools: tuple[ToolSchema, ...], choice: str) -> Prompt:
    schema = call_of(toolset.get(t.name) for t in tools if choice in (REQUIRED, t.name))
    return Prompt(
        render=joined,
        read=_call_only,
        tools=tools,
        tool_choice=choice,
        json_schema={**schema, **COMPACT_JSON},
        max_tokens=2 * longest_text(schema) + 32,
        greedy=True,
        visible=False,
        tool="" if choice == REQUIRED else choice,
    )


def _as_generated(reply: Reply) -> Reply:
    return reply


def _text_only(reply: Reply) -> Reply:
    # tool_choice "none" is not enforced by every engine build, so it is here.
    return Reply(text=reply.text)


def _call_only(reply: Reply) -> Reply:
    if not reply.calls:
        problem = "its context is full before a tool call is complete; begin a new conversation"
        raise GenerationError("the primary model", problem)
    return Reply(calls=reply.calls)
