"""Texts found by their words: the one that is meant first, in any script."""

from __future__ import annotations

import pytest

from airunner.tools.word_index import WordIndex

CLAUSES = [
    "Rent. The rent is 900 euros a month, payable in advance.",
    "Deposit. The tenant pays a deposit of two months' rent, which bears interest.",
    "Notice. Either party may end the lease with a notice period of three months.",
    "Period. The lease period begins on 1 May. Any notice has to be in writing.",
    "Pets. Dogs need the landlord's consent; cats and small animals do not.",
    "Repairs. Small repairs up to 75 euros are paid by the tenant.",
]


def index(*texts: str) -> WordIndex:
    return WordIndex(["text"], ([text] for text in texts))


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("How long is the notice period?", 2),
        ("what deposit do I pay", 1),
        ("may I keep a dog", 4),
        ("REPAIRING", 5),
        ("begin of the lease period", 3),
    ],
)
def test_what_is_meant_comes_first(query: str, place: int) -> None:
    assert index(*CLAUSES).find(query, 3)[0] == place


def test_rare_words_count_more_and_equals_keep_their_order() -> None:
    found = index("the tenant", "the garage", "the tenant", "the tenant")
    assert found.find("tenant garage", 4) == [1, 0, 2, 3]
    assert found.find("tenant", 2) == [0, 2]


@pytest.mark.parametrize("query", ["boat", "?!", "", '" OR *', "_", "\ud800"])
def test_what_no_text_has_finds_nothing(query: str) -> None:
    assert index(*CLAUSES).find(query, 4) == []
    assert index().find("tenant", 4) == []


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("kundigung", 0),
        ("АРЕНДЫ", 1),
        ("天気", 2),
        ("気は晴", 2),
        ("final", 3),
        ("tenant OR NOT", 4),
    ],
)
def test_scripts_accents_and_operators_are_words_too(query: str, place: int) -> None:
    texts = ["Die Kündigung ist schriftlich.", "Договор аренды квартиры", "東京の天気は晴れです"]
    assert index(*texts, "ﬁnal", "the tenant", "half \ud800").find(query, 1) == [place]


def test_a_query_may_be_a_whole_text() -> None:
    assert index(*CLAUSES).find(" ".join(f"word{n}" for n in range(5000)) + " deposit", 1) == [1]
