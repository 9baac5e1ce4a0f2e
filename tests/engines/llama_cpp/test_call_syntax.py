"""Syntaxes of tool calls are learned from small templates in the styles of well-known models."""

from __future__ import annotations

import json
from typing import Any

import jinja2
import pytest

from airunner.engines.llama_cpp.call_syntax import (
    PROBE_CALLED,
    PROBE_PROMPT,
    PROBE_SAID,
    PROBE_TOOL,
    CallSyntax,
    learn,
)
from airunner.engines.llama_cpp.chat_format import messages_json
from airunner.engines.llama_cpp.control_tokens import ControlTokens
from airunner.engines.llama_cpp.tool_schemas import tools_in_request
from airunner.messages import Message

CHATML = """
{%- for tool in tools %}<tool>{{ tool | tojson }}</tool>{% endfor %}
{%- for m in messages %}
    {%- if m.role == "tool" %}
        {{- "<|im_start|>user\\n<tool_response>" + m.content + "</tool_response>" }}
    {%- else %}{{ "<|im_start|>" + m.role + "\\n" + THOUGHT + m.content }}{% endif %}
    {%- for call in m.tool_calls %}{% set f = call.function %}CALL{% endfor %}
    {{- "<|im_end|>\\n" }}
{%- endfor %}
{{- "<|im_start|>assistant\\n" + OPENED }}
"""
MISTRAL = """
{{- "<s>" }}
{%- set users = messages | selectattr("role", "equalto", "user") | list %}
{%- for m in messages %}
    {%- if m.role == "user" %}
        {%- if m == users[-1] %}[AVAILABLE_TOOLS]{{ tools | tojson }}[/AVAILABLE_TOOLS]{% endif %}
        {{- "[INST]" + m.content + "[/INST]" }}
    {%- elif m.role == "tool" %}[TOOL_RESULTS]{{ m.content }}[/TOOL_RESULTS]
    {%- else %}
        {%- for call in m.tool_calls %}{% set f = call.function %}CALL{% endfor %}
        {{- m.content + "</s>" }}
    {%- endif %}
{%- endfor %}
"""
LLAMA = """
{%- for m in messages %}
    {{- "<|start_header_id|>" + m.role + "<|end_header_id|>\\n\\n" + m.content }}
    {%- for call in m.tool_calls %}{% set f = call.function %}CALL{% endfor %}
    {{- "<|eot_id|>" }}
{%- endfor %}
{{- "<|start_header_id|>assistant<|end_header_id|>\\n\\n" }}
"""
HARMONY = """
{%- for m in messages %}
    {%- if m.tool_calls %}{% set f = m.tool_calls[0].function %}
        {{- "<|start|>assistant to=functions." + f.name + "<|channel|>commentary json<|message|>" }}
        {{- f.arguments | tojson + "<|call|>" }}
    {%- elif m.role == "tool" %}
        {{- "<|start|>functions." + m.name + " to=assistant<|message|>" + m.content + "<|end|>" }}
    {%- else %}
        {{- "<|start|>" + m.role + "<|message|>" + m.content + "<|end|>" }}
    {%- endif %}
{%- endfor %}
{{- "<|start|>assistant" }}
"""
GRANITE = """
{%- for m in messages %}
    {{- "<|start_of_role|>" + m.role + "<|end_of_role|>" + m.content }}
    {%- for call in m.tool_calls %}{% set f = call.function %}CALL{% endfor %}
    {{- "<|end_of_text|>\\n" }}
{%- endfor %}
{{- "<|start_of_role|>assistant<|end_of_role|>" }}
"""
JSON_CALL = (
    '{{ "<tool_call>\\n{\\"name\\": \\"" + f.name + "\\", \\"arguments\\": " }}'
    '{{ f.arguments | tojson }}{{ "}\\n</tool_call>" }}'
)
FENCED_CALL = (
    '{{ "<｜tool▁calls▁begin｜>function<｜tool▁sep｜>" + f.name + "\\n```json\\n" }}'
    '{{ f.arguments | tojson }}{{ "\\n```<｜tool▁calls▁end｜>" }}'
)
XML_CALL = (
    "<tool_call><function={{ f.name }}>"
    "{% for k, v in f.arguments.items() %}<parameter={{ k }}>{{ v }}</parameter>{% endfor %}"
)


def chatml(call: str = JSON_CALL, thought: str = "", opened: str = "") -> str:
    kept = f'("{thought}" if m.role == "assistant" else "")'
    template = CHATML.replace("THOUGHT", kept).replace("OPENED", f'"{opened}"')
    return template.replace("CALL", call)


def learned(template: str, *, compact: bool = False) -> CallSyntax | None:
    """What is learned from a template, rendered as engines do: arguments as objects."""
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True)
    separators = (",", ":") if compact else (", ", ": ")
    environment.filters["tojson"] = lambda value: json.dumps(
        value, separators=separators, ensure_ascii=False
    )
    compiled = environment.from_string(template)

    def rendered(messages: tuple[Message, ...]) -> str:
        values: list[dict[str, Any]] = messages_json(messages, ControlTokens(()))
        for value in values:
            value.setdefault("tool_calls", [])
            for call in value["tool_calls"]:
                call["function"]["arguments"] = json.loads(call["function"]["arguments"])
        offered = tools_in_request([PROBE_TOOL], ControlTokens(()))["chat_template_kwargs"]
        return compiled.render(messages=values, **offered)

    return learn(rendered(PROBE_PROMPT), rendered(PROBE_CALLED), rendered(PROBE_SAID))


@pytest.mark.parametrize(
    ("template", "pieces"),
    [
        (chatml(), ('<tool_call>\n{"name": "', '", "arguments": ', "}\n</tool_call>")),
        (
            MISTRAL.replace("CALL", "[TOOL_CALLS]{{ f.name }}[ARGS]{{ f.arguments | tojson }}"),
            ("[TOOL_CALLS]", "[ARGS]", ""),
        ),
        (
            LLAMA.replace(
                "CALL",
                '{{ "{\\"name\\": \\"" + f.name + "\\", \\"parameters\\": " }}'
                '{{ f.arguments | tojson + "}" }}',
            ),
            ('{"name": "', '", "parameters": ', "}"),
        ),
        (
            chatml(FENCED_CALL),
            (
                "<｜tool▁calls▁begin｜>function<｜tool▁sep｜>",
                "\n```json\n",
                "\n```<｜tool▁calls▁end｜>",
            ),
        ),
        (
            HARMONY,
            (" to=functions.", "<|channel|>commentary json<|message|>", "<|call|>"),
        ),
        (
            GRANITE.replace("CALL", "<|tool_call|>[{{ f | tojson }}]"),
            ('<|tool_call|>[{"name": "', '", "arguments": ', "}]"),
        ),
    ],
    ids=["hermes", "mistral", "llama", "deepseek", "harmony", "granite"],
)
def test_the_pieces_around_name_and_arguments_are_found(
    template: str, pieces: tuple[str, str, str]
) -> None:
    found = learned(template)
    assert found is not None
    assert (found.before, found.between, found.after) == pieces
    assert (found.item_separator, found.key_separator) == (", ", ": ")


def test_the_separators_are_those_of_the_template() -> None:
    found = learned(chatml(), compact=True)
    assert found is not None
    assert (found.item_separator, found.key_separator) == (",", ":")


def test_an_identifier_within_the_call_is_kept_apart() -> None:
    call = '[TOOL_CALLS][{{ {"name": f.name, "arguments": f.arguments, "id": call.id} | tojson }}]'
    found = learned(MISTRAL.replace("CALL", call))
    assert found is not None
    before, between, after = found.with_id("abc123def")
    assert before == '[TOOL_CALLS][{"name": "'
    assert between == '", "arguments": '
    assert after == ', "id": "abc123def"}]'


def test_a_reasoning_block_is_closed_where_the_template_keeps_it() -> None:
    found = learned(chatml(thought="<think>\\n\\n</think>\\n", opened="<think>\\n"))
    assert found is not None
    assert found.before == '\n</think>\n<tool_call>\n{"name": "'
    assert found.lead == '{"name": "'


@pytest.mark.parametrize(
    "template",
    [
        chatml(XML_CALL),
        chatml("{{ '<tool_call>' + f.name }}"),
        chatml(""),
        chatml('<tool_call>{{ {"arguments": f.arguments, "name": f.name} | tojson }}'),
        chatml("<tool_call>{{ f.name }}<a>{{ f.arguments | tojson | tojson }}</tool_call>"),
        chatml("<tool_call>{{ call.id[:6] }}{{ f.name }}<a>{{ f.arguments | tojson }}</a>"),
        chatml(opened="<think>\\n"),
        "{% for m in messages %}{{ m.content }}\n{% endfor %}",
    ],
    ids=["xml", "no arguments", "dropped", "name last", "a string", "cut id", "forgotten", "bare"],
)
def test_what_cannot_be_written_beforehand_is_not_learned(template: str) -> None:
    assert learned(template) is None
