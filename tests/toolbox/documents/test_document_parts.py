"""Documents cut into parts and passages: nothing lost, everything short enough, all placed."""

from __future__ import annotations

import re

from airunner.toolbox.documents.document import (
    PART_TOKENS,
    PASSAGE_TOKENS,
    Document,
    Section,
    clean_text,
)
from airunner.tools.passages import estimated_tokens

SENTENCE = "The committee met in May and decided what had to be done about the river. "


def letters(text: str) -> str:
    return re.sub(r"\s+", "", text)


def document_of(*pages: str) -> Document:
    sections = tuple(Section(text, f"page {n}", n) for n, text in enumerate(pages, start=1))
    return Document("a.pdf", "", sections, len(pages))


def test_parts_and_passages_are_short_and_lose_nothing() -> None:
    pages = [SENTENCE * 60, "Short page.", SENTENCE * 3, "word " * 3000]
    document = document_of(*pages)
    for pieces, most in ((document.parts, PART_TOKENS), (document.passages, PASSAGE_TOKENS)):
        assert all(estimated_tokens(piece.text) <= most for piece in pieces)
        shown = "".join(re.sub(r"\[page \d+\]", "", piece.text) for piece in pieces)
        assert letters(shown) == letters("".join(pages))
    assert document.parts[0].text.startswith("[page 1]\n")
    assert "[page 2]\nShort page.\n\n[page 3]\n" in "\n".join(p.text for p in document.parts)
    assert [part.pages for part in document.parts][:2] == [(1,), (1, 2, 3)]
    assert {passage.place for passage in document.passages} == {f"page {n}" for n in range(1, 5)}
    assert Document("a", "", ()).parts == ()


def test_what_has_no_pages_and_no_headings_is_placed_by_its_lines() -> None:
    lines = [f"{number:04}: something happened here" for number in range(1, 201)]
    passages = Document("log.txt", "", (Section("\n".join(lines)),)).passages
    assert len(passages) > 5
    for passage in passages:
        first = int(passage.place.removeprefix("line "))
        assert passage.text.startswith(lines[first - 1])
    assert "".join(passage.text for passage in passages) == "\n".join(lines) + "\n"


def test_a_table_is_cut_between_its_rows() -> None:
    table = "\n".join(f"| {n} | value of row {n} |" for n in range(100))
    passages = Document("a.md", "", (Section(table, "section “T”"),)).passages
    assert len(passages) > 3
    assert all(passage.text.startswith("| ") for passage in passages)
    assert all(passage.text.endswith("|\n") for passage in passages)


def test_cleaned_text_has_nothing_invisible() -> None:
    dirty = "a\x00b\u200bc\ud800d \r\ne\x0cf\t \n\n\n\n\ng\u2028h e\u0301"
    assert clean_text(dirty) == "abcd\ne\nf\n\ng\nh é"
