"""Which of many tools a capable model sees: few, those that fit, and the same as before."""

from __future__ import annotations

import asyncio
import json
import re

from tests.agent.scripted_team import ScriptedTeam, events_of

from airunner.agent.conversation import Conversation
from airunner.agent.loop import AgentLoop
from airunner.agent.shown_tools import MOST_SHOWN, ShownTools
from airunner.events import EventBus
from airunner.messages import Message, ToolCall, ToolSchema
from airunner.tools.request import Request
from airunner.tools.retrieval.ranking import Match
from airunner.tools.retrieval.tool_search import SEARCH_TOOLS, search_tool
from airunner.tools.tool import Tool
from airunner.tools.toolset import Toolset

NAMES = """
apples bridges candles drums engines flags gardens hats islands jackets kettles lamps mirrors
needles oceans pencils quilts rivers shoes tables umbrellas violins wagons yachts zippers anchors
baskets castles doors eagles forests glasses hammers instruments jewels knives ladders magnets nets
"""
THINGS = NAMES.split()


def counter(thing: str) -> Tool:
    def count(place: str, colour: str = "any") -> int:
        """Replaced below."""
        return 0

    description = f"Count the {thing} that can be seen at a place."
    return Tool(count, name=f"count_{thing}", description=description)


class Mentioned:
    """Finds the tools whose thing is mentioned, first mentioned first."""

    def __init__(self, tools: Toolset) -> None:
        self._tools = {tool.name.removeprefix("count_"): tool for tool in tools}

    def prepare(self) -> None:
        """Nothing has to be done."""

    def rank(self, request: Request, limit: int = 5) -> list[Match]:
        """Each word that is a thing."""
        words = dict.fromkeys(re.findall(r"\w+", request.message.lower()))
        return [Match(self._tools[word], 1.0) for word in words if word in self._tools][:limit]


TOOLS = Toolset(map(counter, THINGS))
INDEX = Mentioned(TOOLS)
CATALOGUE = TOOLS + Toolset([search_tool(INDEX)])


def shown(*messages: Message) -> list[str]:
    return [schema.name for schema in ShownTools(CATALOGUE, INDEX).of(messages)]


def user(text: str) -> Message:
    return Message("user", text)


def size(schemas: tuple[ToolSchema, ...]) -> int:
    return sum(len(json.dumps([s.name, s.description, s.parameters])) for s in schemas)


def test_39_tools_are_what_is_tested() -> None:
    assert len(THINGS) == 39


def test_a_small_catalogue_is_shown_whole() -> None:
    few = Toolset(list(TOOLS)[:MOST_SHOWN])
    assert ShownTools(few, Mentioned(few)).of([user("rivers?")]) == few.schemas


def test_what_fits_is_shown_in_the_order_of_the_catalogue_within_a_quarter_of_it() -> None:
    names = shown(user("Violins, hats and anchors?"))
    assert names == ["count_hats", "count_violins", "count_anchors", SEARCH_TOOLS]
    everything = user(f"Count the {', '.join(THINGS)}.")
    seen = ShownTools(CATALOGUE, INDEX).of([everything])
    assert len(seen) > 3
    assert size(seen) <= size(CATALOGUE.schemas) / 4


def test_where_nothing_fits_there_is_the_search() -> None:
    assert shown(user("Hello!")) == [SEARCH_TOOLS]


def test_the_choice_lasts_until_a_message_wants_something_else() -> None:
    first = (user("Any hats and lamps?"), Message("assistant", "Three."))
    names = shown(*first)
    assert shown(*first, user("Thank you, and how are you?")) == names
    assert shown(*first, user("And the lamps at home?")) == names
    assert shown(*first, user("And the rivers?")) == [
        "count_hats",
        "count_lamps",
        "count_rivers",
        SEARCH_TOOLS,
    ]


def test_what_was_wanted_longest_ago_makes_room() -> None:
    messages = [user(f"How many {thing}?") for thing in THINGS[:20]]
    names = shown(*messages)
    assert names[-2:] == ["count_tables", SEARCH_TOOLS]
    assert "count_apples" not in names
    assert len(names) <= MOST_SHOWN + 1


def test_a_named_tool_is_shown_in_any_case() -> None:
    seen = ShownTools(CATALOGUE, INDEX).of([user("Hello!")], named="count_kettles")
    assert [schema.name for schema in seen] == ["count_kettles", SEARCH_TOOLS]


def test_what_a_search_finds_can_be_called_in_the_next_step() -> None:
    called = ToolCall("c1", SEARCH_TOOLS, {"query": "something about kettles"})
    team = ScriptedTeam([called, ToolCall("c2", "count_kettles", {"place": "here"}), "None."])
    loop = AgentLoop(team, TOOLS, bus=EventBus(), ranker=INDEX)
    conversation = Conversation.begin()
    asyncio.run(events_of(loop, conversation, "Hello!"))
    assert [[t.name for t in r.tools] for r in team.requests] == [
        [SEARCH_TOOLS],
        ["count_kettles", SEARCH_TOOLS],
        ["count_kettles", SEARCH_TOOLS],
    ]
    results = [m.content for m in conversation.messages if m.role == "tool"]
    assert "count_kettles: Count the kettles" in results[0]
    assert results[1] == "0"


def test_the_loop_lists_the_search_beside_the_tools() -> None:
    assert AgentLoop(ScriptedTeam([]), TOOLS, bus=EventBus()).toolset.names[-1] == SEARCH_TOOLS
