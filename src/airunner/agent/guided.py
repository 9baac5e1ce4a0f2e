"""Tools for a model whose template has none, or that uses them badly.

The decision which tool fits is made by retrieval over the user's message, not
by the model; the model fills in the arguments under the tool's schema, decoded
with a grammar, and answers from the result. Measured with SmolLM2-135M: asked
to choose among 39 tools it took the right one in 29 % of cases, with retrieval
in 97 %.

Parameters marked with ``user_words`` get the user's own characters, or their
default, and are not decoded unless neither is there; where that settles every
parameter, nothing is.

Each prompt only ever adds to the end of the last one, so that the KV cache of
the conversation serves for all of a turn's generations.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from airunner.agent.conversation import newest_exchange
from airunner.agent.dialect import Prompt, Reply, joined, with_last_user_text
from airunner.messages import Message, ToolCall
from airunner.tools.passages import head_and_tail
from airunner.tools.request import split_request
from airunner.tools.retrieval import ToolRanker, pick
from airunner.tools.schema import bounded, longest_text, without
from airunner.tools.tool import Tool
from airunner.tools.toolset import Toolset

_SHOWN_ARGUMENT_TOKENS = 60


class GuidedDialect:
    """At most one tool answers a message; it is called again only if it says so."""

    def __init__(self, toolset: Toolset, ranker: ToolRanker) -> None:
        self._toolset, self._ranker = toolset, ranker

    def next_step(
        self, messages: Sequence[Message], *, may_call: bool, again: str | None
    ) -> Prompt | Reply:
        """Arguments for the tool that fits, or the answer."""
        tool = self._tool_for(messages, again) if may_call else None
        if tool is None:
            return Prompt(render=_plain, read=lambda reply: Reply(text=reply.text))
        given = _given(tool, messages)
        call_id = f"call_{len(messages)}"
        settled = {name for name in tool.user_words if name in given or _is_optional(tool, name)}
        left = bounded(without(tool.parameters, settled))
        if not left["properties"]:
            return Reply(calls=(ToolCall(call_id, tool.name, given),))
        return Prompt(
            render=lambda shown: with_last_user_text(_plain(shown), _arguments_wanted(tool, left)),
            read=_reader(call_id, tool, given),
            json_schema={**left, "x-guidance": {"whitespace_flexible": False}},
            max_tokens=2 * longest_text(left) + 32,
            greedy=True,
            visible=False,
        )

    def _tool_for(self, messages: Sequence[Message], again: str | None) -> Tool | None:
        if again is not None:
            return self._toolset.get(again)
        exchange = newest_exchange(messages)
        if not exchange or len(exchange) > 1:
            return None
        return pick(self._ranker, split_request(exchange[0].content))


def _given(tool: Tool, messages: Sequence[Message]) -> dict[str, Any]:
    """The arguments that are the user's own words."""
    exchange = newest_exchange(messages)
    request = split_request(exchange[0].content)
    earlier = _last_answer(messages[: -len(exchange)])
    taken = {name: mark.take(request, earlier) for name, mark in tool.user_words.items()}
    return {name: value for name, value in taken.items() if value is not None}


def _is_optional(tool: Tool, name: str) -> bool:
    return name not in tool.parameters["required"]


def _last_answer(messages: Sequence[Message]) -> str:
    answers = (m.content for m in reversed(messages) if m.role == "assistant" and m.content)
    return next(answers, "")


def _arguments_wanted(tool: Tool, schema: Mapping[str, Any]) -> str:
    lines = [f"Use the tool {tool.name}: {tool.description}", "Its arguments:"]
    for name, value in schema["properties"].items():
        lines.append(f"- {name} ({_kind(value)}): {value.get('description', name)}")
    lines.append("Reply with the arguments as one JSON object and nothing else.")
    return "\n".join(lines)


def _kind(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return "one of " + ", ".join(map(str, schema["enum"]))
    kind = schema.get("type", "value")
    return f"{kind}, {schema['default']} by default" if "default" in schema else str(kind)


def _reader(call_id: str, tool: Tool, given: Mapping[str, Any]) -> Callable[[Reply], Reply]:
    def read(reply: Reply) -> Reply:
        try:
            decoded = json.loads(reply.text)
        except ValueError:
            # Cut off before the end. Validation will name what is missing.
            decoded = {}
        return Reply(calls=(ToolCall(call_id, tool.name, {**decoded, **given}),))

    return read


def _plain(messages: Sequence[Message]) -> list[Message]:
    """Calls and results as ordinary text of the two roles that every template knows."""
    return joined([_in_words(message) for message in messages])


def _in_words(message: Message) -> Message:
    if message.role == "tool":
        return Message(
            "user",
            f"Result of {message.name}:\n{message.content}\n\nAnswer my request with this result.",
        )
    if not message.tool_calls:
        return message
    calls = "\n".join(
        f"I call {call.name} with {json.dumps(_shortened(call.arguments), ensure_ascii=False)}."
        for call in message.tool_calls
    )
    content = f"{message.content}\n{calls}".strip()
    return replace(message, content=content, tool_calls=())


def _shortened(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Long texts are in the conversation already; once is enough."""
    return {
        name: head_and_tail(value, _SHOWN_ARGUMENT_TOKENS) if isinstance(value, str) else value
        for name, value in arguments.items()
    }
