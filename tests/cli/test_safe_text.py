"""What others wrote, on a terminal: harmless, and never cut where it is short."""

from __future__ import annotations

import pytest

from airunner.cli.safe_text import (
    MOST_CHARACTERS,
    MOST_LINES,
    bounded,
    excerpt,
    printable,
    safe,
    typed,
)


def test_what_is_shown_of_a_call_cannot_move_the_cursor_or_turn_the_text() -> None:
    assert printable("a\x1b[2Kb\r\n\u202ec\x9b") == "a\\x1b[2Kb\\r\\n\\u202ec\\x9b"
    assert printable("Größe 漢字") == "Größe 漢字"
    assert printable({"a": ["\x1b", 1]}) == '{"a": ["\\u001b", 1]}'


def test_of_what_is_typed_or_piped_the_text_is_left() -> None:
    assert typed("a\tb\r\nc\x0cd\x1a") == "a\tb\nc\nd"
    assert typed("\x1b[1;31mred\x1b[0m \x1b]0;title\x07\x08漢字\u200d🔬\x9b") == "red 漢字\u200d🔬"


def test_text_keeps_its_lines_and_words_and_nothing_that_steers() -> None:
    assert safe("a\tb\r\nc\rd\n") == "a\tb\nc\nd\n"
    assert safe("1\u202f234\u00a0km, نمی\u200cخواهم, 👩\u200d🔬") == (
        "1\u202f234\u00a0km, نمی\u200cخواهم, 👩\u200d🔬"
    )
    steering = "\x07\x08\x1b]0;title\x07\x9b2J\u202e\u2066\u2028\ud800"
    assert safe(steering) == ("\\x07\\x08\\x1b]0;title\\x07\\x9b2J\\u202e\\u2066\\u2028\\ud800")


@pytest.mark.parametrize(
    "result",
    [
        "397.8",
        "(17/100)*2340 = 397.8",
        "x" * MOST_CHARACTERS,
        "\n".join(str(n) for n in range(MOST_LINES)),
        # The line that says that one is missing takes as much room as that line.
        "\n".join(str(n) for n in range(MOST_LINES + 1)),
    ],
)
def test_what_is_short_is_shown_whole(result: str) -> None:
    assert "\n".join(excerpt(result)) == result


def test_of_what_is_long_it_is_said_how_much_is_missing() -> None:
    lines = [str(n) for n in range(1200)]
    assert excerpt("\n".join(lines)) == [*lines[:MOST_LINES], f"… {1200 - MOST_LINES:,} more lines"]
    assert excerpt("y" * 3500) == ["y" * MOST_CHARACTERS, "… 2,500 more characters"]
    assert excerpt("x" * (MOST_CHARACTERS + 1))[-1] == "… 1 more character"
    # Cut by characters where a line ends.
    halves = ["h" * (MOST_CHARACTERS // 2)] * 3
    assert excerpt("\n".join(halves)) == [halves[0], "h" * 499, "… 502 more characters"]
    exact = ["e" * MOST_CHARACTERS, "f"]
    assert excerpt("\n".join(exact)) == [exact[0], "… 1 more line"]


def test_nothing_has_no_lines() -> None:
    assert excerpt("") == excerpt("\n  \n") == []


def test_what_is_not_cut_is_the_same_list() -> None:
    lines = ["a", "b"]
    assert bounded(lines, 1, 10) is lines
    assert bounded(lines, 1, 2) == ["a", "… 1 more line"]
