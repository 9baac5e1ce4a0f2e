"""The prompt of ``airunner chat`` where no terminal is, and what comes meanwhile."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from tests.cli.test_chat_real import command

from airunner.cli.following import following
from airunner.events import Event, EventBus, ReminderDue
from airunner.records.records import Records

pytestmark = pytest.mark.real

TOO_SMALL = ("--max-memory", "1MB")


def test_a_reminder_is_shown_while_all_else_waits() -> None:
    shown: list[Event] = []
    bus = EventBus()
    late, reminder = (ReminderDue(number=n, text="tea", due_s=1.0) for n in (1, 2))
    with following(bus, shown.append) as follower, follower.held():
        bus.publish(late)
        follower.show_now(reminder)
        assert shown == [reminder]
    assert shown == [reminder, late]


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


def test_a_question_that_is_no_text_is_saved_as_text(empty_home: Path) -> None:
    line, environ = command(empty_home, "chat", "--system", "Be\x07 brief.", *TOO_SMALL)
    said = b"Caf\xe9 opens\x1a at nine.\n"
    assert subprocess.run(line, env=environ, input=said, capture_output=True).returncode == 0
    with Records(empty_home / "records.sqlite3") as records:
        (entry,) = records.conversations.list()
        saved = records.conversations.load(entry.id)
        assert saved is not None
        told = [message.content for message in saved.messages[:2]]
        assert told == ["Be brief.", "Caf\ufffd opens at nine."]
