"""Long text cut to size: into passages, or down to a head and a tail.

Sizes are *estimated* tokens, for code that has no tokenizer at hand. The
estimate errs on the high side for prose, so what is cut here fits.
"""

from __future__ import annotations

import re

_CHARS_PER_TOKEN = 3
_PARAGRAPH = re.compile(r"(?<=\S)\s*\n\s*\n\s*(?=\S)")
_SENTENCE = re.compile(r"(?<=[.!?。！？])\s+")


def estimated_tokens(text: str) -> int:
    """An upper guess at the tokens of ``text``: one per 3 ASCII characters, one per other."""
    if text.isascii():
        return -(-len(text) // _CHARS_PER_TOKEN)
    other = sum(1 for char in text if char > "\x7f")
    return other + -(-(len(text) - other) // _CHARS_PER_TOKEN)


def split_sentences(text: str) -> list[str]:
    """The sentences of ``text``, without the space between them."""
    return [part for part in _SENTENCE.split(text.strip()) if part]


def split_passages(text: str, max_tokens: int) -> list[str]:
    """Pieces of at most ``max_tokens`` estimated tokens, cut where the text itself has joints.

    Paragraphs are kept whole if they fit, then sentences, then words; only a
    word longer than a passage is cut inside. Nothing but white space is lost.
    """
    return _packed(text.strip(), max_tokens, [("\n\n", _PARAGRAPH), (" ", _SENTENCE), (" ", None)])


def _packed(
    text: str, max_tokens: int, joints: list[tuple[str, re.Pattern[str] | None]]
) -> list[str]:
    if estimated_tokens(text) <= max_tokens:
        return [text] if text else []
    if not joints:
        return [text[i : i + max_tokens] for i in range(0, len(text), max_tokens)]
    (glue, joint), finer = joints[0], joints[1:]
    pieces = joint.split(text) if joint else text.split()
    passages: list[str] = []
    current: list[str] = []
    room = max_tokens
    for piece in pieces:
        size = estimated_tokens(piece) + 1
        if size > max_tokens:
            if current:
                passages.append(glue.join(current))
            passages.extend(_packed(piece, max_tokens, finer))
            current, room = [], max_tokens
            continue
        if size > room:
            passages.append(glue.join(current))
            current, room = [], max_tokens
        current.append(piece)
        room -= size
    if current:
        passages.append(glue.join(current))
    return passages


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
