"""Text files that people write: UTF-8, or whatever their editor's mark says."""

from __future__ import annotations

import codecs
from pathlib import Path

from airunner.config.regular_file import read_regular

_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


MOST_BYTES = 1_000_000
"""The largest of them, where a reader says nothing else."""


def read_text(file: Path, most_bytes: int = MOST_BYTES) -> str:
    """What ``file`` says, with its ends of lines, without the mark at its beginning.

    Raises:
        OSError: it cannot be read, is no regular file, or has more than ``most_bytes``.
        UnicodeDecodeError: it is neither UTF-8 nor UTF-16.
    """
    content = read_regular(file, most_bytes)
    encoding = "utf-16" if content.startswith(_UTF_16) else "utf-8-sig"
    return content.decode(encoding)
