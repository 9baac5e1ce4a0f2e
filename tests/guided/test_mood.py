"""What is asked or told is no request: no tool that makes something is called for it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from benchmarks.readme import ROOT

from airunner.components.llm.tools.image_tools import image_toolset
from airunner.guided.choosing import SearchChooser
from airunner.guided.mood import Mood, asks_what_is, mood_of
from airunner.guided.request import split_request
from airunner.guided.words import stems
from airunner.toolbox.toolset import builtin_toolset
from airunner.tools.tool import tool

_SAID_IN_CODE = re.compile(
    r"""\b(?:turn|say)\((?:[\w.]+, ?)?"([^"\n]+)"|\bchat [^\n|]*-p (?:"([^"\n]+)"|'([^'\n]+)')"""
    r'''|"content": "([^"\n]+)"'''
)
_TYPED = re.compile(r"^> ([^/\s][^\n]*\w[^\n]*)$", re.MULTILINE)
WANTED = {
    "Summarize this: Whales are mammals. They breathe air.": "summarize_text",
    "What is 17 % of 2340?": "calculate",
    "What is new today?": "current_time",
}
"""The tools that the documentation's messages may call; all others want an answer."""

CHOOSER = SearchChooser(builtin_toolset() + image_toolset())


def called(message: str) -> str:
    """The tool that is called or asked about; empty for an answer."""
    choice = CHOOSER.choose(split_request(message))
    return choice.tool.name if choice and choice.verdict != "unlikely" else ""


def documented() -> Iterator[str]:
    """What people say in the documentation's examples."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    notebook = json.loads((ROOT / "docs/examples/team.ipynb").read_text(encoding="utf-8"))
    cells = ["".join(cell["source"]) for cell in notebook["cells"]]
    for text in [*(page.read_text(encoding="utf-8") for page in pages), *cells]:
        for found in _SAID_IN_CODE.finditer(text):
            yield next(filter(None, found.groups()))
        for block in re.findall(r"```\w*\n(.*?)```", text, re.DOTALL):
            yield from (found[1].strip() for found in _TYPED.finditer(block))


def test_a_message_of_the_documentation_leads_to_its_tool_or_to_an_answer() -> None:
    messages = set(documented())
    assert {"What is a lighthouse?", "In one sentence: what is a lighthouse?"} <= messages
    assert {m: called(m) for m in messages} == {m: WANTED.get(m, "") for m in messages}


@pytest.mark.parametrize(
    "thing", ["house", "triangle", "file", "chart", "reminder", "mountain lake"]
)
def test_what_a_thing_is_wants_an_answer(thing: str) -> None:
    assert called(f"What is a {thing}?") == ""
    assert called(f"Explain what a {thing} is.") == ""


@pytest.mark.parametrize(
    "message", ["Is 17 prime?", "My name is Ada", "long", "How tall is a tower?", "a house"]
)
def test_a_word_of_an_example_is_no_request(message: str) -> None:
    assert called(message) == ""


@pytest.mark.parametrize(
    ("message", "name"),
    [
        ("Draw a lighthouse", "generate_image"),
        ("Can you draw a triangle?", "generate_image"),
        ("do I have any reminders?", "list_reminders"),
        ("Which of my notes mention Sarah?", "search_notes"),
    ],
)
def test_what_is_asked_for_is_done(message: str, name: str) -> None:
    assert called(message) == name


def test_a_tool_that_looks_up_answers_questions_too() -> None:
    @tool(examples=["tell the tides at Brest", "list the tides at Dover"])
    def tides(harbour: str) -> str:
        """Tell the tides."""
        return harbour

    @tool(permission="write", examples=["order the tides at Brest", "order tides for Dover"])
    def order(harbour: str) -> str:
        """Order the tides."""
        return harbour

    request = split_request("when are the tides at Dover")
    verdicts = [SearchChooser([each]).choose(request) for each in (tides, order)]
    assert [each and each.verdict for each in verdicts] == ["fits", "unlikely"]


@pytest.mark.parametrize(
    ("text", "mood"),
    [
        ("Why is the sky blue?", "question"),
        ("Hey, is it raining", "question"),
        ("Tell me what a file is", "question"),
        ("Could you draw a cat?", "request"),
        ("a dragon, please", "request"),
        ("I need a script", "request"),
        ("My name is Ada", "statement"),
        ("My case weighs 23 kg, what's that in pounds?", "request"),
    ],
)
def test_mood(text: str, mood: Mood) -> None:
    assert mood_of(text) == mood


def test_only_what_a_thing_is_asks_what_it_is() -> None:
    assert asks_what_is("What's an old house?")
    assert not asks_what_is("What is a third of 12?")
    assert not asks_what_is("What is the time?")


def test_a_telling_word_never_becomes_a_common_one() -> None:
    assert stems("note not") == ["note", "not"]
