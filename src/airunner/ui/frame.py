"""What surrounds every page: where one can go, what the memory does, light and dark.

Owns the one page function behind all addresses; what is in the middle changes without the
browser loading anything anew.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nicegui import ui

from airunner.server.native.services import Services
from airunner.ui.chat.conversation_list import conversation_list
from airunner.ui.memory.strip import memory_strip

_HEAD = """
<meta name="description" content="A team of local models on this machine">
<link rel="manifest" href="/static/manifest.json">
<link rel="stylesheet" href="/static/airunner.css">
<script src="/static/airunner.js" defer></script>
"""
_THEMES = {"light": False, "dark": True}
_THEME_COOKIE = "airunner_theme"


@dataclass(frozen=True, slots=True)
class Place:
    """One entry of the navigation; ``build`` makes the middle of the page at each of ``paths``.

    The first path is the one that the entry leads to.
    """

    title: str
    icon: str
    paths: tuple[str, ...]
    build: Callable[..., Any]


def build_frame(services: Services, places: tuple[Place, ...]) -> None:
    """Everything of one tab."""
    ui.add_head_html(_HEAD)
    ui.colors(primary="var(--brand)")
    theme = ui.context.client.request.cookies.get(_THEME_COOKIE, "")
    dark = ui.dark_mode(_THEMES.get(theme))
    with (
        ui.left_drawer(bordered=False)
        .classes("side")
        .props('width=280 breakpoint=900 role="navigation" aria-label="Navigation"') as drawer
    ):
        _navigation(places)
        conversation_list(services)
    with ui.header(bordered=False).classes("top"):
        _icon_button("menu", "Navigation", drawer.toggle)
        memory_strip(services)
        _icon_button("contrast", "Light or dark", lambda: _turn(dark))
    routes = {path: place.build for place in places for path in place.paths}
    with ui.element("div").classes("middle") as middle:
        ui.sub_pages(routes)
    ui.skip_link("Skip to the content", target=middle)


def _navigation(places: tuple[Place, ...]) -> None:
    ui.html('<a class="brand" href="/chat">AI Runner</a>', sanitize=False)
    with ui.element("div").classes("places"):
        for place in places:
            with ui.element("a").props(f'href="{place.paths[0]}"').classes("place"):
                ui.icon(place.icon).props("aria-hidden=true")
                ui.label(place.title)


def _icon_button(icon: str, words: str, action: Callable[[], object]) -> ui.button:
    button = ui.button(icon=icon, on_click=action).props(f'flat round dense aria-label="{words}"')
    return button.tooltip(words).classes("quiet")


def _turn(dark: ui.dark_mode) -> None:
    dark.value = not dark.value
    chosen = "dark" if dark.value else "light"
    ui.run_javascript(
        f'document.cookie = "{_THEME_COOKIE}={chosen};path=/;max-age=31536000;samesite=strict"'
    )
