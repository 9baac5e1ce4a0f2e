"""A generation that must be one tool call: its schema, its grammar, and reading it back.

A call that is generated as the chat template will render it afterwards stays in
the KV cache: the next prompt only adds to it. Where that syntax is not known
(``call_syntax``), the call is generated as bare JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Any

from airunner.engines.base import ChatRequest
from airunner.engines.llama_cpp.call_syntax import CallSyntax
from airunner.engines.llama_cpp.tool_schemas import engine_parameters
from airunner.errors import UnknownToolError
from airunner.json_schema.calls import call_schema
from airunner.json_schema.plain import sound_escapes
from airunner.messages import ToolCall

# Without a thought first: it would have to be JSON, too.
BARE = CallSyntax('{"name": "', '", "arguments": ', "}", ", ", ": ", thinking=False)
"""A call as JSON, for templates whose own syntax is not known."""


@dataclass(frozen=True, slots=True)
class ForcedCall:
    """One call to be generated in a syntax: its grammar, and the reading of the result.

    ``schema`` is that of an object of ``name``, a constant, and ``arguments``, or
    ``anyOf`` such. The identifier is chosen beforehand, because some syntaxes
    contain it; Mistral's wants 9 letters or digits.
    """

    syntax: CallSyntax
    schema: Mapping[str, Any]
    id: str = field(default_factory=lambda: token_hex(5)[:9])

    def grammar(self) -> str:
        """A Lark grammar for llguidance that allows the call and nothing else.

        Where only one text is possible, llguidance allows only the tokens that the
        tokenizer makes of it, so that the prompt of the next request has the same ones.
        """
        before, between, after = self.syntax.with_id(self.id)
        rules = []
        for name, arguments in self._arguments_by_name().items():
            schema = json.dumps(self._decodable(arguments))
            rules.append(f"{self._literal(name + between)} %json {schema}")
        lines = ["%llguidance {}"]
        choice = " | ".join(f"call_{index}" for index in range(len(rules)))
        lines.append(f"start: {self._literal(before)} ( {choice} ) {self._literal(after)}")
        lines += [f"call_{index}: {rule}" for index, rule in enumerate(rules)]
        return "\n".join(lines)

    def name_in(self, text: str) -> str:
        """The name of the call that ``text`` begins with, empty while it may still grow."""
        found = self._found_name(text)
        return found[1] if found else ""

    def behind_name(self, text: str) -> str:
        """What stands in ``text`` after the name that ``name_in`` finds there."""
        found = self._found_name(text)
        return text[found.end() :] if found else ""

    def call_in(self, text: str) -> ToolCall | None:
        """The call in a whole ``text``, ``None`` if there is none.

        Control tokens may be missing from it, and white space may be anywhere between.
        """
        found = self._found_name(text)
        if found is None:
            return None
        try:
            start = text.index("{", found.end())
            arguments, _ = json.JSONDecoder().raw_decode(sound_escapes(text), start)
        except (ValueError, RecursionError):  # no JSON, or nested too deeply
            return None
        return ToolCall(self.id, found[1], arguments)

    def _found_name(self, text: str) -> re.Match[str] | None:
        lead = r"\s*".join(map(re.escape, "".join(self.syntax.lead.split())))
        names = sorted(self._arguments_by_name(), key=len, reverse=True)
        name, follow = "|".join(map(re.escape, names)), re.escape(self.syntax.follow)
        return re.search(f"{lead}({name})(?=[{follow}])", text)

    def _arguments_by_name(self) -> dict[str, list[Mapping[str, Any]]]:
        found: dict[str, list[Mapping[str, Any]]] = {}
        for call in self.schema.get("anyOf") or (self.schema,):
            properties = call["properties"]
            found.setdefault(properties["name"]["const"], []).append(properties["arguments"])
        return found

    def _decodable(self, alternatives: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        schema = alternatives[0] if len(alternatives) == 1 else {"anyOf": list(alternatives)}
        options = {
            **self.schema.get("x-guidance", {}),
            "whitespace_flexible": False,
            "item_separator": self.syntax.item_separator,
            "key_separator": self.syntax.key_separator,
            "lenient": True,
        }
        return {**schema, "x-guidance": options}

    def _literal(self, text: str) -> str:
        return " ".join(_lark(text, self.syntax.control_tokens))


def is_forced(request: ChatRequest) -> bool:
    """Whether the answer must be a tool call."""
    return bool(request.tools) and request.tool_choice not in ("auto", "none")


def forced_call(request: ChatRequest) -> ForcedCall | None:
    """The call that a request wants whatever the model would say, ``None`` if it wants none.

    It is ``BARE`` JSON. Its schema is the request's own, or one of any offered tool, or of the
    one that ``tool_choice`` names.

    Raises:
        UnknownToolError: the named tool is not offered.
    """
    if not is_forced(request):
        return None
    if request.json_schema is not None:
        return ForcedCall(BARE, request.json_schema)
    wanted = {
        tool.name: engine_parameters(tool.parameters)
        for tool in request.tools
        if request.tool_choice in ("required", tool.name)
        and (request.allowed_tools is None or tool.name in request.allowed_tools)
    }
    if not wanted:
        raise UnknownToolError(request.tool_choice, [tool.name for tool in request.tools])
    return ForcedCall(BARE, call_schema(wanted))


def _lark(text: str, control_tokens: Mapping[str, int]) -> Iterator[str]:
    """The terms of a Lark rule for ``text``: strings, and control tokens by id."""
    if not control_tokens:
        parts = [text]
    else:
        parts = re.split(f"({'|'.join(map(re.escape, control_tokens))})", text)
    for part in parts:
        if part in control_tokens:
            yield f"<[{control_tokens[part]}]>"
        elif part:
            yield json.dumps(part)
