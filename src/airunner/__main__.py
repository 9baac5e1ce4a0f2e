"""``python -m airunner`` is the ``airunner`` command."""

from __future__ import annotations

from airunner.cli.app import main

if __name__ == "__main__":
    main()
