"""A process that asks the search services once, and can be ended.

Owns both of its ends, and its bounds in memory and time: the library that asks the services
unpacks their answers without a bound, and cannot be told that nobody waits any more. What
is asked, and what the services' failures mean, is ``search``'s.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict

from airunner.errors import ToolFailedError, ToolRetryError
from airunner.toolbox.awaited_process import run_awaited
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
        problem = f"the search services took longer than {LONGEST_S:g} s"
        raise ToolFailedError(TOOL, problem) from None
    except OSError as error:
        raise ToolFailedError(TOOL, f"no process could be started: {error}") from error
    if done.returncode:
        raise ToolFailedError(TOOL, "what the search services sent cannot be read")
    kind, value = json.loads(done.stdout)
    if kind == "retry":
        raise ToolRetryError(value)
    if kind == "failed":
        raise ToolFailedError(TOOL, value)
    return [Found(**page) for page in value]


def main() -> None:
    """Read the task, search, write what was found."""
    with suppress(ValueError, OSError):  # not everywhere
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY_BYTES, MOST_MEMORY_BYTES))
    words, max_results = json.load(sys.stdin.buffer)
    result: tuple[str, object]
    try:
        found = find_pages(words, max_results)
        pages = [{key: text[:_MOST_CHARACTERS] for key, text in asdict(p).items()} for p in found]
        result = ("found", pages)
    except ToolRetryError as error:
        result = ("retry", error.hint)
    except ToolFailedError as error:
        result = ("failed", error.problem)
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
