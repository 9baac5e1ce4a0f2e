"""What is piped into a command that takes a text: read to its end, and put behind the text.

Owns when standard input is read and how much of it. A terminal is read only where ``-`` asks
for it, so that a command in the background never waits for one.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import typer

from airunner.cli.safe_text import typed
from airunner.cli.streams import tell

MOST_CHARACTERS = 10_000_000
"""Of what is piped; a model takes far fewer at once, a summary works through them in parts."""

_FROM_STDIN = "-"
_SILENT_S = 3.0
_WAITING = "Reading standard input until it ends; with `< /dev/null` there is none."


def prompt_text(given: str, hint: str) -> str:
    """A prompt as it was given, with what is piped below an empty line; ``-`` is that alone.

    Raises:
        typer.BadParameter: it is empty, or too much is piped.
    """
    if given == _FROM_STDIN:
        return asked_from_stdin(hint)
    if not given.strip():
        raise typer.BadParameter("the prompt is empty", param_hint=hint)
    piped = ""
    if not sys.stdin.isatty():
        with suppress(OSError):  # not open for reading, as `nohup` leaves it
            piped = _read(hint)
    return "\n\n".join(filter(None, (given.strip(), piped.strip())))


def asked_from_stdin(hint: str) -> str:
    """All of standard input, for a parameter that is given as ``-``.

    Raises:
        typer.BadParameter: it is empty, or too much.
    """
    if sys.stdin.isatty():
        tell("Reading standard input; Ctrl-D ends it.", aside=True)
    text = _read(hint).strip()
    if not text:
        raise typer.BadParameter("standard input was empty", param_hint=hint)
    return text


def _read(hint: str) -> str:
    with _telling_who_waits():
        text = typed(sys.stdin.read(MOST_CHARACTERS + 1))
    if len(text) > MOST_CHARACTERS:
        raise typer.BadParameter(
            f"standard input has more than {MOST_CHARACTERS:,} characters", param_hint=hint
        )
    return text


@contextmanager
def _telling_who_waits() -> Iterator[None]:
    """Say what is waited for if the body takes long and no terminal shows it."""
    timer = threading.Timer(_SILENT_S, tell, [_WAITING], {"aside": True})
    timer.daemon = True
    if not sys.stdin.isatty():
        timer.start()
    try:
        yield
    finally:
        timer.cancel()
