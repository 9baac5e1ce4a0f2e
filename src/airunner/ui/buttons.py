"""The buttons of the page: with words, or with an icon whose name is told.

Owns their look: its colours are the style sheet's, not the library's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from nicegui import ui

Action = Callable[[], Awaitable[None] | Any] | None


def word_button(words: str, action: Action = None, *, main: bool = False) -> ui.button:
    """A button that says what it does; ``main`` is the one that is usually wanted."""
    look = "unelevated" if main else "flat"
    button = ui.button(words, on_click=action, color=None)
    return button.props(f"no-caps {look}").classes(f"words {look}")


def icon_button(
    icon: str, words: str, action: Action = None, *, shortcut: str = "", main: bool = False
) -> ui.button:
    """A round button; ``shortcut`` is what ``static/chat.js`` finds it by."""
    look = "unelevated" if main else "flat"
    button = ui.button(icon=icon, on_click=action, color=None)
    button.props(f"round {look}").classes(look)
    button.props["aria-label"] = words
    if shortcut:
        button.props["data-shortcut"] = shortcut
    return button.tooltip(words)
