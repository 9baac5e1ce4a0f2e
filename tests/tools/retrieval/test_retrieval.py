"""Choosing a tool by the words of a request."""

from __future__ import annotations

from pathlib import Path

from tests.tools.retrieval.spoken_requests import (
    HELD_OUT,
    PICTURES_HELD_OUT,
    PICTURES_TUNED_ON,
    TEXT,
    TUNED_ON,
)

from airunner.components.llm.tools.image_tools import image_toolset
from airunner.toolbox.toolset import builtin_toolset
from airunner.tools.request import split_request
from airunner.tools.retrieval.ranking import ToolRanker, pick
from airunner.tools.retrieval.relevance import best_ranker
from airunner.tools.tool import Tool, tool


def wrong_choices(index: ToolRanker, requests: list[tuple[str, str | None]]) -> list[str]:
    wrong = []
    for message, wanted in requests:
        chosen = pick(index, split_request(message))
        if (chosen.name if chosen else None) != wanted:
            wrong.append(f"{message[:60]!r}: {chosen}, not {wanted}")
    return wrong


def test_requests_find_their_tool_and_small_talk_finds_none(known_tools: Path) -> None:
    index = best_ranker(builtin_toolset() + image_toolset(), known_tools)
    for requests, share in (
        (TUNED_ON, 0.95),
        (HELD_OUT, 0.90),
        (PICTURES_TUNED_ON, 0.95),
        (PICTURES_HELD_OUT, 0.90),
    ):
        wrong = wrong_choices(index, requests)
        assert len(wrong) <= (1 - share) * len(requests), wrong


def test_examples_suffice_in_any_catalogue(known_tools: Path) -> None:
    def numbered(number: int) -> Tool:
        def body(value: int) -> str:
            return str(value)

        return Tool(body, name=f"tool_{number}", description=f"Do {number} things.")

    for count in (1, 40, 400):
        index = best_ranker([*map(numbered, range(count)), *builtin_toolset()], known_tools)
        chosen = pick(index, split_request(f"summarize this: {TEXT}"))
        assert chosen is not None
        assert chosen.name == "summarize_text"


def test_equal_tools_keep_their_order_and_an_empty_set_finds_nothing() -> None:
    @tool(examples=["how will the weather be?"])
    def first(city: str) -> str:
        """Forecast."""
        return city

    @tool(examples=["how will the weather be?"])
    def second(city: str) -> str:
        """Forecast."""
        return city

    request = split_request("weather in Oslo")
    assert [m.tool.name for m in best_ranker([first, second]).rank(request)] == ["first", "second"]
    assert pick(best_ranker([]), request) is None


def test_a_greeting_is_not_taken_for_a_doubtful_request(known_tools: Path) -> None:
    index = best_ranker(builtin_toolset() + image_toolset(), known_tools)
    for text in ("Hello", "Hello!", "Hi there", "Thanks!", "ok", "How are you?"):
        for match in index.rank(split_request(text), limit=1):
            assert not match.fits, (text, match)
            assert not match.doubtful, (text, match)
