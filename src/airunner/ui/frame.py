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
from airunner.ui.buttons import icon_button
from airunner.ui.chat.conversation_list import conversation_list
from airunner.ui.chat.icons import icon_html
from airunner.ui.keys_help import show_keys
from airunner.ui.memory.strip import memory_strip
from airunner.ui.notes.due_cards import DueCards

_HEAD = """
<meta name="description" content="A team of local models on this machine">
<link rel="manifest" href="/static/manifest.json">
<link rel="apple-touch-icon" href="/static/apple-touch-icon.png">
<meta name="theme-color" content="#f7f5ef" media="(prefers-color-scheme: light)">
<meta name="theme-color" content="#16191a" media="(prefers-color-scheme: dark)">
<link rel="stylesheet" href="/static/airunner.css">
<link rel="stylesheet" href="/static/chat.css">
<link rel="stylesheet" href="/static/memory.css">
<link rel="stylesheet" href="/static/settings.css">
<link rel="stylesheet" href="/static/models.css">
<link rel="stylesheet" href="/static/pictures.css">
<link rel="stylesheet" href="/static/specialists.css">
<link rel="stylesheet" href="/static/print.css" media="print">
<script src="/static/airunner.js" defer></script>
<script src="/static/chat.js" defer></script>
<script src="/static/window.js" defer></script>
<script src="/static/focus.js" defer></script>
<script src="/static/list_keys.js" defer></script>
<script src="/static/pictures.js" defer></script>
"""
_THEMES = {"light": False, "dark": True}
_THEME_COOKIE = "airunner_theme"


@dataclass(frozen=True, slots=True)
class Place:
    """One entry of the navigation; ``build`` makes the middle of the page at each of ``paths``.

    The first path is the one that the entry leads to. Entries of one ``group`` follow each other.
    """

    title: str
    icon: str
    paths: tuple[str, ...]
    build: Callable[..., Any]
    group: str = ""


def build_frame(services: Services, places: tuple[Place, ...], known: bool = True) -> None:
    """Everything of one tab; where its address is not ``known``, with a way back."""
    ui.add_head_html(_HEAD)
    ui.colors(primary="var(--brand)")
    theme = ui.context.client.request.cookies.get(_THEME_COOKIE, "")
    dark = ui.dark_mode(_THEMES.get(theme))
    # Its state is not asked for: a window that has gone would not answer.
    drawer = ui.left_drawer(value=False, bordered=False).classes("side")
    drawer.props('show-if-above width=280 breakpoint=900 role="navigation"')
    with drawer.props('aria-label="Navigation"'):
        _navigation(places)
        conversation_list(services)
    with ui.header(bordered=False).classes("top"):
        icon_button("menu", "Navigation", drawer.toggle, shortcut="menu").props("dense")
        memory_strip(services)
        icon_button("keyboard", "Keys", show_keys, shortcut="help").props("dense").classes(
            "not-for-touch"
        )
        icon_button("contrast", "Light or dark", lambda: _turn(dark)).props("dense")
    routes = {path: place.build for place in places for path in place.paths}
    DueCards(services)
    with ui.element("div").classes("middle") as middle:
        if known:
            ui.sub_pages(routes)
        else:
            _nothing_here(places[0].paths[0])
    ui.skip_link("Skip to the content", target=middle)


def _nothing_here(way_back: str) -> None:
    ui.page_title("Nothing is here · AI Runner")
    with ui.element("div").classes("empty"):
        ui.label("Nothing is at this address.").props('role="heading" aria-level="1"')
        ui.link("Go to the chat", way_back).classes("way")


def _navigation(places: tuple[Place, ...]) -> None:
    """Links only, as one element: one that the server knows costs it 5 kB in every window."""
    ui.html('<a class="brand" href="/chat">AI Runner</a>', sanitize=False)
    group, parts = "", list[str]()
    for place in places:
        if place.group != group:
            group = place.group
            parts.append(f'<div class="group">{group}</div>')
        shown = f"{icon_html(place.icon)}<div>{place.title}</div>"
        parts.append(f'<a class="place" href="{place.paths[0]}">{shown}</a>')
    ui.html("".join(parts), sanitize=False).classes("places")


def _turn(dark: ui.dark_mode) -> None:
    dark.value = not dark.value
    chosen = "dark" if dark.value else "light"
    ui.run_javascript(
        f'document.cookie = "{_THEME_COOKIE}={chosen};path=/;max-age=31536000;samesite=strict"'
    )
