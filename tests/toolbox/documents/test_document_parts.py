"""Documents cut into stretches, parts and passages: nothing lost, everything short enough."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from airunner.toolbox.documents.chunks import STRETCH_CHARS, stretches
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
    sections = tuple(Section(f"page {n}", text, n) for n, text in enumerate(pages, start=1))
    return Document("a.pdf", "", sections, len(pages))


@given(
    st.lists(
        st.one_of(
            st.just(""),
            st.just("    code = 1"),
            st.text("ab. |", max_size=90),
            st.integers(1, 20).map(lambda n: SENTENCE * n),
        ),
        max_size=60,
    ).map("\n".join)
)
def test_stretches_joined_are_the_text(text: str) -> None:
    found = stretches(text)
    joined = "\n".join(stretch.text for stretch in found)
    assert joined.rstrip("\n") == text.rstrip() or letters(joined) == letters(text)
    lines = text.split("\n")
    for stretch in found:
        assert stretch.text.strip()
        assert stretch.text.split("\n")[0] == lines[stretch.line - 1]


def test_what_has_no_sentences_is_cut_between_lines() -> None:
    table = "\n".join(f"| {n} | value of row {n} |" for n in range(100))
    found = stretches(table)
    assert len(found) > 3
    assert all(len(stretch.text) <= STRETCH_CHARS for stretch in found)
    prose = SENTENCE * 40
    assert [stretch.text for stretch in stretches(prose)] == [prose]


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


def test_cleaned_text_has_nothing_invisible() -> None:
    dirty = "a\x00b\u200bc\ud800d \r\ne\x0cf\t \n\n\n\n\ng\u2028h e\u0301"
    assert clean_text(dirty) == "abcd\ne\nf\n\ng\nh é"
