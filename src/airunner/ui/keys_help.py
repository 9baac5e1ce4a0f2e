"""The keys that the page knows, in a dialog.

Owns the words; the keys themselves are heard in ``static/chat.js`` and by the composer.
"""

from __future__ import annotations

from nicegui import ui

from airunner.ui.dialog import titled_dialog

KEYS = (
    ("Enter", "send the message"),
    ("Shift + Enter", "a new line"),
    ("Esc", "stop the answer; cancel an edit; close a dialog"),
    ("Arrow up", "edit the last message, while the field is empty"),
    ("/", "go to the message field"),
    ("Ctrl + K", "search conversations"),
    ("Ctrl + Shift + O", "a new chat"),
    ("Arrows", "go through the list of conversations, once it has the focus"),
    ("Tab, Enter", "reach and press every button; open a folded card"),
    ("?", "this list"),
)


def show_keys() -> None:
    """Show the dialog."""
    with titled_dialog("Keys") as dialog, ui.element("dl").classes("keys"):
        for key, meaning in KEYS:
            with ui.element("dt"):
                ui.label(key)
            with ui.element("dd"):
                ui.label(meaning)
    dialog.open()
