"""The schemas of a request's tools, as llama.cpp takes them.

Owns what stands in the ``tools`` of a request. The engine makes a grammar of
the schemas there, and one that it cannot convert is not left out: the whole
request is refused, or worse. Tried with xllamacpp 2026.10, one tool a request:

- refused (HTTP 400): a boolean as a schema, an unknown type, a reference that
  is remote, dangling or escaped, one that leads to itself, a limit or a
  ``format`` of the wrong type, an empty ``enum`` or ``anyOf``, an anchored
  ``pattern`` that is no regular expression, ``minItems`` of thousands;
- the process dies or hangs: ``minLength`` of a million, thousands of properties;
- taken, and ignored in silence: everything else that it does not know.

So it is given the decoding schema of every tool, with such patterns and formats
as were seen to work. What its model is *shown* is
another matter: arguments for the chat template (``chat_template_kwargs``) come
after what the engine gives it, so the template is given the tools once more,
with their schemas as they came. Tried with the templates of Qwen 2.5 to 3.6,
Llama 3.1, GLM 4.5, gpt-oss, LFM2, Nemotron 3 and others: the prompt is the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from airunner.engines.llama_cpp.control_tokens import ControlTokens
from airunner.json_schema.calls import closed
from airunner.json_schema.decoding import decodable
from airunner.json_schema.plain import MAX_DEPTH, MAX_SCHEMA_CHARACTERS, plain_json
from airunner.json_schema.sound import sound
from airunner.messages import ToolSchema

_MAX_SHOWN_CHARACTERS = 32 * 1024
_MOST_KNOWN = 256
# Characters and classes of them, each with a short repetition; nothing within each other.
_SIMPLE_PATTERN = re.compile(
    r"\^(?:(?:[\w .:/@#,-]|\\[dws.-]|\[(?:[\w .:/@#,-]|\\[dws.-])+\])"
    r"(?:[+*?]|\{\d{1,2}(?:,\d{0,2})?\})?){0,40}\$",
    re.ASCII,
)
_TEXTS = ("description", "title", "$comment")
_NO_RULES = frozenset({*_TEXTS, "default", "examples", "$schema"})
_NUMBER_LIMITS = frozenset({"minimum", "maximum"})
_ENFORCED = frozenset(
    {"type", "enum", "minLength", "maxLength", "minItems", "maxItems", "additionalProperties"}
)
_NOTHING: Mapping[str, Any] = {"type": "object", "properties": {}}


def tools_in_request(tools: Sequence[ToolSchema], controls: ControlTokens) -> dict[str, Any]:
    """The fields of a request that offer ``tools``; none for no tools.

    A description may come from anybody's server, so it holds none of ``controls``.
    """
    if not tools:
        return {}
    forms = [_forms(tool, controls) for tool in tools]
    return {
        "tools": [for_engine for for_engine, _ in forms],
        "chat_template_kwargs": {"tools": [shown for _, shown in forms]},
    }


@dataclass(frozen=True, slots=True)
class _Written:
    """A tool, told from others by its text."""

    text: str
    tool: ToolSchema = field(compare=False)


def _forms(tool: ToolSchema, controls: ControlTokens) -> tuple[dict[str, Any], dict[str, Any]]:
    """A tool as the engine decodes it, and as its model is shown it.

    A conversation has the same tools with every request, and making these of twenty small
    ones takes 6 ms, so the last ones are remembered.
    """
    try:
        text = json.dumps([tool.name, tool.description, tool.parameters], default=repr)
    except (TypeError, ValueError, RecursionError):  # it is no JSON
        return _made_forms(tool, controls)
    if len(text) > _MAX_SHOWN_CHARACTERS:
        return _made_forms(tool, controls)
    return _known_forms(_Written(text, tool), controls)


@lru_cache(maxsize=_MOST_KNOWN)
def _known_forms(
    written: _Written, controls: ControlTokens
) -> tuple[dict[str, Any], dict[str, Any]]:
    return _made_forms(written.tool, controls)


def _made_forms(tool: ToolSchema, controls: ControlTokens) -> tuple[dict[str, Any], dict[str, Any]]:
    tool = replace(
        tool,
        description=controls.harmless(tool.description),
        parameters=_described(tool.parameters, controls),
    )
    return (
        _tool_json(tool, engine_parameters(tool.parameters)),
        _tool_json(tool, shown_parameters(tool.parameters)),
    )


def shown_parameters(parameters: Any) -> Mapping[str, Any]:
    """``parameters`` of a tool as a model is shown them: as they came.

    Only what is far too long, or what a template that looks for the type of each
    parameter would trip over, is shown as it is decoded.
    """
    plain = _plain(parameters, _MAX_SHOWN_CHARACTERS)
    return plain if plain and _has_objects(plain) else engine_parameters(parameters)


def engine_parameters(parameters: Any) -> dict[str, Any]:
    """A schema for ``parameters`` of a tool that the engine can make a grammar of.

    Objects with named properties have no others, unless it says so.
    """
    # Beyond every limit the tool is offered, and checks its arguments itself.
    plain = _plain(parameters, MAX_SCHEMA_CHARACTERS)
    decoded = closed(decodable(sound(plain, _is_simple), texts=True))
    if isinstance(plain, dict) and plain.get("properties") == {}:
        decoded.setdefault("additionalProperties", False)
    return decoded


def is_enforced(parameters: Any) -> bool:
    """Whether whatever the engine's grammar of ``parameters`` allows matches them.

    No where that is not certain: the grammar knows a format by its signs and not by the
    calendar, and no limits of fractions.
    """
    plain = _plain(parameters, MAX_SCHEMA_CHARACTERS)
    return _is_kept(sound(plain, _is_simple), engine_parameters(parameters))


def _is_kept(schema: Any, decoded: Any) -> bool:
    """Whether every rule of ``schema`` is one of ``decoded`` that the engine enforces."""
    if not isinstance(schema, dict) or not isinstance(decoded, dict):
        return schema is True and decoded in (True, {})
    for key in schema.keys() - _NO_RULES:
        value, kept = schema[key], decoded.get(key)
        if key == "properties":
            inner = kept if isinstance(kept, dict) else {}
            if not all(_is_kept(child, inner.get(name)) for name, child in value.items()):
                return False
        elif key == "required":
            if not set(value) <= set(kept or ()):
                return False
        elif key == "items" or isinstance(value, dict):
            if key not in ("items", "additionalProperties") or not _is_kept(value, kept):
                return False
        elif key in _NUMBER_LIMITS:
            if schema.get("type") != "integer" or value != kept:
                return False
        elif key not in _ENFORCED or value != kept:
            return False
    return True


def engine_schema(schema: Any) -> dict[str, Any]:
    """The same for a schema of any value, such as that of an answer."""
    whole = sound(_plain(schema, MAX_SCHEMA_CHARACTERS), _is_simple)
    definitions = whole.pop("$defs", {}) if isinstance(whole, dict) else {}
    around = {"type": "object", "properties": {"value": whole}, "$defs": definitions}
    return closed(decodable(around, texts=True)["properties"].get("value", {}))


def _described(node: Any, controls: ControlTokens, depth: int = 0) -> Any:
    """``node`` with harmless descriptions; what nests too deeply for that is left out later."""
    if depth > MAX_DEPTH or not isinstance(node, Mapping | list):
        return node
    if isinstance(node, list):
        return [_described(item, controls, depth + 1) for item in node]
    return {
        key: controls.harmless(value)
        if key in _TEXTS and isinstance(value, str)
        else _described(value, controls, depth + 1)
        for key, value in node.items()
    }


def _is_simple(pattern: str) -> bool:
    return _SIMPLE_PATTERN.fullmatch(pattern) is not None


def _plain(parameters: Any, max_characters: int) -> Any:
    """``parameters`` in plain types, ``None`` beyond the limits; none at all are an object's."""
    try:
        return plain_json(parameters or _NOTHING, max_characters, lenient=True)
    except ValueError:
        return None


def _tool_json(tool: ToolSchema, parameters: Mapping[str, Any]) -> dict[str, Any]:
    function = {"name": tool.name, "description": tool.description, "parameters": parameters}
    return {"type": "function", "function": function}


def _has_objects(node: Any) -> bool:
    """Whether every schema that a template would look into is an object."""
    if not isinstance(node, Mapping):
        return False
    properties = node.get("properties", {})
    inner = [*properties.values()] if isinstance(properties, Mapping) else [properties]
    inner += [node["items"]] if "items" in node else []
    return all(map(_has_objects, inner))
