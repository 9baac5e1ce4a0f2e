"""``search_tools``: how a model finds the tools that its prompt does not show.

Owns the index of a toolset, over name, description, parameters and examples, and the
words of a result. A tool is found together with its schema, so that it can be called
through ``call_tool`` and nothing at the top of the prompt has to change for it.

Of 183 requests for the built-in tools, the right one of 50 is among the eight best
for 97 in 100: ``python -m benchmarks.toolbox``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterable, Sequence
from typing import Annotated

from pydantic import Field

from airunner.messages import ToolSchema
from airunner.tools.call_tool import CALL_TOOL
from airunner.tools.passages import estimated_tokens
from airunner.tools.tool import Tool
from airunner.tools.toolset import Toolset
from airunner.tools.word_index import WordIndex

SEARCH_TOOLS = "search_tools"
RESERVED = frozenset({SEARCH_TOOLS, CALL_TOOL})
"""The names that no other tool may have: calls by them would reach the wrong one, or none."""

FOUND = 8
"""How many tools one search finds at most."""

SCHEMA_TOKENS = 1200
"""Estimated tokens that the schemas in one result may take; the best fit has its own anyway."""


class ToolSearch:
    """An index of ``toolset``. May be used from any thread."""

    def __init__(self, toolset: Toolset) -> None:
        self._toolset = toolset
        columns = ("name", "description", "parameters", "examples")
        self._index = WordIndex(columns, map(_row, toolset))

    def find(self, query: str, limit: int = FOUND) -> list[Tool]:
        """The tools that share words with ``query``, best first; the one of that name alone."""
        if (name := query.strip()) in self._toolset:
            return [self._toolset.get(name)]
        names = self._toolset.names
        found = self._index.find(_spaced([query]), limit)
        return [self._toolset.get(names[number]) for number in found]


def search_tool(toolset: Toolset, shown: Container[str] = ()) -> Tool:
    """The tool that searches ``toolset``, of which every prompt shows ``shown``."""
    index: list[ToolSearch] = []  # made on first use: most conversations search for nothing

    def search_tools(query: Annotated[str, Field(max_length=200)]) -> str:
        """Find more tools. There are many that you do not see: search before you say that
        something cannot be done.

        Args:
            query: what has to be done, in a few words of English, or a tool's name.
        """
        if not index:
            index.append(ToolSearch(toolset))
        found = index[0].find(query)
        if not found:
            return "No tool fits. Answer without one, or say what cannot be done."
        return _in_words(found, shown)

    return Tool(search_tools, name=SEARCH_TOOLS)


def schema_text(schema: ToolSchema) -> str:
    """The schema of a tool's arguments as a model reads it in a result."""
    return json.dumps(schema.parameters, ensure_ascii=False, separators=(",", ":"))


def _in_words(found: Sequence[Tool], shown: Container[str]) -> str:
    lines = [f"If one of these fits, call it with {CALL_TOOL}:"]
    room = SCHEMA_TOKENS
    for place, tool in enumerate(found):
        if tool.name in shown:
            lines.append(f"{tool.name}: {tool.description} (you see it: call it directly)")
            continue
        arguments = schema_text(tool.schema)
        room -= estimated_tokens(arguments)
        if place and room < 0:
            arguments = f"search for {tool.name} to see them"
        lines.append(f"{tool.name}: {tool.description}\n  arguments: {arguments}")
    return "\n".join(lines)


def _row(tool: Tool) -> tuple[str, str, str, str]:
    properties = tool.parameters.get("properties", {})
    described = (value.get("description", "") for value in properties.values())
    return (
        _spaced([tool.name]),
        tool.description,
        _spaced([*properties, *map(str, described)]),
        "\n".join(tool.examples),
    )


def _spaced(names: Iterable[str]) -> str:
    """Names with their words apart: ``read_web_page`` and ``readWebPage`` alike."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", " ".join(names).replace("_", " ").replace("-", " "))
