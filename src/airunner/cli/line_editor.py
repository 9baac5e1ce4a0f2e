"""Editing the next message on a terminal: history, Tab, pasted text, text over several lines.

Owns the keys. Enter sends, except within ``\"\"\"``; Alt-Enter begins a new line; Ctrl-C clears
what was typed and never leaves, which Ctrl-D on an empty line does; Ctrl-Z suspends the program.
What a line means is ``chat_commands``'.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.application import run_in_terminal
from prompt_toolkit.completion import Completer
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys
from prompt_toolkit.patch_stdout import patch_stdout
from prompt_toolkit.styles import Style

from airunner.cli.safe_text import typed
from airunner.cli.streams import say

BLOCK = '"""'
"""What begins and ends a message of several lines."""

SIGN, _GOES_ON = "> ", "  "
_HISTORY = "prompt_history"
# Only the terminal's own colours, so that any background will do.
_STYLE = Style.from_dict(
    {
        "completion-menu": "bg:default fg:default",
        "completion-menu.completion": "bg:default fg:default",
        "completion-menu.completion.current": "reverse",
        "completion-menu.meta.completion": "bg:default fg:ansibrightblack",
        "completion-menu.meta.completion.current": "reverse",
    }
)


class LineEditor:
    """Reads messages; those of earlier chats come back with the arrow up.

    Args:
        home: the folder in which the history is kept.
        completer: what Tab offers.
    """

    def __init__(self, home: Path, completer: Completer) -> None:
        # Terminals that do not tell where their cursor is would be warned of.
        os.environ.setdefault("PROMPT_TOOLKIT_NO_CPR", "1")
        self._session: PromptSession[str] = PromptSession(
            multiline=True,
            prompt_continuation=_GOES_ON,
            history=_history(home),
            completer=completer,
            complete_while_typing=Condition(self._begins_command),
            key_bindings=_keys(),
            style=_STYLE,
            enable_suspend=True,
            reserve_space_for_menu=6,
        )
        self._plain: PromptSession[str] = PromptSession(enable_suspend=True)

    def message(self, typed: str = "") -> str | None:
        """The next message, of any number of lines, which begins as ``typed``; ``None`` at an end.

        What other threads print meanwhile appears above it.
        """
        with patch_stdout(raw=True):
            try:
                return unquoted(self._session.prompt(SIGN, default=typed))
            except EOFError:
                return None

    def word(self, question: str) -> str:
        """The answer to a question, of one line; empty where there is none."""
        with patch_stdout(raw=True):
            try:
                return self._plain.prompt(question).strip()
            except (EOFError, KeyboardInterrupt):
                return ""

    def _begins_command(self) -> bool:
        text = self._session.default_buffer.document.text
        return text.startswith("/") and not text.startswith("//") and " " not in text


def is_open_block(text: str) -> bool:
    """Whether a message begins with the sign of a block that does not end yet."""
    begun = text.lstrip()
    return begun.startswith(BLOCK) and not begun[len(BLOCK) :].rstrip().endswith(BLOCK)


def unquoted(text: str) -> str:
    """A message without the signs around it."""
    inner = text.strip()
    if not inner.startswith(BLOCK):
        return text
    inner = inner.removeprefix(BLOCK)
    return inner.removesuffix(BLOCK).strip("\n")


def _keys() -> KeyBindings:
    keys = KeyBindings()

    @keys.add("enter")
    def send(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if buffer.complete_state is not None and buffer.complete_state.current_completion:
            buffer.complete_state = None
        elif is_open_block(buffer.text):
            buffer.newline(copy_margin=False)
        elif (text := typed(buffer.text)).strip():
            buffer.document = Document(text)
            buffer.validate_and_handle()

    @keys.add("escape", "enter")
    def new_line(event: KeyPressEvent) -> None:
        event.current_buffer.newline(copy_margin=False)

    @keys.add("c-c")
    @keys.add(Keys.SIGINT)
    def clear(event: KeyPressEvent) -> None:
        if event.current_buffer.text:
            event.current_buffer.document = Document()
        else:
            run_in_terminal(lambda: say("Ctrl-D leaves, and so does /quit."))

    return keys


def _history(home: Path) -> History:
    path = home / _HISTORY
    try:
        home.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600))
    except OSError:
        return InMemoryHistory()
    return _SoundHistory(str(path))


class _SoundHistory(FileHistory):
    """A history that a full disk or a text that is no Unicode cannot end a chat with."""

    def store_string(self, string: str) -> None:
        with suppress(OSError):
            super().store_string(string)
