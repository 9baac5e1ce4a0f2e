"""The standard streams: there whatever started the command, and never in the way of a text.

A stream may be closed, or of an encoding that lacks a character; what is read may be
no text at all. None of that ends a command. ``console`` draws tables and colours.
"""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper

import typer

from airunner.cli.safe_text import safe


def make_sound() -> None:
    """Replace what is no text on the way in, and escape what cannot be encoded on the way out."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:  # closed by whoever started this process
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace" if mode == "r" else "backslashreplace")


def prompt_text(given: str, hint: str) -> str:
    """A prompt as it was given; ``-`` stands for what is on stdin.

    Raises:
        typer.BadParameter: it is empty.
    """
    text = sys.stdin.read() if given == "-" else given
    if not text.strip():
        raise typer.BadParameter("the prompt is empty", param_hint=hint)
    return text.strip()


def say(line: str = "", *, aside: bool = False) -> None:
    """A line on stdout at once; ``aside``, on stderr, if it is not what was asked for."""
    print(line, file=sys.stderr if aside else sys.stdout, flush=True)


def complain(problem: object) -> None:
    """Why something was not done, on stderr."""
    say(f"error: {safe(str(problem))}", aside=True)


def give(result: str) -> None:
    """What was asked for: as it is into a pipe, without what could steer it on a terminal."""
    say(safe(result) if sys.stdout.isatty() else result)
