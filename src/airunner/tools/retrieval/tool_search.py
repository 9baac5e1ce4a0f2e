"""``search_tools``: how a model finds the tools that are not shown to it.

Owns that one tool. Which tools are shown beside it is ``airunner.agent.shown_tools``,
which also shows what a search has found from the next answer on.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from airunner.tools.request import Request
from airunner.tools.retrieval.ranking import ToolRanker
from airunner.tools.tool import Tool

SEARCH_TOOLS = "search_tools"
FOUND = 5
"""How many tools one search finds at most."""


def search_tool(ranker: ToolRanker) -> Tool:
    """The tool, over everything that ``ranker`` knows."""

    def search_tools(query: Annotated[str, Field(max_length=200)]) -> str:
        """Find more tools when none of those you have fits.

        Args:
            query: what has to be done, in a few words.
        """
        found = ranker.rank(request_of(query), limit=FOUND)
        if not found:
            return "No tool fits. Answer without one, or say what cannot be done."
        lines = [f"{match.tool.name}: {match.tool.description}" for match in found]
        return "\n".join(["You can call these now, if one fits:", *lines])

    return Tool(search_tools, name=SEARCH_TOOLS)


def request_of(query: str) -> Request:
    """A query as a request: all of it is the wish."""
    return Request(query, query)
