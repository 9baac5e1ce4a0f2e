"""Cutting text to size."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from airunner.tools.passages import estimated_tokens, head_and_tail, split_passages

texts = st.text(alphabet="ab. \n!界", max_size=400)


@given(texts, st.integers(4, 60))
def test_passages_fit_and_lose_nothing(text: str, max_tokens: int) -> None:
    passages = split_passages(text, max_tokens)
    assert all(estimated_tokens(passage) <= max_tokens for passage in passages)
    assert "".join(passages) == text


def test_paragraphs_stay_whole_where_they_fit() -> None:
    assert split_passages("One two.\n\nThree four.\n\nFive.", 9) == [
        "One two.\n\nThree four.\n\n",
        "Five.",
    ]


@given(texts, st.integers(40, 80))
def test_head_and_tail_fits(text: str, max_tokens: int) -> None:
    shown = head_and_tail(text, max_tokens)
    assert estimated_tokens(shown) <= max_tokens
    assert shown is text or (shown[:8] == text[:8] and shown[-4:] == text[-4:])
