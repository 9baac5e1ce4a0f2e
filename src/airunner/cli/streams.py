"""The standard streams: there whatever started the command, and never in the way of a text.

A stream may be closed, or of an encoding that lacks a character; what is read may be
no text at all. None of that ends a command. ``console`` draws tables and colours.
"""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from io import TextIOWrapper

from airunner.cli.safe_text import safe

_LEAST_WIDTH = 20
_ANSWER = 2
"""Columns of an answer of one letter, with the blank before it."""


def make_sound() -> None:
    """Replace what is no text on the way in, and escape what cannot be encoded on the way out."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:  # closed by whoever started this process
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace" if mode == "r" else "backslashreplace")


def say(line: str = "", *, aside: bool = False) -> None:
    """A line on stdout at once; ``aside``, on stderr, if it is not what was asked for."""
    print(line, file=sys.stderr if aside else sys.stdout, flush=True)


def tell(line: str, *, aside: bool = False, indent: int = 0) -> None:
    """Like ``say``; on a terminal broken at words, what follows set off by ``indent`` columns.

    A line that is set off itself stays so.
    """
    stream = sys.stderr if aside else sys.stdout
    if not stream.isatty():
        say(line, aside=aside)
        return
    width = shutil.get_terminal_size().columns
    for each in line.split("\n"):
        say(broken(each, width, indent), aside=aside)


def broken(line: str, width: int, indent: int = 0) -> str:
    """A line broken at words for ``width`` columns, what follows set off by ``indent``.

    Dots that say that something goes on stay with the word before them.
    """
    lines = textwrap.wrap(
        line.replace(" ...", "\N{NO-BREAK SPACE}..."),
        max(_LEAST_WIDTH, width),
        subsequent_indent=" " * max(indent, len(line) - len(line.lstrip())),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(lines).replace("\N{NO-BREAK SPACE}...", " ...")


def question(words: str) -> str:
    """A question as a terminal shows it: broken at words, with room for a short answer."""
    width = shutil.get_terminal_size().columns
    return broken(words, width - _ANSWER) + " " if sys.stderr.isatty() else f"{words} "


def complain(problem: object) -> None:
    """Why something was not done, on stderr."""
    tell(f"error: {safe(str(problem))}", aside=True)


def give(result: str) -> None:
    """What was asked for: as it is into a pipe, without what could steer it on a terminal."""
    say(safe(result) if sys.stdout.isatty() else result)
