"""A second try for the few of thousands of tests that failed, each in a fresh process.

Tests with real engines, browsers and processes fail now and then by what else a machine does.
One that fails twice is broken; one that passes alone is named as unsteady, which is a fault of
its own. Where more than a few fail, something is wrong, and nothing is tried again.

Run by ``make test``: ``python -m scripts.second_try STATUS pytest …``, with what pytest, run so,
ended with.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

FAILED = Path(".pytest_cache/v/cache/lastfailed")
MOST = 3
SOME_FAILED = 1
"""How pytest ends when it ran to its end: https://docs.pytest.org/en/stable/reference/exit-codes.html."""


def failed() -> list[str]:
    """The tests that failed when they were run last."""
    try:
        return sorted(json.loads(FAILED.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return []


def second_try(status: int, command: Sequence[str]) -> int:
    """How ``command``, which ended with ``status``, ends for the tests that failed in it."""
    tests = failed()
    if status != SOME_FAILED or not 0 < len(tests) <= MOST:
        return status
    print(f"{len(tests)} of the tests failed, and each is tried once more by itself.", flush=True)
    for test in tests:
        again = subprocess.run([*command, "--numprocesses=0", "-p", "no:cacheprovider", test])
        if again.returncode:
            return again.returncode
    print("Unsteady, as they failed and then passed; please tell or mend it:", *tests, sep="\n  ")
    return 0


def main() -> None:
    """End as the second try does."""
    sys.exit(second_try(int(sys.argv[1]), sys.argv[2:]))


if __name__ == "__main__":
    main()
