"""Debian's chromium for the tests of the web page, installed where that is allowed.

Where it is not, those tests are skipped, and this says what would run them.

Run: ``python -m scripts.browser``
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser")
COMMANDS = (
    ("apt-get", "update", "--quiet"),
    ("apt-get", "install", "--yes", "--quiet", "--no-install-recommends", "chromium"),
)
PATIENCE_S = 600


def browser() -> str | None:
    """Where a browser is that the tests can use."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def install() -> None:
    """Get one, if this user may install packages."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in COMMANDS:
        try:
            subprocess.run(
                command, env=environ, capture_output=True, timeout=PATIENCE_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            return


def main() -> None:
    """Get a browser, or say why there is none."""
    if browser() is None:
        install()
    if browser() is None:
        print(
            "The tests of the web page are skipped; with a browser they run: "
            + " ".join(COMMANDS[-1]),
            file=sys.stderr,
        )


if __name__ == "__main__":
    main()
