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

_LONGEST = 4096
_SIGNS = re.compile(r"[*?\[]")


def led_to(pattern: str, folder: str) -> Iterator[str]:
    """``pattern`` with the links on its way resolved: the same signs behind the real folder.

    Nothing, where no link is on the way. A part with ``*``, ``?`` or a set of letters fits
    names, and is not searched for links; a part that is there by just that name is none such.

    Args:
        pattern: relative, from the root, or with ``~``.
        folder: where a relative one begins.
    """
    if "://" in pattern or "\0" in pattern or len(pattern) > _LONGEST:
        return
    way = os.path.join(folder, os.path.expanduser(pattern.strip().replace("\\", "/")))
    parts = way.rstrip("/").split("/")
    known = len(parts)
    for number, part in enumerate(parts):
        if _SIGNS.search(part) and not os.path.lexists("/".join(parts[: number + 1])):
            known = number
            break
    named = "/".join(parts[:known]) or "/"
    real = os.path.realpath(named)
    if real != os.path.normpath(named):
        yield "/".join([glob.escape(real), *parts[known:]])
