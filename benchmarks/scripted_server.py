"""``python -m benchmarks.scripted_server HOME PORT``: the page over the scripted model."""

from __future__ import annotations

import sys
from pathlib import Path

from airunner.cli.serve import run_server
from airunner.config.settings import Settings
from benchmarks.scripted_model import register_scripted


def main() -> None:
    """Serve until told to stop."""
    home = Path(sys.argv[1])
    register_scripted()
    settings = Settings(
        home=home,
        offline=True,
        max_memory=8_000_000_000,
        pictures=home / "pictures",
        files=home / "files",
        devices=(),
    )
    run_server(settings, port=int(sys.argv[2]))


if __name__ == "__main__":
    main()
