"""Rules that name a file or a folder by a link: what they are about is where it leads.

Owns how the pattern of a rule that denies is resolved, each time that it is asked, since a
link may lead elsewhere by the next. The path of a request is resolved by ``meaning`` or
``foreign_names``; so both are compared as they really are.
"""

from __future__ import annotations

import glob
import os
import os.path
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase

_LONGEST = 4096
_SIGNS = re.compile(r"[*?\[]")


def led_to(pattern: str, folder: str) -> Iterator[str]:
    """``pattern`` with the links on its way resolved: the same signs behind the real folder.

    Nothing, where no link is on the way. A part with ``*``, ``?`` or a set of letters names
    each link in its own folder whose name it fits, and none further down; a part that is there
    by just that name is no pattern.

    Args:
        pattern: relative, from the root, or with ``~``.
        folder: where a relative one begins.
    """
    if "://" in pattern or "\0" in pattern or len(pattern) > _LONGEST:
        return
    way = os.path.join(folder, os.path.expanduser(pattern.strip().replace("\\", "/")))
    parts = way.rstrip("/").split("/")
    waiting, seen = [("/", 0, False)], set[tuple[str, int, bool]]()
    while waiting:
        state = waiting.pop()
        if state in seen:  # links may go in circles
            continue
        seen.add(state)
        at, number, by_link = state
        while number < len(parts) and not _is_pattern(at, parts[number]):
            named = os.path.join(at, parts[number])
            at = os.path.realpath(named)
            by_link |= at != os.path.normpath(named)
            number += 1
        if by_link:
            yield "/".join([glob.escape(at), *parts[number:]])
        if number < len(parts):
            is_last = number + 1 == len(parts)
            for place, is_link in _fitting(at, parts[number]):
                if is_link or not is_last:
                    waiting.append((os.path.realpath(place), number + 1, is_link))


def _is_pattern(folder: str, part: str) -> bool:
    return bool(_SIGNS.search(part)) and not os.path.lexists(os.path.join(folder, part))


def _fitting(folder: str, pattern: str) -> Iterator[tuple[str, bool]]:
    """Links and folders in ``folder`` whose names fit, and whether each is a link."""
    folded = pattern.casefold()
    # Who has a bracket in a name means no set of letters.
    patterns = (folded, folded.replace("[", "[[]"))
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not any(fnmatchcase(entry.name.casefold(), each) for each in patterns):
                    continue
                if entry.is_symlink() or entry.is_dir(follow_symlinks=False):
                    yield entry.path, entry.is_symlink()
    except OSError:  # no folder, or none that may be listed
        return
