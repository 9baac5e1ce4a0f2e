"""A message split into wish and body, and the parameters that take them."""

from __future__ import annotations

import pytest

from airunner.guided.request import split_request
from airunner.guided.user_words import Body, Named, Whole

LONG = "It rained all day. " * 30


@pytest.mark.parametrize(
    ("message", "wish", "body"),
    [
        ("translate to French: good morning", "translate to French", "good morning"),
        ('Translate "good night" into Thai', "Translate into Thai", "good night"),
        ("Translate 'it's late' into Thai", "Translate into Thai", "it's late"),
        ("I don't know what it's about", "I don't know what it's about", ""),
        ("Put this into French? It rains.", "Put this into French?", "It rains."),
        (f"Summarize:\n\n{LONG}", "Summarize", LONG.strip()),
        (f"{LONG}\n\nSum this up.", "Sum this up.", LONG.strip()),
        (f"A summary please\n{LONG}", "A summary please", LONG.strip()),
        ("Explain\n```py\nx = 1\n```", "Explain", "x = 1"),
        ("translate to Thai: «bonjour»", "translate to Thai", "bonjour"),
        ("", "", ""),
    ],
)
def test_split(message: str, wish: str, body: str) -> None:
    request = split_request(message)
    assert (request.wish, request.body, request.message) == (wish, body, message)


def test_unpaired_quotes_do_not_take_forever() -> None:
    # Quadratic search took minutes here.
    assert split_request("'a " * 100_000).body == ""


def test_marks_take_the_users_words() -> None:
    named = Named(["Java", "JavaScript", "C++", "Go"])
    answers = {
        message: named.take(split_request(message), "")
        for message in (
            "a javascript page",
            "a class in c++",
            "go on, in Java",
            "Java or C++",
            "something",
            'in Go: "Java is an island"',
        )
    }
    assert list(answers.values()) == ["JavaScript", "C++", "Java", None, None, "Go"]
    assert Whole().take(split_request(" as typed: x"), "") == " as typed: x"
    assert Body().take(split_request("summarize that"), "earlier") == "earlier"
    assert Body().take(split_request("summarize that"), "") == "summarize that"
    assert Body().take(split_request("summarize: this one"), "earlier") == "this one"
