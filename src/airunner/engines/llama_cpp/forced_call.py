"""A generation that must be one tool call: its schema, its grammar, and reading it back.

A call that is generated as the chat template will render it afterwards stays in
the KV cache: the next prompt only adds to it. Where that syntax is not known
(``call_syntax``), the call is generated as bare JSON under ``forced_call_schema``.
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
from airunner.messages import ToolCall

_OTHER_PROPERTIES = {
    "additionalProperties",
    "unevaluatedProperties",
    "patternProperties",
    "allOf",
    "anyOf",
    "oneOf",
    "$ref",
}


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

    def call_in(self, text: str) -> ToolCall | None:
        """The call in a whole ``text``, ``None`` if there is none.

        Control tokens may be missing from it, and white space before it.
        """
        found = self._found_name(text)
        if found is None:
            return None
        try:
            start = text.index("{", found.end())
            arguments, _ = json.JSONDecoder().raw_decode(text, start)
        except ValueError:
            return None
        return ToolCall(self.id, found[1], arguments)

    def _found_name(self, text: str) -> re.Match[str] | None:
        names = sorted(self._arguments_by_name(), key=len, reverse=True)
        name, follow = "|".join(map(re.escape, names)), re.escape(self.syntax.follow)
        return re.search(f"{re.escape(self.syntax.lead)}({name})(?=[{follow}])", text)

    def _arguments_by_name(self) -> dict[str, list[Mapping[str, Any]]]:
        found: dict[str, list[Mapping[str, Any]]] = {}
        for call in self.schema.get("anyOf") or (self.schema,):
            properties = call["properties"]
            found.setdefault(properties["name"]["const"], []).append(properties["arguments"])
        return found

    def _decodable(self, alternatives: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        schema = alternatives[0] if len(alternatives) == 1 else {"anyOf": list(alternatives)}
        shared = {"$defs": self.schema["$defs"]} if "$defs" in self.schema else {}
        options = {
            **self.schema.get("x-guidance", {}),
            "whitespace_flexible": False,
            "item_separator": self.syntax.item_separator,
            "key_separator": self.syntax.key_separator,
            "lenient": True,
        }
        return {**schema, **shared, "x-guidance": options}

    def _literal(self, text: str) -> str:
        return " ".join(_lark(text, self.syntax.control_tokens))


def is_forced(request: ChatRequest) -> bool:
    """Whether the answer must be a tool call."""
    return bool(request.tools) and request.tool_choice not in ("auto", "none")


def call_schema(request: ChatRequest) -> Mapping[str, Any]:
    """The JSON schema of the call that a forced request asks for; see ``forced_call_schema``."""
    return request.json_schema or forced_call_schema(request)


def forced_call_schema(request: ChatRequest) -> dict[str, Any]:
    """The JSON schema of a call of any offered tool, or of the one that ``tool_choice`` names.

    Raises:
        UnknownToolError: the named tool is not offered.
    """
    definitions: dict[str, Any] = {}
    calls = []
    for tool in request.tools:
        if request.tool_choice not in ("required", tool.name):
            continue
        scope = f"{tool.name}."
        parameters = _with_scoped_references(_closed(engine_parameters(tool.parameters)), scope)
        for name, definition in parameters.pop("$defs", {}).items():
            definitions[scope + name] = definition
        calls.append(
            {
                "type": "object",
                "properties": {"name": {"const": tool.name}, "arguments": parameters},
                "required": ["name", "arguments"],
                "additionalProperties": False,
            }
        )
    if not calls:
        raise UnknownToolError(request.tool_choice, [tool.name for tool in request.tools])
    schema = calls[0] if len(calls) == 1 else {"anyOf": calls}
    return schema | {"$defs": definitions} if definitions else schema


def _with_scoped_references(schema: Any, scope: str) -> Any:
    """A copy whose ``#/$defs/Name`` references say ``#/$defs/<scope>Name``."""
    if isinstance(schema, Mapping):
        return {
            key: value.replace("#/$defs/", f"#/$defs/{scope}")
            if key == "$ref" and isinstance(value, str)
            else _with_scoped_references(value, scope)
            for key, value in schema.items()
        }
    if isinstance(schema, list | tuple):
        return [_with_scoped_references(item, scope) for item in schema]
    return schema


def _closed(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A copy whose objects with named properties have no others, unless it says so.

    As llama.cpp's own grammars take it. llguidance would let a model add properties
    until its tokens are used up.
    """
    node = dict(schema)
    for key in ("properties", "$defs"):
        if isinstance(node.get(key), Mapping):
            node[key] = {name: _closed_if_schema(child) for name, child in node[key].items()}
    for key in ("anyOf", "oneOf"):
        if isinstance(node.get(key), list | tuple) and "properties" not in node:
            node[key] = [_closed_if_schema(child) for child in node[key]]
    if "items" in node:
        node["items"] = _closed_if_schema(node["items"])
    # Schemas beside each other complete each other, so none of them may be closed.
    if "properties" in node and not _OTHER_PROPERTIES & node.keys():
        node["additionalProperties"] = False
    return node


def _closed_if_schema(value: Any) -> Any:
    return _closed(value) if isinstance(value, Mapping) else value


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
