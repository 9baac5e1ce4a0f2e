"""What a window is told in passing: that something is done, or why it cannot be.

Owns the form: above everything, in our colours, and a problem stays until it is read.
"""

from __future__ import annotations

from nicegui import ui

from airunner.ui.page_words import page_words

_PROBLEM_MS = 15_000


def tell_problem(problem: object) -> None:
    """Say what went wrong; an error's words say what to do."""
    ui.notify(
        page_words(problem),
        position="top",
        multi_line=True,
        actions=[{"label": "Close", "color": "notice-on", "noCaps": True}],
        timeout=_PROBLEM_MS,
        color="notice-bad",
        textColor="notice-on",
    )


def tell(words: str) -> None:
    """Say what was done."""
    ui.notify(words, position="top", color="notice", textColor="notice-on")
