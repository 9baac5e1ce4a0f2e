"""Reading the configuration file. What its entries mean is ``airunner.config.settings``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from airunner.config.regular_file import read_regular

MOST_BYTES = 65_536
"""The largest configuration file."""

_MOST_DOTS = 1_000
"""In one line: the time that the reader takes for a key grows with the square of its dots."""


def read_toml(file: Path) -> dict[str, Any]:
    """The entries of a TOML file.

    Raises:
        OSError: it is not there, no regular file, too large, or cannot be read.
        ValueError: it is not TOML.
    """
    import tomllib  # here, because most processes have no file to read

    try:
        text = read_regular(file, MOST_BYTES).decode("utf-8")
        if any(line.count(".") > _MOST_DOTS for line in text.split("\n")):
            raise ValueError(f"a line has more than {_MOST_DOTS:,} dots")
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
