"""The words to search the web for, and the name to save under."""

from __future__ import annotations

import pytest

from airunner.guided.marks.web import SaveName, SearchWords
from airunner.guided.request import split_request


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("search the web for tide tables in Brest", "tide tables in Brest"),
        ("Can you search the internet for cheap bicycles, please?", "cheap bicycles"),
        ("please google who won the chess championship", "who won the chess championship"),
        ("look up the opening hours of the Louvre online", "the opening hours of the Louvre"),
        ("Look online for a sourdough recipe.", "a sourdough recipe"),
        ("do a web search for rivers", "rivers"),
        ("search online: weather in Oslo", "weather in Oslo"),
        ('search the web for "blue whale"', "blue whale"),
        ("find websites about sourdough bread", "websites about sourdough bread"),
        ("what is the latest news about Mars?", "what is the latest news about Mars?"),
        ("google", "google"),
        ("I'd like you to search for rivers on the web", "rivers"),
    ],
)
def test_the_words_to_search_for_are_taken_from_the_request(message: str, words: str) -> None:
    assert SearchWords().take(split_request(message), "") == words


@pytest.mark.parametrize(
    ("message", "name"),
    [
        ("download https://site.example/a/report.pdf", None),
        ("save https://site.example/a.csv as data/prices.csv", "data/prices.csv"),
        ("save https://site.example/get?f=x,b.csv as prices.csv please", "prices.csv"),
    ],
)
def test_a_file_is_named_beside_the_address(message: str, name: str | None) -> None:
    assert SaveName().take(split_request(message), "") == name
