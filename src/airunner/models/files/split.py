"""Weights files by name: which belong together, and which set a pattern means.

Owns the naming scheme of split files (``name-00001-of-00003.gguf``). Looks at
names only, never into files.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from fnmatch import fnmatchcase
from glob import escape
from pathlib import PurePosixPath

_PART = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})(?P<suffix>(\.\w+)+)")


def matches(name: str, pattern: str) -> bool:
    """Whether a shell pattern means this file, by its path or its last name, in any case.

    Publishers write ``Q4_K_M`` and ``q4_k_m``, hence any case. A vision
    projector lies beside the model under the same quantization's name, so it
    is meant only where the pattern says ``mmproj``.
    """
    name, pattern = name.lower(), pattern.lower()
    last = PurePosixPath(name).name
    if "mmproj" in last and "mmproj" not in pattern:
        return False
    return fnmatchcase(name, pattern) or fnmatchcase(last, pattern)


def is_part(name: str) -> bool:
    """Whether a file's name says that it is a part of a split model."""
    return _PART.fullmatch(name) is not None


def pattern_of_parts(name: str) -> str:
    """The shell pattern that means this file alone, or all parts of its model."""
    part = _PART.fullmatch(name)
    if part is None:
        return escape(name)
    return f"{escape(part['stem'])}-?????-of-{part['count']}{part['suffix']}"


def complete_sets(names: Iterable[str]) -> list[tuple[str, ...]]:
    """Whole models among ``names``: each a single file, or all parts in order; sorted.

    A split file of which a part is missing is left out, and so is one that is
    also there in one piece.
    """
    names = set(names)
    parts: defaultdict[tuple[str, int, str], dict[int, str]] = defaultdict(dict)
    sets: list[tuple[str, ...]] = []
    for name in names:
        if part := _PART.fullmatch(name):
            key = (part["stem"], int(part["count"]), part["suffix"])
            parts[key][int(part["number"])] = name
        else:
            sets.append((name,))
    for (stem, count, suffix), numbered in parts.items():
        if f"{stem}{suffix}" not in names and set(numbered) == set(range(1, count + 1)):
            sets.append(tuple(numbered[number] for number in range(1, count + 1)))
    return sorted(sets)
