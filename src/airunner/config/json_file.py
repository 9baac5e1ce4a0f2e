"""JSON files, of our own and of other programs: read within bounds, whatever lies there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from airunner.config.regular_file import read_regular
from airunner.config.text_file import MOST_BYTES


def read_json(file: Path, most_bytes: int = MOST_BYTES) -> Any:
    """What ``file`` says.

    Raises:
        OSError: it cannot be read, is no regular file, or has more than ``most_bytes``.
        ValueError: it is no JSON, or is nested too deeply.
    """
    content = read_regular(file, most_bytes)
    try:
        return json.loads(content)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
