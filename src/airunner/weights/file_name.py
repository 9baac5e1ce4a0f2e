"""Names that others give to files, made fit to be names in the store.

Owns what such a name must not be: a way out of the folder, the folder of unfinished files,
longer than a file system takes, or of signs that no name has.
"""

from __future__ import annotations

import re

MOST_BYTES = 200
"""Of a name: file systems take 255, and unfinished files have some more behind it."""

_UNFIT = re.compile(r"[\x00-\x1f\x7f/\\\ud800-\udfff]")


def fit_name(name: str, otherwise: str) -> str:
    """``name`` as one name of a file: without signs that none has, cut, and never hidden.

    ``otherwise`` is for one of which nothing is left.
    """
    clean = _UNFIT.sub("_", name).lstrip(".")
    # Its end tells what kind of file it is.
    return clean.encode()[-MOST_BYTES:].decode(errors="ignore").lstrip(".") or otherwise


def is_fit_path(path: str) -> bool:
    """Whether each name on the way to a file below a folder is one that can be kept."""
    return all(
        part not in ("", ".", "..", ".partial")
        and len(part.encode("utf-8", "replace")) <= MOST_BYTES
        and not _UNFIT.search(part)
        for part in path.split("/")
    )
