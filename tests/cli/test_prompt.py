"""The prompt of ``airunner chat`` on a terminal: commands, interruptions, what comes meanwhile."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest
from tests.cli.terminal import Terminal, on_a_terminal
from tests.cli.test_chat_real import SMALL, command

from airunner.cli.following import following
from airunner.events import Event, EventBus, ReminderDue
from airunner.records.records import Records

TOO_SMALL = ("--max-memory", "1MB")
AGAIN = "Ctrl-C again leaves"


def interrupt(terminal: Terminal) -> None:
    """Press Ctrl-C; the session has no controlling terminal that would send the signal.

    Python sees one that comes in the instant before a read when a line is there.
    """
    terminal.process.send_signal(signal.SIGINT)
    if not terminal.shows_something(within_s=5):
        terminal.press("\r")


def see(terminal: Terminal, *texts: str) -> None:
    """Wait for ``texts`` one after the other, and forget what came before."""
    for text in texts:
        terminal.seen = terminal.wait_for(text).partition(text)[2]


@pytest.mark.timeout(120)
def test_lines_with_a_slash_and_interruptions(empty_home: Path) -> None:
    line, environ = command(empty_home, "chat", *TOO_SMALL)
    with on_a_terminal(line, environ, whole=True) as terminal:
        see(terminal, "> ")
        terminal.press("/bogus x\r")
        see(terminal, "There is no command /bogus.", "//TEXT", "> ")
        terminal.press("/new x\r")
        see(terminal, "/new stands alone.", "> ")
        terminal.press("//bogus x\r")
        see(terminal, "error: ", "> ")  # of the model, for which there is no memory
        # What was typed is gone, and what is typed then counts.
        terminal.press("/qu")
        see(terminal, "/qu")
        interrupt(terminal)
        see(terminal, AGAIN, "> ")
        terminal.press("/conversations\r")
        see(terminal, "/bogus x (2 messages)", "> ")
        # A line in between makes the next one the first again.
        interrupt(terminal)
        see(terminal, AGAIN, "> ")
        interrupt(terminal)
        assert terminal.process.wait() == 0
    with on_a_terminal(line, environ, whole=True) as terminal:
        see(terminal, "> ")
        terminal.press("\x04")
        assert terminal.process.wait() == 0


@pytest.mark.timeout(120)
def test_what_comes_after_a_broken_turn_does_not_write_into_the_prompt(embedded_home: Path) -> None:
    line, environ = command(embedded_home, "chat", *SMALL)
    with on_a_terminal(line, environ, whole=True) as terminal:
        terminal.wait_for("> ")
        terminal.press("Hello!\r")
        terminal.wait_for("is not on this machine")  # it begins to load
        interrupt(terminal)
        terminal.wait_for("Broken off.")
        terminal.press("/help\r")
        seen = terminal.wait_for("//TEXT")
        after = seen.partition("Broken off.")[2].splitlines()
        assert not [text for text in after if text.startswith(("> loaded", "loaded"))]
        see(terminal, "//TEXT", "> ")
        terminal.press("\x04")
        assert terminal.process.wait() == 0


def test_a_reminder_is_shown_while_all_else_waits() -> None:
    shown: list[Event] = []
    bus = EventBus()
    late, reminder = (ReminderDue(number=n, text="tea", due_s=1.0) for n in (1, 2))
    with following(bus, shown.append) as follower, follower.held():
        bus.publish(late)
        follower.show_now(reminder)
        assert shown == [reminder]
    assert shown == [reminder, late]


@pytest.mark.timeout(120)
def test_no_encoding_and_no_closed_stream_ends_a_command(empty_home: Path) -> None:
    words = ("--system", "Caf\udce9", "-p", "Gr\udcfc\udcdfe \u2026", "--json", *TOO_SMALL)
    line, environ = command(empty_home, "chat", *words)
    for encoding in ("ascii", "latin-1"):
        environ["PYTHONIOENCODING"] = encoding
        done = subprocess.run(line, env=environ, capture_output=True)
        assert (done.returncode, b"Traceback" in done.stderr) == (1, False), done.stderr
        events = [json.loads(text) for text in done.stdout.decode("ascii").splitlines()]
        assert events[-1]["outcome"] == "failed"
    line, environ = command(empty_home, "models", "show", "no/m\u00f6del")
    for streams in ("2>&1 >&- <&-", ">/dev/full"):
        done = subprocess.run(
            ["sh", "-c", f'exec "$@" {streams}', "sh", *line],
            env={**environ, "LC_ALL": "C", "PYTHONIOENCODING": "ascii"},
            capture_output=True,
        )
        told = done.stdout + done.stderr
        assert (done.returncode, told.startswith(b"error: No model named")) == (1, True), told
    line, environ = command(empty_home, "models", "list", "--json")
    with open("/dev/full", "wb") as full:
        done = subprocess.run(line, env=environ, stdout=full, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (1, b"error: No space left on device\n")


@pytest.mark.timeout(120)
def test_a_question_that_is_no_text_is_saved_as_text(empty_home: Path) -> None:
    line, environ = command(empty_home, "chat", *TOO_SMALL)
    said = b"Caf\xe9 opens at nine.\n"
    assert subprocess.run(line, env=environ, input=said, capture_output=True).returncode == 0
    with Records(empty_home / "records.sqlite3") as records:
        (entry,) = records.conversations.list()
        saved = records.conversations.load(entry.id)
        assert saved is not None
        assert saved.messages[0].content == "Caf\ufffd opens at nine."
