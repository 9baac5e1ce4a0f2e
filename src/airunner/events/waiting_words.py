"""A wait for others, in words for people.

Owns the words alone, which the terminal and the page say alike; the event is
``SlotAwaited``.
"""

from __future__ import annotations


def wait_in_words(name: str, ahead: int, wait_s: float | None) -> str:
    """Which model is waited for, how many it serves first, and about how long that takes."""
    length = "" if wait_s is None else f", {_about(wait_s)}"
    return f"waiting for {name}: it answers others ({ahead} before you{length})"


def _about(wait_s: float) -> str:
    if wait_s < 90:
        return f"about {max(1, round(wait_s))} s"
    return f"about {round(wait_s / 60)} min"
