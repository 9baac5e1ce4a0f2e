"""The verdict: tools with examples and without, in catalogues of any size."""

from __future__ import annotations

from pathlib import Path

import pytest

from airunner.toolbox.toolset import builtin_toolset
from airunner.tools.request import split_request
from airunner.tools.retrieval.letters import Letters
from airunner.tools.retrieval.ranking import Match
from airunner.tools.retrieval.relevance import RelevanceIndex, best_ranker
from airunner.tools.retrieval.sentence_model import SentenceModel
from airunner.tools.retrieval.things import things_in
from airunner.tools.tool import Tool, tool
from airunner.tools.user_words import FileName

MODELS = [SentenceModel(), None]


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
def shred(file: FileName) -> str:
    """Shred a file."""
    return file


def best(
    message: str, *tools: Tool, model: SentenceModel | None = None, known: Path | None = None
) -> Match | None:
    ranked = RelevanceIndex(tools, model, known).rank(split_request(message), limit=1)
    return ranked[0] if ranked else None


@pytest.mark.parametrize("model", MODELS, ids=["by meaning", "by words"])
def test_tools_with_and_without_examples_stand_side_by_side(
    model: SentenceModel | None, known_tools: Path
) -> None:
    for message, wanted in (
        ("please book a table for four at Luigi's", book_table),
        ("when is the tide high at the harbour of Brest?", tide_times),
    ):
        found = best(
            message, book_table, tide_times, *builtin_toolset(), model=model, known=known_tools
        )
        assert found is not None
        assert found.tool is wanted, found
        assert found.fits


@pytest.mark.parametrize("model", MODELS, ids=["by meaning", "by words"])
def test_a_story_that_mentions_a_tools_words_calls_nothing(
    model: SentenceModel | None, known_tools: Path
) -> None:
    for message in (
        "our kitchen is painted yellow",
        "my uncle works in the harbour",
        "tell me a story about a restaurant",
    ):
        found = best(
            message, book_table, tide_times, *builtin_toolset(), model=model, known=known_tools
        )
        assert found is None or not found.fits, (message, found)


def test_a_tool_whose_file_is_not_named_is_asked_about_at_most() -> None:
    named = best("shred plans.txt for good", shred, book_table, model=SentenceModel())
    assert named is not None
    assert named.fits
    unnamed = best("shred this file", shred, book_table, model=SentenceModel())
    assert unnamed is not None
    assert not unnamed.fits
    assert unnamed.doubtful


def test_a_message_about_nothing_finds_nothing_and_other_scripts_are_not_nothing() -> None:
    index = best_ranker([book_table, tide_times])
    assert index.rank(split_request("ok, and you?")) == []
    assert index.rank(split_request("забронируй столик на двоих")) != []


def test_no_tools_and_no_limit_are_no_problem(known_tools: Path) -> None:
    request = split_request("book a table")
    assert best_ranker([]).rank(request) == []
    assert len(best_ranker(builtin_toolset(), known_tools).rank(request, limit=1000)) == len(
        builtin_toolset()
    )


def test_scores_never_rise_along_the_ranking(known_tools: Path) -> None:
    index = best_ranker([book_table, tide_times, shred, *builtin_toolset()], known_tools)
    for message in ("shred this file", "what is 3 plus 4?", "summarize report.pdf", "hm, tables"):
        scores = [match.score for match in index.rank(split_request(message), limit=70)]
        assert scores == sorted(scores, reverse=True)


def test_words_of_one_root_share_their_letters() -> None:
    likeness = Letters([["area of a triangle"], ["price of a house"]]).likeness("triangular areas")
    assert likeness[0] > 0.3
    assert likeness[1] < 0.1
    assert Letters([["x"]]).likeness("") == pytest.approx([0.0])


def test_things_are_what_a_message_holds_beside_words() -> None:
    for message, things in (
        ("read report.pdf", {"file", "document file"}),
        ("what is on https://site.example/a.html?", {"address", "question"}),
        ("add 3 and 4", {"number 1", "number 2"}),
        ("what does this do?\ndef f(x):\n    return x", {"body", "lines", "code", "question"}),
    ):
        assert things <= things_in(split_request(message)), message
    assert things_in(split_request("translate it")) == {"pointing"}


def test_a_page_that_nothing_sets_off_is_not_mistaken_for_the_wish(known_tools: Path) -> None:
    page = (
        "The lighthouse was built in 1871 after three ships were lost. Its keeper wrote down the "
        "weather for thirty-one years. The book was found in an attic in 1998. It is a record of "
        "the climate of that coast now. The tower is a museum, open from May to September, and "
        "people come from far away to see it."
    )
    index = best_ranker(builtin_toolset(), known_tools)
    for message in (f"Summarize this text in two sentences. {page}", f"{page} Summarize this."):
        (found,) = index.rank(split_request(message), limit=1)
        assert found.tool.name == "summarize_text"
        assert found.fits, found
    assert all(not match.fits for match in index.rank(split_request(page)))
