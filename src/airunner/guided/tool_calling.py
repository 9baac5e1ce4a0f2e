"""Tools for a model whose template has none, or that uses them badly.

Which tool fits is decided by a search with the user's message (``choosing``), not
by the model; the model fills in the arguments under the tool's schema, decoded
with a grammar, and answers from the result. Asked to choose among 39 tools itself,
SmolLM2-135M took the right one in 29 % of cases.

Parameters that ``marks`` names get the user's own characters, or their
default, and are not decoded unless neither is there. The others are grounded: a
value that the message settles is taken from it, an optional one of which it says
nothing is left out, and only what remains is decoded. A tool that asks to be
called again gets arguments decoded freely, for those of before were wrong. Where
everything is settled, nothing is decoded.

Each prompt only ever adds to the end of the last one, also where a call was
decoded: the request for its arguments and the JSON that answered stay in the
prompt for good, so that the KV cache of the conversation, parked or not, serves
for everything that follows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from airunner.agent.conversation import newest_exchange, split_exchanges
from airunner.agent.tool_calling.prompt import (
    AUTO,
    NONE,
    REQUIRED,
    Prompt,
    Reply,
    joined,
    with_last_user_text,
)
from airunner.agent.tool_calling.tool_block import ToolBlock
from airunner.guided.choosing import SearchChooser, ToolChooser
from airunner.guided.grounding.grounded import ground, narrowed
from airunner.guided.marks.documents import table_gone_on_about
from airunner.guided.marks.table import marks_of
from airunner.guided.request import Request, split_request
from airunner.guided.user_words import Body, Whole
from airunner.json_schema.plain import json_object
from airunner.media import in_words
from airunner.messages import Message, ToolCall
from airunner.tools.passages import head_and_tail
from airunner.tools.schema import COMPACT_JSON, bounded, longest_text, without
from airunner.tools.search import SEARCH_TOOLS
from airunner.tools.tool import Tool
from airunner.tools.toolset import Toolset

_SHOWN_ARGUMENT_TOKENS = 60
_LONGEST_WISH = 2_000
"""Characters of a wish in which values are sought: forms of words take the square of its length."""

_FAILED = "Error: "
_QUOTED_LINES, _QUOTED_CHARACTERS = 3, 240
_SEPARATORS = (",", ":")
_QUESTION = re.compile(r"Shall I use ([a-zA-Z][\w-]*) for this \(")
_YES = re.compile(
    r"\s*(?:y(?=\s*[.!]?\s*$)|yes|yeah|yep|yup|sure|ok|okay|please|of course|go ahead"
    r"|do it|do that|right)\b",
    re.IGNORECASE,
)


class GuidedToolCalling:
    """At most one tool answers a message; it is called again only if it says so."""

    def __init__(
        self, toolset: Toolset, block: ToolBlock, chooser: ToolChooser | None = None
    ) -> None:
        self._toolset = toolset
        self._required = block.required if block.external else ()
        self._chooser = chooser or SearchChooser(t for t in toolset if t.name != SEARCH_TOOLS)

    def next_step(
        self,
        messages: Sequence[Message],
        *,
        may_call: bool,
        again: str | None,
        choice: str = AUTO,
    ) -> Prompt | Reply:
        """Arguments for the tool that fits, or the answer."""
        tool = self._tool_for(messages, again, choice) if may_call else None
        if isinstance(tool, Reply):
            return tool
        if tool is None:
            return Prompt(
                render=self._plain,
                read=lambda reply: Reply(text=reply.text),
                quote=_quote(messages[-1]) if messages else "",
            )
        form = _Form.of(tool, messages)
        call_id = f"call_{len(messages)}"
        if form.is_complete:
            return Reply(calls=(ToolCall(call_id, tool.name, form.given),))
        return Prompt(
            render=lambda shown: with_last_user_text(self._plain(shown), form.question),
            read=_reader(call_id, tool, form.given),
            json_schema={**form.schema, **COMPACT_JSON},
            max_tokens=2 * longest_text(form.schema) + 32,
            greedy=True,
            visible=False,
            tool=tool.name,
            begun=ToolCall(call_id, tool.name, form.given),
        )

    def _tool_for(
        self, messages: Sequence[Message], again: str | None, choice: str
    ) -> Tool | Reply | None:
        """The tool to call, the question whether to call it, or ``None`` where none fits."""
        if again is not None:
            return self._toolset.get(again)
        exchange = newest_exchange(messages)
        if choice == NONE or not exchange or len(exchange) > 1:
            return None
        if choice not in (AUTO, REQUIRED):
            return self._toolset.get(choice)
        if (agreed := _agreed(messages)) and agreed in self._toolset:
            return self._toolset.get(agreed)
        if choice == REQUIRED:
            return self._any_required(_request_of(messages))
        best = self._chooser.choose(_request_of(messages))
        if best is None or best.verdict == "unlikely":
            return None
        return best.tool if best.verdict == "fits" else Reply(text=_question(best.tool))

    def _any_required(self, request: Request) -> Tool:
        """The tool to call where one must be: of a client that brings tools, one of these."""
        chooser = SearchChooser(self._required) if self._required else self._chooser
        best = chooser.choose(request)
        return best.tool if best else next(iter(self._required or self._toolset))

    def _plain(self, messages: Sequence[Message]) -> list[Message]:
        """Calls and results as ordinary text of the two roles that every template knows."""
        plain: list[Message] = []
        for index, message in enumerate(messages):
            if message.role == "tool":
                plain.append(_result_in_words(message))
            elif message.tool_calls:
                plain += self._call_in_words(messages[:index], message)
            else:
                plain.append(message)
        return joined(plain)

    def _call_in_words(self, before: Sequence[Message], message: Message) -> list[Message]:
        """A decoded call as it was asked for and answered, any other as a sentence."""
        call = message.tool_calls[0]
        if call.name in self._toolset and not message.content and newest_exchange(before):
            form = _Form.of(self._toolset.get(call.name), before)
            if not form.is_complete:
                decoded = {
                    n: v for n, v in call.arguments.items() if n in form.schema["properties"]
                }
                answer = json.dumps(decoded, ensure_ascii=False, separators=_SEPARATORS)
                return [Message("user", form.question), Message("assistant", answer)]
        calls = "\n".join(
            f"I call {call.name} with {json.dumps(_shortened(call.arguments), ensure_ascii=False)}."
            for call in message.tool_calls
        )
        return [replace(message, content=f"{message.text}\n{calls}".strip(), tool_calls=())]


@dataclass(frozen=True, slots=True)
class _Form:
    """A tool's arguments: those the user's words give, and the question for the others.

    Follows from the tool and the messages before the call alone, so that it can
    be asked again word for word in every later prompt.
    """

    given: Mapping[str, Any]
    schema: Mapping[str, Any]
    question: str

    @classmethod
    def of(cls, tool: Tool, messages: Sequence[Message]) -> _Form:
        request = _request_of(messages)
        earlier = _last_answer(messages[: -len(newest_exchange(messages))])
        marks = marks_of(tool)
        if len(request.wish) > _LONGEST_WISH:
            marks = {name: mark for name, mark in marks.items() if isinstance(mark, (Body, Whole))}
        taken = {name: mark.take(request, earlier) for name, mark in marks.items()}
        given = {name: value for name, value in taken.items() if value is not None}
        settled = {name for name in marks_of(tool) if name in given or _is_optional(tool, name)}
        left = without(tool.decoding, settled)
        if left["properties"] and not _is_called_again(tool, messages):
            grounded = ground(left, _grounds(tool, request))
            given, left = {**given, **grounded.given}, dict(grounded.schema)
        question = _arguments_wanted(tool, left)
        left = narrowed(left, _grounds(tool, request), given)
        return cls(given, bounded(left), question)

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left to decode."""
        return not self.schema["properties"]


def _question(tool: Tool) -> str:
    """What is asked where it is doubtful that ``tool`` is meant; ``_agreed`` reads it again."""
    described = tool.description.rstrip(".")
    return f"Shall I use {tool.name} for this ({described})? Say yes, or tell me what you want."


def _agreed(messages: Sequence[Message]) -> str:
    """The tool that the user's newest message agrees to, if it answers such a question."""
    newest = newest_exchange(messages)
    said = _last_answer(messages[: -len(newest)]) if newest else ""
    asked = _QUESTION.match(said)
    return asked[1] if asked and _YES.match(newest[0].text) else ""


def _request_of(messages: Sequence[Message]) -> Request:
    """What the user wants now: the newest message, or what it agrees to."""
    said = [exchange[0].text for exchange in reversed(split_exchanges(messages))]
    newest, *before = said[1:] if len(said) > 1 and _agreed(messages) else said
    request = split_request(newest)
    if request.attached:
        return request
    return replace(request, table=table_gone_on_about(request.wish, before))


def _is_optional(tool: Tool, name: str) -> bool:
    return name not in tool.decoding["required"]


def _is_called_again(tool: Tool, messages: Sequence[Message]) -> bool:
    """Whether the newest message was answered with a call of ``tool`` before."""
    return any(call.name == tool.name for m in newest_exchange(messages) for call in m.tool_calls)


def _grounds(tool: Tool, request: Request) -> str:
    """Where to look for values: not in the text that the request is only about."""
    takes_body = any(isinstance(mark, Body) for mark in marks_of(tool).values())
    return (request.wish if takes_body else request.message)[:_LONGEST_WISH]


def _last_answer(messages: Sequence[Message]) -> str:
    answers = (m.text for m in reversed(messages) if m.role == "assistant" and m.text)
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
        # Nothing of what was cut off before its end: validation will name what is missing.
        decoded = json_object(reply.text) or {}
        return Reply(calls=(ToolCall(call_id, tool.name, {**decoded, **given}),))

    return read


def _result_in_words(message: Message) -> Message:
    return Message(
        "user",
        # "Answer with this result" made SmolLM2 repeat its own JSON.
        f"Here is the result of {message.name}:\n\n{in_words(message.content)}\n\n"
        "Tell me the answer in your own words.",
    )


def _quote(message: Message) -> str:
    """A short result in front of what the model makes of it, which may be anything.

    Of several lines that tell of a failure the first: what follows it rests on nothing.
    """
    if message.role != "tool" or not isinstance(message.content, str):
        return ""
    lines = message.content.strip().splitlines()
    if lines and lines[0].startswith(_FAILED):
        lines = [lines[0].removeprefix(_FAILED)] if len(lines) > 1 else []
    if not lines or len(lines) > _QUOTED_LINES or sum(map(len, lines)) > _QUOTED_CHARACTERS:
        return ""
    return "".join(f"> {line}\n" for line in lines) + "\n"


def _shortened(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Long texts are in the conversation already; once is enough."""
    return {
        name: head_and_tail(value, _SHOWN_ARGUMENT_TOKENS) if isinstance(value, str) else value
        for name, value in arguments.items()
    }
