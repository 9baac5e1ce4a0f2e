"""What is piped into a command goes behind its text, and no stream there is keeps it waiting."""

from __future__ import annotations

import os
import pty
import signal
import termios
from pathlib import Path

import pytest
import typer
from tests.cli.test_app import invoke

from airunner.cli.piped import MOST_CHARACTERS, asked_from_stdin, prompt_text
from airunner.cli.typed_ahead import TypedAhead
from airunner.records.records import Records

COLOURED = "\x1b[1mcity\x1b[0m,people\r\nOslo,709037\n\x07"
TABLE = "city,people\nOslo,709037\n"


def pipe_with(text: str) -> int:
    """The end to read of a pipe that holds ``text`` and is closed behind it."""
    read, write = os.pipe()
    os.write(write, text.encode())
    os.close(write)
    return read


def from_stdin(monkeypatch: pytest.MonkeyPatch, fd: int, given: str) -> str:
    with os.fdopen(fd, encoding="utf-8", errors="replace") as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        return prompt_text(given, "TEXT")


def test_a_pipe_and_a_file_go_behind_the_text(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    whole = f"Which columns?\n\n{TABLE.strip()}"
    assert from_stdin(monkeypatch, pipe_with(TABLE), "Which columns? ") == whole
    (tmp_path / "table.csv").write_text(TABLE)
    file = os.open(tmp_path / "table.csv", os.O_RDONLY)
    assert from_stdin(monkeypatch, file, "Which columns?") == whole
    assert from_stdin(monkeypatch, pipe_with(COLOURED), "-") == TABLE.strip()


def test_what_holds_nothing_adds_nothing_and_a_terminal_is_not_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    typing, terminal = pty.openpty()
    try:
        for fd in (
            pipe_with(""),
            os.open(os.devnull, os.O_RDONLY),
            os.open(os.devnull, os.O_WRONLY),  # as `nohup` leaves it
            terminal,
        ):
            assert from_stdin(monkeypatch, fd, "Hello!") == "Hello!"
    finally:
        os.close(typing)


def test_a_terminal_that_the_shell_had_meanwhile_is_silent_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    typing, terminal = pty.openpty()
    with os.fdopen(terminal) as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        shells = termios.tcgetattr(terminal)
        before = signal.getsignal(signal.SIGCONT)
        with TypedAhead().kept():
            silent = termios.tcgetattr(terminal)
            termios.tcsetattr(terminal, termios.TCSANOW, shells)
            signal.raise_signal(signal.SIGCONT)
            assert termios.tcgetattr(terminal) == silent != shells
        assert termios.tcgetattr(terminal) == shells
        assert signal.getsignal(signal.SIGCONT) == before
    os.close(typing)


def test_what_is_empty_or_too_much_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(typer.BadParameter, match="standard input was empty"):
        from_stdin(monkeypatch, pipe_with(" \n"), "-")
    (tmp_path / "big.txt").write_bytes(b"x" * (MOST_CHARACTERS + 1))
    with (tmp_path / "big.txt").open(encoding="utf-8") as big:
        monkeypatch.setattr("sys.stdin", big)
        with pytest.raises(typer.BadParameter, match="more than 10,000,000 characters"):
            asked_from_stdin("TEXT")
    code, _, stderr = invoke("run", "summarization", said="")
    assert (code, "standard input was empty" in stderr) == (2, True)


def test_one_question_is_asked_with_what_is_piped(empty_home: Path) -> None:
    home = ("--home", str(empty_home), "--offline", "--max-memory", "1MB")
    assert invoke("chat", "--continue", "-p", "Which columns?", *home, said=TABLE)[0] == 1
    with Records(empty_home / "records.sqlite3") as records:
        (entry,) = records.conversations.list()
        saved = records.conversations.load(entry.id)
    assert saved is not None
    assert saved.messages[0].content == f"Which columns?\n\n{TABLE.strip()}"
