"""The parts of one page, each at an address of its own: what leads from one to another.

Owns their look, and the search field over a long list.
"""

from __future__ import annotations

import html
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from nicegui import ui


def part_links(words: str, base: str, parts: Mapping[str, str], here: str) -> None:
    """Links to ``parts``, by the end of their address; ``here`` is the one that is shown."""
    links = "".join(
        f'<a href="{base}{"/" if part else ""}{part}"'
        f"{_CURRENT if part == here else ''}>{html.escape(title)}</a>"
        for part, title in parts.items()
    )
    nav = ui.html(links, sanitize=False, tag="nav").classes("parts")
    nav.props["aria-label"] = words


_CURRENT = ' aria-current="page"'


def search_field(words: str, changed: Callable[[], Awaitable[None] | Any]) -> ui.input:
    """A field whose value is searched for; ``changed`` is called soon after typing."""
    field = ui.input(placeholder=words).props("dense borderless clearable debounce=200")
    field.props('type="search"').props["aria-label"] = words
    field.on_value_change(changed)
    return field.classes("search")


def heading(words: str, level: int = 2) -> None:
    """A heading of a page."""
    ui.html(html.escape(words), sanitize=False, tag=f"h{level}")
