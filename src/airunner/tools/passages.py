"""Long text cut to size: into passages, or down to a head and a tail.

Sizes are *estimated* tokens, for code that has no tokenizer at hand. The
estimate errs on the high side for prose, so what is cut here fits.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_CHARS_PER_TOKEN = 3
_JOINTS = (
    re.compile(r"\n[^\S\n]*\n\s*"),  # between paragraphs
    re.compile(r"(?<=[.!?。！？])\s+"),
    re.compile(r"\n"),
    re.compile(r"\s+"),
)


def estimated_tokens(text: str) -> int:
    """An upper guess at the tokens of ``text``: one per 3 ASCII characters, one per other."""
    if text.isascii():
        return -(-len(text) // _CHARS_PER_TOKEN)
    ascii_chars = len(text.encode("ascii", "ignore"))
    return len(text) - ascii_chars + -(-ascii_chars // _CHARS_PER_TOKEN)


def split_passages(text: str, max_tokens: int) -> list[str]:
    """Pieces of at most ``max_tokens`` estimated tokens which, joined, are ``text``.

    Paragraphs are kept whole if they fit, then sentences, lines and words; only a
    word longer than a passage is cut inside. Blanks stay with what is before them.
    """
    return _packed(text, max_tokens, _JOINTS)


def _packed(text: str, max_tokens: int, joints: Sequence[re.Pattern[str]]) -> list[str]:
    if estimated_tokens(text) <= max_tokens:
        return [text] if text else []
    if not joints:
        return [text[i : i + max_tokens] for i in range(0, len(text), max_tokens)]
    ends = [found.end() for found in joints[0].finditer(text)]
    passages: list[str] = []
    held, room = "", max_tokens
    for start, end in zip([0, *ends], [*ends, len(text)], strict=True):
        piece = text[start:end]
        size = estimated_tokens(piece)
        if size > room and held:
            passages.append(held)
            held, room = "", max_tokens
        if size > max_tokens:
            passages += _packed(piece, max_tokens, joints[1:])
        else:
            held, room = held + piece, room - size
    return [*passages, held] if held else passages


def head_and_tail(text: str, max_tokens: int) -> str:
    """``text`` itself if it fits, else its beginning and its end around a note of what is missing.

    The beginning gets three quarters of the room.
    """
    # Longer than this can never fit, so a huge text is not counted through.
    if len(text) <= max_tokens * _CHARS_PER_TOKEN and estimated_tokens(text) <= max_tokens:
        return text
    keep = max_tokens * _CHARS_PER_TOKEN
    while True:
        head = text[: keep * 3 // 4]
        tail = text[len(text) - keep // 4 :]
        missing = len(text) - len(head) - len(tail)
        note = f"\n[... {missing:,} characters left out ...]\n"
        shortened = f"{head}{note}{tail}"
        if keep < 8 or estimated_tokens(shortened) <= max_tokens:
            return shortened
        keep = keep * 9 // 10
