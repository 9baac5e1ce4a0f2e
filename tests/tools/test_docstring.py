"""What is read of docstrings, however they are written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airunner.tools.docstring import Docstring, parse_docstring

GOOGLE = """Send a parcel
    to somebody.

    It takes a day: or two.

    Args:
        address (str): street
            and city: both.
        *more: what else.

    Raises:
        OSError: it is lost.
    """


def test_the_first_paragraph_is_the_summary_and_each_text_is_one_line() -> None:
    assert parse_docstring(GOOGLE) == Docstring(
        "Send a parcel to somebody.", {"address": "street and city: both.", "more": "what else."}
    )


@pytest.mark.parametrize(
    ("text", "summary"),
    [
        (None, ""),
        ("", ""),
        ("Add.", "Add."),
        ("Add\ntwo.\n\nMore.", "Add two."),
        ("Add.\n:param a: one", "Add."),
        ("Note: it is late.\n\nArgs:\n    a\n", "Note: it is late."),
    ],
)
def test_the_summary_of_short_and_odd_ones(text: str | None, summary: str) -> None:
    assert parse_docstring(text).summary == summary


PIECES = ("Args:", "Returns:", "\n", "\n\n", "    ", "a: b", ":param", " x:", "----", "Parameters")


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_no_docstring_is_too_odd(text: str) -> None:
    assert "\n" not in parse_docstring(text).summary
