"""``airunner chat`` as a person sees it: keys pressed on a terminal, and its picture."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from scripts.seen_terminal import SeenTerminal, seen_terminal
from tests.cli.test_chat_real import SMALL, command

from airunner.records.records import Records

pytestmark = pytest.mark.real

TOO_SMALL = ("--max-memory", "1MB")
IN_A_SHELL = ("bash", "-c", 'set -m; "$@"; echo suspended; read; fg >/dev/null', "bash")
"""Runs a command as a job, and brings it back at Enter when it was suspended."""


@contextmanager
def talking(
    home: Path, *options: str, columns: int = 80, shell: tuple[str, ...] = (), **environ: str
) -> Iterator[SeenTerminal]:
    """A chat that waits for its first message."""
    line, inherited = command(home, "chat", *options)
    with seen_terminal([*shell, *line], inherited | environ, columns) as terminal:
        terminal.wait_for_prompt()
        yield terminal


def enter(terminal: SeenTerminal, keys: str) -> str:
    """Press ``keys`` and Enter; what can be seen of it when the next line is waited for."""
    seen = len(terminal.text)
    terminal.enter(keys)
    return terminal.text[seen:]


def test_the_keys_of_a_line(empty_home: Path) -> None:
    with talking(empty_home, "Good day", *TOO_SMALL, shell=IN_A_SHELL) as terminal:
        assert "> Good day\n\nerror: " in terminal.text  # of the model: there is no memory
        assert "is no assistant. `airunner setup` gets a team" in " ".join(terminal.text.split())
        assert "no command /modle. Did you mean /model" in enter(terminal, "/modle")
        assert "/new stands alone." in enter(terminal, "/new x")
        assert "error: " in enter(terminal, "//bogus x")
        # Ctrl-C clears what was typed and never leaves.
        terminal.press("/qu")
        terminal.wait_for("> /qu")
        terminal.press("\x03")
        terminal.wait_for_prompt()
        terminal.press("\x03")
        terminal.wait_for("Ctrl-D leaves")
        terminal.wait_for_prompt()
        assert "Good day (4 messages)" in enter(terminal, "/conversations")
        # Pasted lines are one message, and so is a block.
        enter(terminal, "\x1b[200~Hello,\nhow are you?\x1b[201~")
        enter(terminal, '"""\rone\rtwo"""')
        # The arrow up brings an earlier message back.
        terminal.press("\x1b[A")
        terminal.wait_for('two"""')
        terminal.press("\x03")
        terminal.wait_for_prompt()
        # Tab completes a command.
        terminal.press("/tit")
        terminal.wait_for("give this conversation another title")
        terminal.press("\t")
        terminal.wait_for("> /title")
        terminal.press("\x03")
        terminal.wait_for_prompt()
        # Ctrl-Z suspends, as everywhere; what was typed is there again, and no key is a text.
        terminal.press("a\x11\x1b")
        terminal.wait_for("> a^[")
        terminal.press("\x1a")
        terminal.wait_for("suspended")
        terminal.press("\r")
        terminal.wait_for("> a^[", after=terminal.text.index("suspended"))
        enter(terminal, "\x11\x07b")
        # Other programs' habits.
        assert "/retry" in enter(terminal, "/?")
        assert "A new conversation." in enter(terminal, "/clear")
        terminal.press("exit\r")
        terminal.wait_for("Leave? No sends 'exit' to the model. [y/N]")
        assert "error: " in enter(terminal, "")
        terminal.press("/bye\r")
        assert terminal.end() == 0
    with Records(empty_home / "records.sqlite3") as records:
        saved = [records.conversations.load(e.id) for e in records.conversations.list()]
        asked = [m.content for s in saved if s for m in s.messages if m.role == "user"]
    assert asked == ["exit", "Good day", "/bogus x", "Hello,\nhow are you?", "one\ntwo", "ab"]


def test_a_model_s_name_is_no_first_message(empty_home: Path) -> None:
    line, environ = command(empty_home, "chat", "smollm2")
    with seen_terminal(line, environ, columns=200) as terminal:
        assert terminal.end() == 2
        assert "`airunner chat --primary HuggingFaceTB/SmolLM2-135M" in terminal.text


def test_each_command_confirms_what_it_did(embedded_home: Path) -> None:
    with talking(embedded_home, *SMALL, columns=60) as terminal:
        answer = enter(terminal, "What is 17 % of 2340?")
        # The result is shown, and not again where it is quoted for a model that cannot be
        # trusted with it; nothing is left of what was loaded.
        assert answer.count("17% * 2340 = 397.8") == 1
        assert "calculate: 17% * 2340 = 397.8" in answer
        assert "load" not in answer
        assert "SmolLM2-135M-Instruct answers." in enter(terminal, "/model")
        assert "answers from now on." in enter(terminal, "/model smollm2")
        assert "No model named" in enter(terminal, "/model nobody/home")
        assert "are not registered" not in enter(terminal, "/model qwen3-8b")
        assert "calculate" in enter(terminal, "/tools")
        assert "Tools are not called from now on." in enter(terminal, "/tools off")
        assert "Taken back: What is 17 % of 2340?" in enter(terminal, "/undo")
        listed = enter(terminal, "/help").splitlines()
        listed = listed[next(n for n, line in enumerate(listed) if line.startswith("/new")) :]
        begins = ("/", '"""', "Ctrl-C", ">", " " * 12)
        assert [line for line in listed if line and not line.startswith(begins)] == []
        assert sum(line.startswith(" " * 12) for line in listed) > 3
        assert "nothing was asked" in enter(terminal, "/retry")
        assert "now called 'Sums'" in enter(terminal, "/title Sums")
        assert "There are no instructions." in enter(terminal, "/system")
        assert "A new conversation begins with it" in enter(terminal, "/system Be brief.")
        assert "Instructions: Be brief." in enter(terminal, "/system")
        assert "A new conversation." in enter(terminal, "/new")
        for key, told in (("", "Nothing was deleted."), ("y", "Deleted 'Sums'.")):
            before = len(terminal.text)
            terminal.press("/delete 1\r")
            terminal.wait_for("for good? [y/N]", after=before)
            assert told in enter(terminal, key)
        assert "none.png cannot be sent" in enter(terminal, "/image none.png")
        assert all(len(line) <= 60 for line in terminal.text.splitlines())
        terminal.press("\x04")
        assert terminal.end() == 0


def test_what_is_typed_during_an_answer_waits_in_its_line(embedded_home: Path) -> None:
    with talking(embedded_home, "--context", "4096", "--max-tokens", "3000") as terminal:
        terminal.press("Tell me a very long story about the sea.\r")
        terminal.wait_for("loading")
        terminal.press("and then\x1b[D?")
        terminal.wait_for("> and then?")
        terminal.press("\x03")  # breaks the answer off
        terminal.wait_for("Broken off.")
        terminal.wait_for_prompt("> and then?")
        assert "loading" not in terminal.text
        terminal.press("\x03\x04")
        assert terminal.end() == 0
    with Records(embedded_home / "records.sqlite3") as records:
        assert [entry.title for entry in records.conversations.list()] == [
            "Tell me a very long story about the sea."
        ]


def test_a_terminal_without_colours_gets_none(empty_home: Path) -> None:
    with talking(empty_home, *TOO_SMALL, NO_COLOR="1") as terminal:
        enter(terminal, "Hello!")
        terminal.press("\x04")
        terminal.end()
        assert b"\x1b[31m" not in terminal.raw
    line, environ = command(empty_home, "chat", *TOO_SMALL)
    with seen_terminal(line, environ | {"TERM": "dumb"}) as terminal:
        terminal.wait_for("\n>")
        terminal.press("Hello!\r")
        terminal.wait_for("error: ")
        assert b"\x1b[2K" not in terminal.raw


def test_into_a_pipe_goes_the_answer_and_what_happens_stays_on_the_terminal(
    embedded_home: Path, tmp_path: Path
) -> None:
    answer = tmp_path / "answer.txt"
    line, environ = command(embedded_home, "chat", "-p", "What is 17 % of 2340?", *SMALL)
    shell = ["sh", "-c", f'exec "$@" >{answer}', "sh", *line]
    with seen_terminal(shell, environ) as terminal:
        assert terminal.end() == 0
        assert terminal.text.count("calculate: 17% * 2340 = 397.8") == 1
        assert "load" not in terminal.text
        assert b"loading SmolLM2-135M-Instruct" in terminal.raw
    assert answer.read_text().startswith("> 17% * 2340 = 397.8\n\n")
    assert "\x1b" not in answer.read_text()
