"""A dialog with a title and a button that closes it, as every dialog of the page has.

Owns its form, and that it is gone once it is closed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from nicegui import events, ui

from airunner.ui.buttons import icon_button

_GONE_AFTER_S = 0.3


@contextmanager
def titled_dialog(title: str) -> Iterator[ui.dialog]:
    """Build a dialog in the body; the caller opens it.

    It belongs to the window, whatever asked for it: that may be gone sooner.
    """
    with ui.context.client.layout, ui.dialog() as dialog, ui.card().classes("dialog"):
        dialog.props("transition-duration=0").props["aria-label"] = title
        with ui.element("div").classes("title"):
            ui.label(title).props('role="heading" aria-level="2"')
            icon_button("close", "Close", dialog.close).props("dense")
        yield dialog

    def changed(event: events.ValueChangeEventArguments[bool]) -> None:
        if not event.value:  # soon, as whoever closed it may go on in its context
            asyncio.get_running_loop().call_later(_GONE_AFTER_S, gone)

    def gone() -> None:
        if not dialog.is_deleted and not dialog.client.is_deleted:
            dialog.delete()

    dialog.on_value_change(changed)
