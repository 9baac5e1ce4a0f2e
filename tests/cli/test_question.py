"""``airunner chat`` asks before a tool runs: on a real terminal, with a real model or none."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.cli.terminal import Terminal, on_a_terminal
from tests.cli.test_chat_real import REQUEST, SHORT, airunner, command

from airunner.cli.following import following
from airunner.cli.streams import broken
from airunner.events import Event, EventBus, ReminderDue

ASKED = ("--permissions", "summarize_text=ask", *SHORT)
SCRIPT = """
import json, sys
from airunner.cli.question import ask
from airunner.events import PermissionAsked
arguments = json.loads(sys.argv[1])
asked = PermissionAsked(
    turn="t", call="c", question="q", tool="write_file", permission="write", arguments=arguments
)
print("answered", ask(asked))
"""


@contextmanager
def asking(arguments: dict[str, Any], *, log: Path | None = None) -> Iterator[Terminal]:
    """A question on a terminal of 80 columns; with ``log``, stderr goes there instead."""
    line = [sys.executable, "-c", SCRIPT, json.dumps(arguments)]
    if log is not None:
        line = ["sh", "-c", f'exec "$@" 2>{log}', "sh", *line]
    with on_a_terminal(line, dict(os.environ)) as terminal:
        terminal.wait_for("Allow it?")
        yield terminal


@pytest.mark.parametrize(
    ("typed", "answer"),
    [("y\n", "yes"), ("YES\n", "yes"), (" a \n", "always"), ("\n", "no"), ("\x04", "no")],
)
def test_an_answer_is_understood_and_the_end_is_a_no(typed: str, answer: str) -> None:
    with asking({"path": "a.txt"}) as terminal:
        assert "write_file wants to run; it changes files or settings:" in terminal.seen
        assert "  path = a.txt\r\n" in terminal.seen
        assert "[s]how" not in terminal.seen
        terminal.press(typed)
        assert terminal.finish() == (0, f"answered {answer}\n")


def test_what_is_not_understood_is_asked_again() -> None:
    with asking({}) as terminal:
        for nonsense in ("maybe", "s", "\xff yes"):
            terminal.seen = ""
            terminal.type(nonsense)
            terminal.wait_for("Please answer with one of these letters.\r\nAllow it?")
        terminal.type("n")
        assert terminal.finish() == (0, "answered no\n")


def test_a_long_argument_says_what_is_left_out_and_is_shown_whole_if_wanted() -> None:
    text = "\n".join(f"line {number}" for number in range(100)) + "\nrm -r ~"
    with asking({"text": text, "path": "a.txt"}) as terminal:
        lines = terminal.seen.splitlines()
        assert lines[1:4] == ["  text =", "    | line 0", "    | line 1"]
        assert "    | … 71 more lines" in lines
        assert lines[-2] == "  path = a.txt"
        assert "[s]how all of it" in lines[-1]
        terminal.type("s")
        seen = terminal.wait_for("    | rm -r ~\r\n  path = a.txt\r\n")
        assert "    | line 99\r\n" in seen
        terminal.type("y")
        assert terminal.finish() == (0, "answered yes\n")


def test_no_line_of_an_argument_can_pass_for_another_one() -> None:
    arguments = {
        "text": "a\n  path = safe.txt\n\x1b[2Jb\u202e",
        "body": "x" * 71 + "  path = safe.txt",
        "na\x1bme": ["\x9b", 1],
    }
    with asking(arguments) as terminal:
        lines = terminal.seen.splitlines()[1:-1]
        assert lines == [
            "  text =",
            "    | a",
            "    |   path = safe.txt",
            "    | \\x1b[2Jb\\u202e",
            "  body = " + "x" * 71,
            "    :   path = safe.txt",
            '  na\\x1bme = ["\\x9b", 1]',
        ]
        terminal.type("n")
        assert terminal.finish()[0] == 0


def test_it_is_asked_on_the_terminal_also_where_stderr_goes_elsewhere(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with asking({"path": "a.txt"}, log=log) as terminal:
        assert "  path = a.txt\r\n" in terminal.seen
        terminal.type("y")
        assert terminal.finish() == (0, "answered yes\n")
    assert log.read_text() == ""


def test_nothing_is_shown_over_a_question() -> None:
    shown: list[Event] = []
    bus = EventBus()
    early, late = (ReminderDue(number=n, text="tea", due_s=1.0) for n in (1, 2))
    with following(bus, shown.append) as follower:
        bus.publish(early)
        with follower.held():
            assert shown == [early]
            bus.publish(late)
            assert shown == [early]
        follower.wait()
        assert shown == [early, late]


# With a real model


@pytest.mark.parametrize(("typed", "done"), [("n", "denied: you said no"), ("y", "done in")])
def test_the_answer_decides(embedded_home: Path, typed: str, done: str) -> None:
    with on_a_terminal(*command(embedded_home, "chat", "-p", REQUEST, *ASKED)) as terminal:
        # A line typed too early must not count.
        terminal.type("y")
        seen = terminal.wait_for("Allow it?")
        assert "summarize_text wants to run" in seen
        assert "text = The lighthouse at the cape" in seen
        terminal.type("what?")
        terminal.wait_for("Please answer")
        terminal.type(typed)
        terminal.wait_for(f"tool summarize_text {done}")
        code, answer = terminal.finish()
    assert (code, bool(answer.strip())) == (0, True)


def test_an_interrupt_at_the_question_breaks_the_turn_off(embedded_home: Path) -> None:
    with on_a_terminal(*command(embedded_home, "chat", "-p", REQUEST, *ASKED)) as terminal:
        terminal.wait_for("Allow it?")
        terminal.process.send_signal(signal.SIGINT)
        seen = terminal.wait_for("Broken off.")
        assert "\ntool summarize_text failed" in seen  # not behind the question
        assert terminal.finish() == (130, "")


def test_nobody_at_the_terminal_means_no(embedded_home: Path) -> None:
    done = airunner(embedded_home, "chat", "-p", REQUEST, *ASKED)
    assert done.returncode == 0, done.stderr
    assert "tool summarize_text denied: nobody is there to allow it" in done.stderr
    assert "`--permissions summarize_text=allow` does" in done.stderr


def test_a_question_is_broken_at_words() -> None:
    words = "Allow it? [y]es, [n]o, [a]lways for write_file(path=./*, overwrite=false) here:"
    lines = broken(words, 58, indent=4).split("\n")
    assert " ".join(line.strip() for line in lines) == words
    assert max(map(len, lines)) <= 58
    assert [line[:5].count(" ") for line in lines] == [0, 4]


def test_dots_that_say_that_something_goes_on_do_not_stand_alone() -> None:
    words = "Asking what the team takes ..."
    assert broken(words, len(words) - 2) == "Asking what the team\ntakes ..."
