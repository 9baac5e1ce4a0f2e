"""Arguments taken from the user's words: what is settled, what is left out, what is left open."""

from __future__ import annotations

from typing import Any

import pytest

from airunner.guided.grounding.calendar_dates import find_dates
from airunner.guided.grounding.grounded import ground, narrowed
from airunner.guided.grounding.quantities import find_quantities


def schema(required: str = "", **properties: Any) -> dict[str, Any]:
    named = {name: {"type": p} if isinstance(p, str) else p for name, p in properties.items()}
    return {"type": "object", "properties": named, "required": required.split()}


def number(description: str = "", kind: str = "number", **limits: Any) -> dict[str, Any]:
    return {"type": kind, "description": description, **limits}


def text(description: str = "", **limits: Any) -> dict[str, Any]:
    return {"type": "string", "description": description, **limits}


def given(message: str, form: dict[str, Any]) -> dict[str, Any]:
    return dict(ground(form, message).given)


def chosen_from(message: str, form: dict[str, Any]) -> dict[str, Any]:
    """The values that the model may choose from, by parameter; ``None`` for any."""
    grounded = ground(form, message)
    left = narrowed(grounded.schema, message, grounded.given)
    return {name: node.get("enum") for name, node in left["properties"].items()}


def test_what_the_message_does_not_say_is_left_out_or_left_open() -> None:
    form = schema("guests", guests="integer", rating=number("At least so many stars."))
    grounded = ground(form, "Find us somewhere to eat")
    assert grounded.given == {}
    assert list(grounded.schema["properties"]) == ["guests"]
    assert grounded.schema["required"] == ["guests"]


def test_numbers_go_to_the_parameter_whose_words_and_units_they_stand_by() -> None:
    form = schema(
        "width height",
        width=number("Width in centimetres.", "integer"),
        height=number("Height in centimetres.", "integer"),
        weight=number("Weight in kilograms."),
        copies=number("How many copies.", "integer"),
    )
    assert given("A shelf with a height of 180 cm and a width of 40 cm, weight 12.5 kg", form) == {
        "width": 40,
        "height": 180,
        "weight": 12.5,
    }
    assert given("width and height are 30 and 20", form) == {"width": 30, "height": 20}


def test_numbers_without_words_go_in_the_order_of_mention() -> None:
    form = schema("number1 number2", number1="integer", number2="integer")
    assert given("Which of the two numbers is larger, 91 or 17?", form) == {
        "number1": 91,
        "number2": 17,
    }
    assert given(
        "a = 4, c = -2 and b = 9", schema("a b c", a="integer", b="integer", c="integer")
    ) == {
        "a": 4,
        "b": 9,
        "c": -2,
    }


@pytest.mark.parametrize(
    ("description", "kind", "expected"),
    [
        ("The rate as a percentage.", "number", 7.5),
        ("The rate as a decimal, such as 0.02.", "number", 0.075),
        ("The yearly rate.", "number", 0.075),
    ],
)
def test_a_percentage_is_written_as_the_parameter_wants_it(
    description: str, kind: str, expected: float
) -> None:
    form = schema("rate", rate=number(description, kind))
    assert given("What does a loan at 7.5 % cost?", form) == {"rate": expected}


def test_limits_are_kept() -> None:
    form = schema("days", days=number("Days to stay.", "integer", minimum=1, maximum=14))
    assert given("a hut for 30 days", form) == {}
    assert given("a hut for 10 days", form) == {"days": 10}
    assert given("a hut for 2.5 days", form) == {}


def test_choices_are_settled_where_exactly_one_is_named() -> None:
    form = schema("unit", unit={"enum": ["daily", "weekly", "yearly"]})
    assert given("Show my weekly spending", form) == {"unit": "weekly"}
    assert given("Show my yearly spending", form) == {"unit": "yearly"}
    assert given("Show my weekly and daily spending", form) == {}
    named = schema("order", order=text("Either 'ascending' or 'descending'."))
    assert given("Put them in descending order", named) == {"order": "descending"}


def test_switches_follow_the_words_for_them() -> None:
    form = schema(include_breakfast={"type": "boolean", "description": "With breakfast?"})
    assert given("A room including breakfast", form) == {"include_breakfast": True}
    assert given("A room without breakfast", form) == {"include_breakfast": False}
    assert given("A room", form) == {}


def test_texts_are_chosen_from_the_names_and_quotations_of_the_message() -> None:
    trip = schema("origin destination", origin="string", destination="string")
    assert chosen_from("Is there a train from Graz to Sankt Gallen?", trip) == {
        "origin": ["Graz", "Sankt Gallen"],
        "destination": ["Graz", "Sankt Gallen"],
    }
    form = schema("title author", title=text("Title of the book."), author=text("Who wrote it."))
    assert chosen_from("Do you have 'The Stone Raft' by José Saramago?", form) == {
        "title": ["The Stone Raft", "José Saramago"],
        "author": ["The Stone Raft", "José Saramago"],
    }
    for message in ("Gibt es «Die Pest» von Albert Camus?", "¿Tiene “Die Pest” de Albert Camus?"):
        assert chosen_from(message, form)["title"] == ["Die Pest", "Albert Camus"]
    # Without any, they are written freely.
    assert chosen_from("what is it called?", form) == {"title": None, "author": None}


def test_the_only_span_is_the_only_text_that_is_wanted() -> None:
    place = schema("city", city=text("The city."))
    assert given("Will it snow in Oslo tomorrow?", place) == {"city": "Oslo"}
    form = schema("command", command=text("The shell command to run."))
    assert given("show me which files are large", form) == {}
    assert given("run `du -sh`", form) == {"command": "du -sh"}


def test_patterns_and_lengths_are_kept() -> None:
    form = schema("code", code=text("The code.", pattern="[A-Z]{3}"))
    assert given("code 'abcdef'", form) == {}
    form = schema("code", code=text("The code.", maxLength=3))
    assert given("code 'abcdef'", form) == {}


def test_lists_are_taken_in_order() -> None:
    numbers = {"type": "array", "items": {"type": "number"}}
    form = schema("values", values=numbers)
    assert given("the mean of 12, 15.5 and -18", form) == {"values": [12.0, 15.5, -18.0]}
    names = schema("guests", guests={"type": "array", "items": {"type": "string"}})
    left = narrowed(names, "a table for the guests Ann, Bo and Cy", {})
    assert "Cy" in left["properties"]["guests"]["items"]["enum"]
    chosen = schema(parts={"type": "array", "items": {"enum": ["Roof", "Cellar", "Garden"]}})
    assert given("tell me of its garden and the cellar", chosen) == {"parts": ["Garden", "Cellar"]}
    whole = schema("values", values={"type": "array", "items": {"type": "integer"}})
    assert given("the mean of 1.5 and 2", whole) == {}


def test_dates_take_the_form_that_is_asked_for() -> None:
    form = schema("date", date=text("The date, in the format DD/MM/YYYY."))
    assert given("a table on March 4, 2031", form) == {"date": "04/03/2031"}
    assert given("a table on 2031-03-04", schema("date", date=text("The date."))) == {
        "date": "2031-03-04"
    }


def test_an_object_is_settled_by_its_parts() -> None:
    budget = {
        "type": "object",
        "properties": {"min": number("Least price."), "max": number("Greatest price.")},
    }
    assert given(
        "a boat for a min of $2,000 and a max of $3,500", schema("budget", budget=budget)
    ) == {"budget": {"min": 2000, "max": 3500}}


@pytest.mark.parametrize(
    "message", ["", "[]", "'", "9" * 400, "1e999", "(" * 900, "hundred " * 90, "明日は雨ですか"]
)
def test_odd_messages_settle_nothing_wrong(message: str) -> None:
    form = schema("city days", city=text("The city.", maxLength=40), days="integer")
    assert "days" not in given(message, form)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("1,250 sheets and 3.5 percent", [1250, 3.5]),
        ("a charge of -2e-6 C", [-2e-6]),
        ("$1.5M in 2031", [1500000, 2031]),
        ("twenty-five of the two hundred and six bones", [25, 206]),
        ("half a dozen eggs", [6]),
        ("half an hour", [0.5]),
        ("the 3rd of four parts", [3, 4]),
        ("model 2D, part rs603, x^2", []),
        ("from 1990-1995", [1990, 1995]),
    ],
)
def test_numbers_are_found_as_people_write_them(message: str, expected: list[float]) -> None:
    assert [quantity.value for quantity in find_quantities(message)] == expected


def test_what_is_tried_is_bounded_whatever_the_message_holds() -> None:
    form = schema(" ".join(f"p{n}" for n in range(40)), **{f"p{n}": "number" for n in range(40)})
    settled = given("1 2 3 " * 300, form)
    assert len(settled) <= 40


def test_a_date_is_found_once() -> None:
    found = find_dates("from 5 May 2026 to June 7, 2026, or 2026-08-09")
    assert [(d.year, d.month, d.day) for d in found] == [(2026, 5, 5), (2026, 6, 7), (2026, 8, 9)]
