"""Asking on the terminal whether a tool may run.

Everything shown of the call was written by a model, perhaps led on by a page it
read. So nothing of it reaches the terminal but printable characters: no escape
sequence, and no mark that turns the direction of the text, can dress a call up
as another one.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from airunner.cli.console import err

if TYPE_CHECKING:
    from airunner.agent.consent import Answer
    from airunner.events import PermissionAsked

_MEANINGS: dict[str, Answer] = {
    "y": "yes",
    "yes": "yes",
    "n": "no",
    "no": "no",
    "": "no",
    "a": "always",
    "always": "always",
}
_DOES = {
    "read": "reads",
    "write": "changes files or settings",
    "network": "uses the network",
    "execute": "runs a program",
}


def ask(question: PermissionAsked) -> Answer:
    """Show the whole call on stderr and read the answer from stdin; its end is a no."""
    console = err()
    does = _DOES.get(question.permission, question.permission)
    console.print(f"{question.tool} wants to run; it {does}:", style="bold yellow")
    for name, value in question.arguments.items():
        console.print(f"  {printable(name)} = {printable(value)}", soft_wrap=True)
    _drop_what_was_typed()
    while True:
        console.print(f"Allow it? [y]es, [n]o, [a]lways for {question.tool} in this chat: ", end="")
        console.file.flush()
        line = sys.stdin.readline()
        if not line:
            console.print()
            return "no"
        answer = _MEANINGS.get(line.strip().lower())
        if answer is not None:
            return answer


def _drop_what_was_typed() -> None:
    """A line typed before the question was seen is no answer to it."""
    try:
        import termios

        termios.tcflush(sys.stdin, termios.TCIFLUSH)
    except (ImportError, OSError, termios.error):  # no such terminal
        return


def printable(value: object) -> str:
    """``value`` on one line, with every character that would not show as itself escaped."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
