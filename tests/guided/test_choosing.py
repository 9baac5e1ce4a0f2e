"""Which tool is meant: tools with examples and without, and talk that wants none."""

from __future__ import annotations

import pytest

from airunner.components.llm.tools.image_tools import image_toolset
from airunner.guided.choosing import SearchChooser
from airunner.guided.marks.table import marks_of, register_marks
from airunner.guided.request import split_request
from airunner.guided.user_words import FILE_NAME
from airunner.records.attached_text import marked
from airunner.toolbox.toolset import builtin_toolset
from airunner.tools.tool import tool

PAGE = "The lamp on the cape burnt until the last of its keepers went away. " * 8


@tool(
    examples=["book a table for two", "reserve a table at Mario's", "a table for tonight, please"]
)
def book_table(place: str) -> str:
    """Book a table in a restaurant."""
    return place


@tool
def tide_times(harbour: str) -> str:
    """Tell when the tide is high or low at a harbour."""
    return harbour


@tool(examples=["shred this file", "shred old.txt for good"])
def shred(file: str) -> str:
    """Shred a file."""
    return file


register_marks("shred", {"file": FILE_NAME})


def chosen(message: str) -> tuple[str, str]:
    tools = [book_table, tide_times, shred, *builtin_toolset(), *image_toolset()]
    choice = SearchChooser(tools).choose(split_request(message))
    return (choice.tool.name, choice.verdict) if choice else ("", "unlikely")


@pytest.mark.parametrize(
    ("message", "name"),
    [
        ("please book a table for two at Luigi's", "book_table"),
        ("when is the tide high at the harbour of Brest?", "tide_times"),
        ("shred letter.txt for good", "shred"),
        ("Create a dark fantasy dragon", "generate_image"),
        ("what time is it?", "current_time"),
        ("Remind me in 20 seconds to stretch legs", "set_reminder"),
        ("set a reminder in 40 seconds: turn the egg", "set_reminder"),
        ("How many seconds are 3 minutes?", "convert_units"),
        (
            f"Summarize the following text in two sentences. {PAGE}",
            "summarize_text",
        ),
        ("What is 17 % of 2340?", "calculate"),
        ("what is the date 3 weeks after 5 May?", "calculate_date"),
        (f"summarize this: {'Whales breathe air. ' * 40}", "summarize_text"),
    ],
)
def test_a_request_finds_its_tool(message: str, name: str) -> None:
    assert chosen(message) == (name, "fits")


@pytest.mark.parametrize(
    "message",
    [
        "hello, how are you?",
        "Thank you!",
        "my uncle repairs clocks",
        "Tell me a very long story.",
        "",
    ],
)
def test_talk_wants_no_tool(message: str) -> None:
    assert chosen(message)[1] == "unlikely"


def test_between_the_two_it_is_asked_about() -> None:
    assert chosen("please get us a table near big windows") == ("book_table", "doubtful")


def test_a_tool_that_needs_a_file_is_not_meant_where_none_is_named() -> None:
    assert chosen("shred it for good") != ("shred", "fits")
    assert chosen("shred old.txt for good") == ("shred", "fits")


def test_without_tools_none_is_chosen() -> None:
    assert SearchChooser([]).choose(split_request("book a table")) is None


def beside(name: str, words: str) -> str:
    return marked(name, "day | sales\n1 | 2", "5,000 rows") + words


@pytest.mark.parametrize(
    ("words", "verdict"),
    [
        ("How many rows are in this table, and what is the sum of sales?", "fits"),
        ("which region sold most in spring?", "fits"),
        ("Was March better than April?", "fits"),
        ("What is the highest value in the last column", "fits"),
        ("how does the north compare with the south?", "fits"),
        ("Rank the regions", "doubtful"),
    ],
)
def test_what_is_asked_beside_an_attached_table_is_asked_of_it(words: str, verdict: str) -> None:
    message = beside("attached/sales.csv", words)
    assert chosen(message) == ("ask_table", verdict)
    request = split_request(message)
    marks = marks_of(next(t for t in builtin_toolset() if t.name == "ask_table"))
    taken = {name: mark.take(request, "") for name, mark in marks.items()}
    assert taken == {"file": "attached/sales.csv", "question": words}


@pytest.mark.parametrize(
    ("name", "words", "tool"),
    [
        ("attached/sales.csv", "Remind me in 20 seconds to stretch legs", "set_reminder"),
        ("attached/letter.txt", "which region sold most in spring?", ""),
        ("sales.csv", "which region sold most in spring?", ""),  # which no tool can read
        ("attached/sales.csv", "I like it", ""),
    ],
)
def test_what_is_not_asked_of_an_attached_table_goes_its_own_way(
    name: str, words: str, tool: str
) -> None:
    choice, verdict = chosen(beside(name, words))
    assert (choice if verdict == "fits" else "") == tool
