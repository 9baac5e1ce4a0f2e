"""Answers on a terminal: cut into blocks that stay, and rendered without losing a word."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from airunner.cli.rendered_answer import Blocks, rendered
from airunner.cli.typed_ahead import TypedAhead

CODE = "```python\nx = 1\n\ny = 2\n```"


def seen(text: str, width: int = 40) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    console.print(rendered(text))
    file = console.file
    assert isinstance(file, io.StringIO)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines())


@pytest.mark.parametrize(
    ("text", "done", "rest"),
    [
        ("One", [], "One"),
        ("One\n\n", [], "One\n\n"),  # an indented line may go on with it
        ("One\n\nTwo", ["One"], "Two"),
        ("- a\n\n  more of a\n\n- b", ["- a\n\n  more of a"], "- b"),
        (f"{CODE}\n\nDone", [CODE], "Done"),
        ("```\na\n\nb", [], "```\na\n\nb"),  # the fence is open
        ("````\n```\n\nx\n````\n\ny", ["````\n```\n\nx\n````"], "y"),
    ],
)
def test_a_block_ends_where_nothing_can_be_added(text: str, done: list[str], rest: str) -> None:
    blocks = Blocks()
    assert (blocks.add(text), blocks.open) == (done, rest)


def test_pieces_of_any_size_make_the_same_blocks() -> None:
    text = f"# Title\n\nOne\ntwo.\n\n{CODE}\n\n1. a\n2. b\n\nEnd"
    whole, pieces = Blocks(), Blocks()
    at_once = whole.add(text)
    assert [block for character in text for block in pieces.add(character)] == at_once
    assert pieces.open == whole.open


def test_of_a_long_block_the_end_is_shown_while_it_grows() -> None:
    blocks = Blocks()
    blocks.add("```python\n" + "".join(f"x = {n}\n" for n in range(1000)) + "y")
    assert blocks.end(30) == "```python\nx = 997\nx = 998\nx = 999\ny"
    assert blocks.end(1_000_000) == blocks.open
    line = Blocks()
    line.add("a" * 100)
    assert line.end(30) == "a" * 30


def test_what_is_seen_has_every_word_and_the_lines_of_verse() -> None:
    assert seen("Roses are red,\nviolets are blue.") == "Roses are red,\nviolets are blue."
    assert seen("A <b>tag</b> and <div>\n\n<p>all</p>").split() == (
        ["A", "<b>tag</b>", "and", "<div>", "<p>all</p>"]
    )
    assert seen("# Left") == "Left"
    assert seen(CODE) == "  x = 1\n\n  y = 2"
    assert seen("3. third") == " 3 third"
    assert "https://example.org" in seen("[here](https://example.org)")
    assert all(len(line) <= 40 for line in seen("word " * 40).splitlines())


def test_keys_that_a_line_editor_has_are_left_out_of_what_is_typed_ahead() -> None:
    ahead = TypedAhead()
    for piece in ("abx\x7fc", "\x1b[D", "\x1b[200~", "d\re", "\x07", "é\n"):
        ahead._add(piece)
    assert ahead.text == "abcd\neé\n"
    assert ahead.take() == "abcd\neé"
    ahead._add("gone\x15new")
    assert (ahead.take(), ahead.text) == ("new", "")
