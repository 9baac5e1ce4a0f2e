"""Passages found by their words, and quotations checked against them."""

from __future__ import annotations

import pytest

from airunner.toolbox.documents.answer import Answer, answer_from, evidence_for
from airunner.toolbox.documents.document import Document, Passage, Section
from airunner.toolbox.documents.quotes import foreign_numbers, quotations, verified
from airunner.toolbox.documents.ranking import best_passages, words

CLAUSES = [
    "Rent. The rent is 900 euros a month, payable in advance.",
    "Deposit. The tenant pays a deposit of two months' rent, which bears interest.",
    "Notice. Either party may end the lease with a notice period of three months.",
    "Period. The lease period begins on 1 May. Any notice has to be in writing.",
    "Pets. Dogs need the landlord's consent; cats and small animals do not.",
    "Repairs. Small repairs up to 75 euros are paid by the tenant.",
]


def passages(*texts: str) -> list[Passage]:
    return [Passage("a.pdf", f"page {n}", text) for n, text in enumerate(texts, start=1)]


@pytest.mark.parametrize(
    ("query", "page"),
    [
        ("How long is the notice period?", 3),
        ("what deposit do I pay", 2),
        ("may I keep a dog", 5),
        ("REPAIRING", 6),
        ("begin of the lease period", 4),
    ],
)
def test_the_passage_that_is_meant_comes_first(query: str, page: int) -> None:
    assert best_passages(passages(*CLAUSES), query, 3)[0].place == f"page {page}"


def test_rare_words_count_more_than_common_ones_and_equals_keep_their_order() -> None:
    texts = ["the tenant the tenant the tenant", "the garage", "the tenant", "the tenant"]
    found = best_passages(passages(*texts), "tenant garage", 4)
    assert [p.place for p in found] == ["page 2", "page 1", "page 3", "page 4"]
    assert best_passages(passages(*texts), "boat", 4) == []
    assert best_passages(passages(*texts), "?!", 4) == []
    assert best_passages([], "tenant", 4) == []
    assert best_passages(passages("his last will", "something"), "the will", 4)[0].place == "page 1"


def test_other_scripts_and_accents_are_words_too() -> None:
    texts = [
        "Die Kündigung ist schriftlich.",
        "Договор аренды квартиры",
        "東京の天気は晴れです",
        "ﬁnal",
    ]
    for query, page in (("kundigung", 1), ("АРЕНДЫ", 2), ("天気", 3), ("final", 4)):
        assert best_passages(passages(*texts), query, 1)[0].place == f"page {page}"
    assert words("translated Translations") == ["translat", "translat"]


def test_quotations_are_what_stands_between_marks() -> None:
    assert quotations('He said "one two" and “three … four” and «five», "..."') == [
        "one two",
        "three",
        "four",
        "five",
    ]


def test_a_quotation_is_verified_letter_by_letter_and_kept_as_the_text_has_it() -> None:
    source = passages("The “rent”  is\n900 euros – a month, pay\u00adable in advance.", CLAUSES[1])
    quotes, refused = verified(
        [
            'the "rent" is 900 Euros - a month.',
            "payable in advance",
            "The rent is 950 euros",
            "a deposit of two months' rent",
            "rent",
            "ent is 900 euros",
            "two months",
        ],
        source,
    )
    assert [(quote.text, quote.passage.place) for quote in quotes] == [
        # Short: with its sentence, which has the other quotation in it.
        ("The “rent” is 900 euros – a month, pay\u00adable in advance.", "page 1"),
        ("a deposit of two months' rent", "page 2"),
    ]
    assert refused == ["The rent is 950 euros", "rent", "ent is 900 euros", "two months"]


def test_numbers_of_nobody_are_seen() -> None:
    assert foreign_numbers("From 900 to 950.50 in 2024", "900 euros, 2024") == ["950.50"]


class Specialist:
    """Gives one scripted reply; ``None`` is a model that could not be used."""

    cancelled = False

    def __init__(self, reply: str | None) -> None:
        self._reply = reply
        self.prompts: list[str] = []

    def use_specialized_model(
        self, capability: object, prompt: str, max_tokens: int = 512
    ) -> str | None:
        self.prompts.append(prompt)
        return self._reply


def asked(reply: str | None) -> Answer:
    return answer_from(passages(*CLAUSES), "How high is the rent?", Specialist(reply))  # type: ignore[arg-type]


def test_an_answer_is_believed_as_far_as_it_is_quoted() -> None:
    answer = asked('Answer: It is 900 euros.\nQuote: "The rent is 900 euros a month"')
    assert answer.text == "It is 900 euros."
    assert [quote.text for quote in answer.quotes] == ["The rent is 900 euros a month"]
    assert not answer.refused
    assert not answer.foreign_numbers

    unmarked = asked("**Answer:** 900 euros.\n\nQuote: The rent is 900 euros a month.")
    assert [q.text for q in unmarked.quotes] == [
        "The rent is 900 euros a month, payable in advance."
    ]
    wrong_sum = asked("Answer: 75 euros.")
    assert [q.text for q in wrong_sum.quotes] == [
        "Small repairs up to 75 euros are paid by the tenant."
    ]

    copied = asked("The rent is 900 euros a month, payable in advance.")
    assert [quote.passage.place for quote in copied.quotes] == ["page 1"]

    made_up = asked('Answer: It is 850 euros.\nQuote: "The rent is 850 euros a month"')
    assert not made_up.quotes
    assert made_up.refused == ("The rent is 850 euros a month",)
    assert made_up.foreign_numbers == ("850",)

    for nothing in ("Not said.", "Answer: Not said in the passages."):
        assert asked(nothing) == Answer(was_asked=True)
    assert asked(None) == Answer()
    assert answer_from(passages(*CLAUSES), "?", None) == Answer()


def test_the_evidence_is_in_order_and_fits_where_it_can() -> None:
    sections = tuple(Section(f"page {n}", text, n) for n, text in enumerate(CLAUSES * 3, start=1))
    document = Document("a.pdf", "", sections, len(sections))
    evidence = evidence_for(document, "the deposit and its interest")
    assert evidence.fits
    assert list(evidence.passages) == [p for p in document.passages if p in evidence.passages]
    assert {"page 2", "page 8", "page 14"} <= {p.place for p in evidence.passages}
    guess = evidence_for(document, "unheard-of")
    assert not guess.fits
    assert guess.passages == document.passages[:5]
    short = Document("b.txt", "", sections[:2])
    assert evidence_for(short, "unheard-of").passages == short.passages
