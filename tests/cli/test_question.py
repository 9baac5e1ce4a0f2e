"""``airunner chat`` asks before a tool runs: on a real terminal, with a real model."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.terminal import on_a_terminal
from tests.cli.test_chat_real import REQUEST, SMALL, airunner, command

from airunner.cli.question import printable

ASKED = ("--permissions", "summarize_text=ask", *SMALL)


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("typed", "done"), [("n", "denied: you said no"), ("y", "done in")])
def test_the_answer_decides(embedded_home: Path, typed: str, done: str) -> None:
    with on_a_terminal(*command(embedded_home, "chat", "-p", REQUEST, *ASKED)) as terminal:
        # A line typed too early must not count.
        terminal.type("y")
        seen = terminal.wait_for("Allow it?")
        assert "summarize_text wants to run" in seen
        assert "text = The lighthouse at the cape" in seen
        terminal.type("what?")
        terminal.wait_for("what?")
        terminal.type(typed)
        terminal.wait_for(f"tool summarize_text {done}")
        code, answer = terminal.finish()
    assert (code, bool(answer.strip())) == (0, True)


@pytest.mark.timeout(120)
def test_nobody_at_the_terminal_means_no(embedded_home: Path) -> None:
    done = airunner(embedded_home, "chat", "-p", REQUEST, *ASKED)
    assert done.returncode == 0, done.stderr
    assert "tool summarize_text denied: nobody is there to allow it" in done.stderr


def test_what_is_shown_of_a_call_cannot_move_the_cursor_or_turn_the_text() -> None:
    assert printable("a\x1b[2Kb\r\n\u202ec\x9b") == "a\\x1b[2Kb\\r\\n\\u202ec\\x9b"
    assert printable("Größe 漢字") == "Größe 漢字"
    assert printable({"a": ["\x1b", 1]}) == '{"a": ["\\u001b", 1]}'
