"""Which of many tools a capable model is shown.

Owns the choice: a few that fit what was asked for, and ``search_tools`` for the
rest. It follows from the conversation's messages alone, so nothing is kept, and a
restored conversation shows what it showed before. Tools stand at the top of a
prompt, and another choice makes the engine read everything anew; so it changes
only when a message wants a tool that is not there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from airunner.messages import Message, ToolSchema
from airunner.tools.request import Request, split_request
from airunner.tools.retrieval.ranking import Match, ToolRanker
from airunner.tools.retrieval.tool_search import FOUND, SEARCH_TOOLS, request_of
from airunner.tools.toolset import Toolset

MOST_SHOWN = 8
"""Tools shown at most, beside ``search_tools``; a smaller catalogue is shown whole."""

SHARE = 4
"""All that is shown takes at most one part in so many of the whole catalogue's text."""

_NEAR = -0.7
_NEEDED = 3
_REMEMBERED = 512


class ShownTools:
    """The choice among ``toolset``, in which ``ranker`` finds everything but ``search_tools``."""

    def __init__(self, toolset: Toolset, ranker: ToolRanker) -> None:
        self._toolset, self._ranker = toolset, ranker
        self._is_whole = len(toolset) <= MOST_SHOWN
        self._sizes = {schema.name: len(_as_text(schema)) for schema in toolset.schemas}
        self._room = sum(self._sizes.values()) // SHARE - self._sizes.get(SEARCH_TOOLS, 0)
        # Each message is asked about again in every later step of its conversation.
        self._ranked = lru_cache(_REMEMBERED)(self._rank)

    def of(self, messages: Sequence[Message], *, named: str = "") -> tuple[ToolSchema, ...]:
        """What is shown after ``messages``, in the catalogue's order and with ``named``."""
        if self._is_whole:
            return self._toolset.schemas
        wanted: dict[str, int] = {}
        for turn, (request, is_search) in enumerate(_requests(messages)):
            found = self._ranked(request)
            if not wanted:
                wanted = dict.fromkeys(self._fitting([match.tool.name for match in found]), turn)
                continue
            needed = [m.tool.name for m in found[: FOUND if is_search else _NEEDED]]
            if not is_search:
                needed = [m.tool.name for m in found[:_NEEDED] if m.score >= _NEAR]
            if not set(needed) <= set(wanted):
                # Those of longest ago make room; what was needed together keeps its order.
                others = sorted((n for n in wanted if n not in needed), key=lambda n: -wanted[n])
                kept = self._fitting([*needed, *others])
                wanted = {name: wanted.get(name, turn) for name in kept}
            wanted |= {name: turn for name in needed if name in wanted}
        shown = {*wanted, SEARCH_TOOLS, named}
        return tuple(schema for schema in self._toolset.schemas if schema.name in shown)

    def _fitting(self, names: Sequence[str]) -> list[str]:
        """As many of ``names``, from the first on, as there is room for; at least one."""
        taken: list[str] = []
        room = self._room
        for name in names[:MOST_SHOWN]:
            room -= self._sizes[name]
            if taken and room < 0:
                break
            taken.append(name)
        return taken

    def _rank(self, request: Request) -> Sequence[Match]:
        return self._ranker.rank(request, limit=MOST_SHOWN)


def _requests(messages: Sequence[Message]) -> Iterator[tuple[Request, bool]]:
    """What was asked for, oldest first: by the user, or in a search for tools."""
    for message in messages:
        if message.role == "user":
            yield split_request(message.content), False
        for call in message.tool_calls:
            if call.name == SEARCH_TOOLS and isinstance(query := call.arguments.get("query"), str):
                yield request_of(query), True


def _as_text(schema: ToolSchema) -> str:
    described: Mapping[str, object] = {
        "name": schema.name,
        "description": schema.description,
        "parameters": schema.parameters,
    }
    return json.dumps(described, ensure_ascii=False)
