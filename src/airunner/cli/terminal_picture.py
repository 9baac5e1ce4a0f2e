"""A picture in the terminal, where the terminal can.

Owns which protocol a terminal speaks and how a PNG is put into it: the graphics
protocol of kitty (https://sw.kovidgoyal.net/kitty/graphics-protocol/) and inline
images of iTerm2 (https://iterm2.com/documentation-images.html). Both take the
file as it is.
"""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

Protocol = Literal["kitty", "iterm"]

_KITTY_PIECE = 4096
_MOST_BYTES = 32 << 20


def terminal_protocol(
    *, is_terminal: bool, environ: Mapping[str, str] | None = None
) -> Protocol | None:
    """How to show a picture, or ``None``.

    tmux and screen pass neither protocol on by themselves.
    """
    told = os.environ if environ is None else environ
    program, term = told.get("TERM_PROGRAM", ""), told.get("TERM", "")
    if not is_terminal or term == "dumb":
        return None
    if not (told.get("TMUX") or term.startswith(("screen", "tmux"))):
        if told.get("KITTY_WINDOW_ID") or "kitty" in term or program == "ghostty":
            return "kitty"
        if program in ("iTerm.app", "WezTerm") or told.get("LC_TERMINAL") == "iTerm2":
            return "iterm"
    return None


def picture_in_terminal(picture: Path, protocol: Protocol) -> str:
    """What to print to see ``picture``; empty if it cannot be shown."""
    try:
        if picture.stat().st_size > _MOST_BYTES:
            return ""
        data = b64encode(picture.read_bytes()).decode("ascii")
    except OSError:
        return ""
    return _kitty(data) if protocol == "kitty" else f"\x1b]1337;File=inline=1:{data}\a\n"


def _kitty(data: str) -> str:
    pieces = [data[start : start + _KITTY_PIECE] for start in range(0, len(data), _KITTY_PIECE)]
    written = []
    for number, piece in enumerate(pieces):
        keys = "a=T,f=100," if number == 0 else ""
        more = int(number < len(pieces) - 1)
        written.append(f"\x1b_G{keys}m={more};{piece}\x1b\\")
    return "".join(written) + "\n"
