"""What a window is told in passing: that something is done, or why it cannot be.

Owns the form: above everything, in our colours. A problem stays long enough to be read, the
same one is shown once, and who knows that it is over takes it back.
"""

from __future__ import annotations

from nicegui import ui

from airunner.ui.page_words import page_words

_PROBLEM_S = 15
_MOST = 2
"""Problems that are shown at once."""


class Problem(ui.notification):
    """What went wrong, as one window shows it."""

    def over(self) -> None:
        """It is so no longer: it goes, if it is still shown."""
        if not self.is_deleted:
            self.dismiss()


def tell_problem(problem: object) -> Problem:
    """Say what went wrong; an error's words say what to do."""
    words = page_words(problem)
    shown = [e for e in ui.context.client.elements.values() if isinstance(e, Problem)]
    for each in shown:
        if each.message == words:
            each.update()  # from now on, for as long as if it were new
            return each
    for each in shown[: max(0, len(shown) - _MOST + 1)]:
        each.over()
    return Problem(
        words,
        position="top",
        multi_line=True,
        timeout=_PROBLEM_S,
        color="notice-bad",
        textColor="notice-on",
        actions=[{"label": "Close", "color": "notice-on", "noCaps": True}],
    )


def tell(words: str) -> None:
    """Say what was done."""
    ui.notify(words, position="top", color="notice", textColor="notice-on")
