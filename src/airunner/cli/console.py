"""Where output goes: results to stdout, everything about them to stderr.

Owns the two rich consoles and how JSON is written. Nothing here is imported
before a command runs.
"""

from __future__ import annotations

import codecs
import json
import shutil
import sys
from collections.abc import Mapping
from typing import IO, Any

from rich.console import Console

from airunner.cli.streams import say

JSON_VERSION = 1
"""Of everything that --json prints. It grows when a field goes or means something else."""

_NO_WIDTH = 10_000
"""Columns of what is no terminal, unless the variable ``COLUMNS`` says how many."""


def out() -> Console:
    """The console for results. Text is printed as it is: models' names may hold brackets.

    Only a terminal has a width: into a pipe or a file, nothing is broken that a program reads.
    """
    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = shutil.get_terminal_size((_NO_WIDTH, 24)).columns
    return console


def err() -> Console:
    """The console for progress, remarks and errors."""
    return Console(stderr=True, highlight=False, markup=False, emoji=False)


def on_terminal(file: IO[str]) -> Console:
    """The console for a question that has to be seen wherever stdout and stderr lead."""
    return Console(file=file, highlight=False, markup=False, emoji=False)


def moves_cursor(console: Console) -> bool:
    """Whether it is a terminal on which what was written can be written over."""
    return console.is_terminal and not console.is_dumb_terminal


def sign(console: Console, wanted: str, plain: str) -> str:
    """``wanted``, or ``plain`` where the console's encoding lacks it."""
    try:
        wanted.encode(console.encoding)
    except (UnicodeEncodeError, LookupError):
        return plain
    return wanted


def print_json(value: Mapping[str, Any]) -> None:
    """One JSON document on stdout, an object that says which version of its form it has."""
    say(_json({"json_version": JSON_VERSION, **value}, indent=2))


def print_json_line(value: Any) -> None:
    """One line of NDJSON on stdout, sent at once."""
    say(_json(value))


def _json(value: Any, indent: int | None = None) -> str:
    """Text of any encoding: where it is not UTF-8, what is no ASCII is escaped as JSON does."""
    is_utf8 = codecs.lookup(sys.stdout.encoding or "ascii").name == "utf-8"
    return json.dumps(value, indent=indent, default=str, ensure_ascii=not is_utf8)
