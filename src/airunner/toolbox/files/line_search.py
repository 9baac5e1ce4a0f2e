"""Finding lines in text files by a regular expression.

Owns which files are gone through and the bounds of such a search. A regular
expression from a model can take longer than the universe will last, and Python cannot
interrupt one; so it runs in a process of its own, which is ended when its time is over.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from airunner.durations import format_seconds
from airunner.errors import ToolFailedError, ToolRetryError
from airunner.toolbox.awaited_process import run_awaited
from airunner.toolbox.documents.plain import decode
from airunner.toolbox.files import pattern_process
from airunner.toolbox.files.folder_walk import Entry
from airunner.tools.real_path import open_real

PATTERN_SECONDS = 10.0
MOST_FILES = 2_000
MOST_BYTES = 20_000_000
LARGEST_FILE_BYTES = 5_000_000
_SHOWN_CHARS = 160


@dataclass(frozen=True, slots=True)
class Searched:
    """Files to search: their names, their texts, and how many there are that are not searched."""

    names: tuple[str, ...]
    texts: tuple[str, ...]
    passed_over: int


def searched(entries: Iterable[Entry], is_cancelled: Callable[[], bool]) -> Searched:
    """What can be searched of these files: plain text, within the bounds."""
    names: list[str] = []
    texts: list[str] = []
    passed_over, room = 0, MOST_BYTES
    for entry in entries:
        if is_cancelled():
            break
        room_left = entry.size_bytes <= min(room, LARGEST_FILE_BYTES) and len(names) < MOST_FILES
        text = _text_of(entry) if room_left else None
        if text is None:
            passed_over += 1
            continue
        room -= entry.size_bytes
        names.append(entry.name)
        texts.append(text)
    return Searched(tuple(names), tuple(texts), passed_over)


def _text_of(entry: Entry) -> str | None:
    try:
        with open_real(entry.path) as file:
            return decode(file.read(LARGEST_FILE_BYTES), entry.name).text
    except (OSError, ToolFailedError):  # gone meanwhile, not ours to read, or no text
        return None


@dataclass(frozen=True, slots=True)
class Line:
    """A line that was found: the index of its text, its number from 1, and what it says.

    A long line is cut around what was found in it.
    """

    text: int
    number: int
    shown: str


def lines_matching(
    texts: Sequence[str],
    pattern: str,
    seconds: float = PATTERN_SECONDS,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> list[Line]:
    """Every line in which the regular expression ``pattern`` matches, in upper or lower case.

    Raises:
        ToolRetryError: it is no regular expression, or takes too long.
        ToolFailedError: the process for it ended otherwise, or the call was given up.
    """
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise ToolRetryError(
            f"{pattern!r} is no regular expression: {error}. Correct it, or search for plain text."
        ) from None
    split = [_lines(text) for text in texts]
    task = json.dumps({"pattern": pattern, "texts": split})
    # Isolated: nothing of the user's environment or folder is imported.
    command = [sys.executable, "-I", str(Path(pattern_process.__file__))]
    try:
        done = run_awaited(
            command,
            task.encode(),
            tool="find_in_files",
            seconds=seconds,
            is_cancelled=is_cancelled,
        )
    except subprocess.TimeoutExpired:
        raise ToolRetryError(
            f"{pattern!r} did not finish within {format_seconds(seconds)}. Use a simpler pattern, "
            "without repetitions inside repetitions, or search for plain text."
        ) from None
    if done.returncode:
        raise ToolFailedError("find_in_files", f"the search ended with code {done.returncode}")
    return [
        Line(text, number + 1, shown(split[text][number], place))
        for text, number, place in json.loads(done.stdout)
    ]


def _lines(text: str) -> list[str]:
    """As editors count them; ``str.splitlines`` also splits at page breaks and the like."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def shown(line: str, place: int) -> str:
    """``line`` without its indentation, or as much of it as can be shown around ``place``."""
    if len(line) <= _SHOWN_CHARS:
        return line.strip()
    start = max(0, min(place - _SHOWN_CHARS // 3, len(line) - _SHOWN_CHARS))
    end = start + _SHOWN_CHARS
    before, after = "…" * (start > 0), "…" * (end < len(line))
    return f"{before}{line[start:end].strip()}{after}"
