"""A process that asks the search services once, and can be ended.

Owns both of its ends, and its bounds in memory and time: the library that asks the services
unpacks their answers without a bound, and cannot be told that nobody waits any more. What
is asked, and what the services' failures mean, is ``search``'s.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict

from airunner.durations import format_seconds
from airunner.errors import ToolFailedError
from airunner.toolbox.awaited_process import read_answer, run_awaited, write_answer
from airunner.toolbox.web.search import TOOL, Found, find_pages

MOST_MEMORY_BYTES = 1_000_000_000
"""Addresses of the process, of which a search takes a quarter."""

LONGEST_S = 40.0
"""How long all services together may take."""

_MOST_CHARACTERS = 2_000  # of a title, an address, a quotation


def ask_services(words: str, max_results: int, is_cancelled: Callable[[], bool]) -> list[Found]:
    """At most ``max_results`` pages; see ``search.find_pages``.

    ``is_cancelled`` is asked while they are waited for.

    Raises:
        ToolRetryError: nothing was found.
        ToolFailedError: the services cannot be reached, or what they send cannot be read.
    """
    try:
        done = run_awaited(
            [sys.executable, "-P", "-m", __name__],
            json.dumps([words, max_results]).encode(),
            tool=TOOL,
            seconds=LONGEST_S,
            is_cancelled=is_cancelled,
        )
    except subprocess.TimeoutExpired:
        problem = f"the search services took longer than {format_seconds(LONGEST_S)}"
        raise ToolFailedError(TOOL, problem) from None
    if done.returncode:
        raise ToolFailedError(TOOL, "what the search services sent cannot be read")
    return [Found(**page) for page in read_answer(done.stdout, TOOL)]


def _search(task: tuple[str, int]) -> list[dict[str, str]]:
    found = find_pages(*task)
    return [{key: text[:_MOST_CHARACTERS] for key, text in asdict(p).items()} for p in found]


if __name__ == "__main__":
    write_answer(_search, MOST_MEMORY_BYTES)
