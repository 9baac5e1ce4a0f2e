"""Asking on the terminal whether a tool may run.

Everything shown of the call was written by a model, perhaps led on by a page it
read. So nothing of it reaches the terminal but printable characters, and each line
of a long argument is marked as one: neither an escape sequence nor a well-placed line
break can dress a call up as another one.
"""

from __future__ import annotations

import json
import os
import select
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

from rich.cells import cell_len, chop_cells

from airunner.cli.console import err, on_terminal
from airunner.cli.safe_text import bounded, printable
from airunner.cli.streams import broken

if TYPE_CHECKING:
    from rich.console import Console

    from airunner.agent.approvals import Answer
    from airunner.events import PermissionAsked

MOST_LINES, MOST_CHARACTERS = 30, 3000
"""What is shown of one argument before all of it is asked for."""

_MEANINGS: dict[str, Answer] = {
    "y": "yes",
    "yes": "yes",
    "n": "no",
    "no": "no",
    "": "no",
    "a": "always",
    "always": "always",
    "never": "never",
}
_SHOW_ALL = ("s", "show")
_DOES = {
    "read": "reads",
    "write": "changes files or settings",
    "network": "uses the network",
    "execute": "runs a program",
}
_LEAST_WIDTH = 20
_ANSWER = 2
_LOOK_S = 0.2


def ask(question: PermissionAsked) -> Answer:
    """Show the whole call where the answer is typed, and read it from stdin; its end is a no."""
    with _where_it_is_seen() as console:
        does = _DOES.get(question.permission, question.permission)
        console.print(f"{question.tool} wants to run; it {does}:", style="bold yellow")
        is_cut = _show_arguments(question, console, whole=False)
        covered = printable(question.always or question.tool)
        _drop_what_was_typed()
        while True:
            more = ", [s]how all of it" if is_cut else ""
            try:
                words = f"Allow it? [y]es, [n]o, [a]lways for {covered} in this chat{more}:"
                shown = broken(words, console.width - _ANSWER, indent=4)
                console.print(f"{shown} ", end="", soft_wrap=True)
                console.file.flush()
                line = _line_typed()
            except KeyboardInterrupt:
                console.print()  # what is told next begins a line
                raise
            if line is None:
                console.print()
                return "no"
            word = line.strip().lower()
            if is_cut and word in _SHOW_ALL:
                _show_arguments(question, console, whole=True)
            elif (answer := _MEANINGS.get(word)) is not None:
                return answer
            else:
                console.print("Please answer with one of these letters.")


def _show_arguments(question: PermissionAsked, console: Console, *, whole: bool) -> bool:
    """Print every argument; whether something was left out."""
    is_cut = False
    for name, value in question.arguments.items():
        lines = _lines_of(value)
        shown = lines if whole else bounded(lines, MOST_LINES, MOST_CHARACTERS)
        is_cut |= shown is not lines
        for line in _laid_out(printable(name), shown, console.width):
            console.print(line, soft_wrap=True)
    return is_cut


def _lines_of(value: object) -> list[str]:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if not isinstance(value, str) and len(text) > MOST_CHARACTERS:
        text = json.dumps(value, ensure_ascii=False, indent=2)
    return [printable(line) for line in text.expandtabs().split("\n")]


def _laid_out(name: str, lines: list[str], width: int) -> Iterator[str]:
    """``name = line``, or the lines below the name; a line too long for the width goes on below.

    No line that a terminal shows begins with anything of the value itself.
    """
    begin = f"  {name} = "
    if len(lines) > 1:
        yield begin.rstrip()
        begin = "    | "
    for line in lines:
        first, *more = _chopped(line, width - cell_len(begin))
        yield begin + first
        for piece in (each for part in more for each in _chopped(part, width - 6)):
            yield f"    : {piece}"


def _chopped(line: str, width: int) -> list[str]:
    return chop_cells(line, max(width, _LEAST_WIDTH)) or [""]


@contextmanager
def _where_it_is_seen() -> Iterator[Console]:
    """stderr; or, where that leads elsewhere, the terminal on which the answer is typed."""
    with ExitStack() as stack:
        console = err()
        if not sys.stderr.isatty():
            with suppress(OSError, ValueError, AttributeError):  # no such terminal, or system
                path = os.ttyname(sys.stdin.fileno())
                file = open(path, "w", encoding="utf-8", errors="replace")  # noqa: SIM115
                console = on_terminal(stack.enter_context(file))
        yield console


def _line_typed() -> str | None:
    """The next line of stdin, ``None`` at its end."""
    with suppress(OSError):  # the terminal has gone
        _wait_for_typing()
        return sys.stdin.readline() or None
    return None


def _wait_for_typing() -> None:
    """Return when there is something to read.

    An interrupt in the instant before a read that blocks would be seen only after it.
    """
    with suppress(ValueError):  # no file, and nothing to wait for
        while not select.select([sys.stdin], [], [], _LOOK_S)[0]:
            pass


def _drop_what_was_typed() -> None:
    """A line typed before the question was seen is no answer to it."""
    try:
        import termios

        termios.tcflush(sys.stdin, termios.TCIFLUSH)
    except (ImportError, OSError, termios.error):  # no such terminal
        return
