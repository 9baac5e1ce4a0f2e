"""Whether a model fits a machine, in words that say with what. Pure.

The bytes are predicted elsewhere, from the file where there is one. For a file that nobody
has yet, ``file_needs_bytes`` guesses from its size alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from airunner.config.byte_size import format_bytes

Verdict = Literal["fits", "in_part", "no", "unknown"]

_GROWTH = 1.2
_BESIDE_BYTES = 500_000_000


@dataclass(frozen=True, slots=True)
class Room:
    """Memory that a model may be given. ``is_best`` marks the devices that it should be on."""

    device: str
    budget_bytes: int
    is_best: bool


@dataclass(frozen=True, slots=True)
class Need:
    """What a model takes on a device, and in which way less than all is had for it.

    ``lessened`` continues "It fits": ``with 2,048 of 8,192 tokens``. Empty for all of it.
    """

    n_bytes: int
    lessened: str = ""


@dataclass(frozen=True, slots=True)
class Fit:
    """The answer.

    Attributes:
        verdict: ``in_part`` fits with less than what was asked for, or on a slower device.
        needed_bytes: on ``device``; ``None`` if nobody can say.
        budget_bytes: what the device offers.
        exact: predicted from the file itself, not from a figure about it.
        words: the same as a sentence.
    """

    verdict: Verdict
    needed_bytes: int | None
    device: str
    budget_bytes: int
    exact: bool
    words: str


def file_needs_bytes(n_bytes: int) -> int:
    """About what a GGUF of ``n_bytes`` takes with a conversation of 8,192 tokens.

    From the arithmetic of ``memory.language`` for usual architectures (grouped-query
    attention, KV cache in 16 bits) at four bits: 3B with 2.1 GB take 2.8 GB, 8B with 4.9
    take 6.4, 14B with 9.0 take 11.0, 32B with 19.9 take 22.5. This says 3.0, 6.4, 11.3, 24.4.
    """
    return round(_GROWTH * n_bytes) + _BESIDE_BYTES


def judge(needs: Mapping[str, Need], rooms: Sequence[Room], *, exact: bool) -> Fit:
    """Whether a model fits, given what it ``needs`` on each device that it can be loaded on.

    1. It fits one of the best devices, whole: it fits.
    2. It fits one of them with less, or another device: it fits in part.
    3. None: it does not, and the roomiest says how much is lacking.
    """
    able = [room for room in rooms if room.device in needs]
    if not able:
        return Fit("no", None, "", 0, exact, "Does not fit: no device here can compute it.")
    fitting = [room for room in able if needs[room.device].n_bytes <= room.budget_bytes]
    best = [room for room in fitting if room.is_best]
    whole = [room for room in best if not needs[room.device].lessened]
    about = "" if exact else "about "
    for room in (*whole, *best, *fitting):
        need = needs[room.device]
        size = f"{about}{format_bytes(need.n_bytes)} of {format_bytes(room.budget_bytes)}"
        where = f"{size} on {room.device}"
        if room in whole:
            words: str = f"Fits: {where}."
        elif room.is_best:
            words = f"Fits in part: {need.lessened} ({where})."
        else:
            words = f"Fits in part: {where}, where it is slower."
        verdict: Verdict = "fits" if room in whole else "in_part"
        return Fit(verdict, need.n_bytes, room.device, room.budget_bytes, exact, words)
    room = min(able, key=lambda each: needs[each.device].n_bytes - each.budget_bytes)
    n_bytes = needs[room.device].n_bytes
    words = (
        f"Does not fit: it needs {about}{format_bytes(n_bytes)}, and "
        f"{room.device} offers {format_bytes(room.budget_bytes)}."
    )
    return Fit("no", n_bytes, room.device, room.budget_bytes, exact, words)


def when_free(n_bytes: int) -> str:
    """What is said of a model that fits the machine and not what others leave of it now."""
    return f"fits when other programs leave {format_bytes(n_bytes)}"


def not_known(why: str) -> Fit:
    """The answer where nobody knows what a model needs."""
    return Fit("unknown", None, "", 0, exact=False, words=why)
