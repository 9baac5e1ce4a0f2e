"""A dialog with a title and a button that closes it, as every dialog of the page has.

Owns its form, and that it is gone once it is closed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from nicegui import ui

from airunner.ui.buttons import icon_button


@contextmanager
def titled_dialog(title: str) -> Iterator[ui.dialog]:
    """Build a dialog in the body; the caller opens it."""
    with ui.dialog() as dialog, ui.card().classes("dialog"):
        dialog.props("transition-duration=0").props["aria-label"] = title
        with ui.element("div").classes("title"):
            ui.label(title).props('role="heading" aria-level="2"')
            icon_button("close", "Close", dialog.close).props("dense")
        yield dialog
    dialog.on("hide", dialog.delete)
