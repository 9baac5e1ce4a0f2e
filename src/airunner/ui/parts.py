"""Pages that have parts, each at an address of its own, and what leads from one to another.

Owns their frame, and the search field over a long list.
"""

from __future__ import annotations

import html
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from nicegui import ui

from airunner.server.native.services import Services


@dataclass(frozen=True, slots=True)
class Parts:
    """A page: its ``title``, its first address, and its parts by the end of theirs.

    A part has a name and builds what is shown. The browser's title is that of the part, or
    ``window`` where that is given.
    """

    title: str
    base: str
    parts: Mapping[str, tuple[str, Callable[[Services], object]]]
    css: str = "setup"
    window: str = ""

    def show(
        self,
        services: Services,
        part: str,
        above: Callable[[Services], object] = lambda services: None,
    ) -> None:
        """The middle of the page, ``above`` over its part; what is no part is the first one."""
        here = part if part in self.parts else ""
        name, build = self.parts[here]
        ui.page_title(f"{self.window or name} · AI Runner")
        with ui.element("div").classes(f"sheet {self.css}"):
            heading(self.title, 1)
            names = {key: words for key, (words, _) in self.parts.items()}
            _part_links(self.window or self.title, self.base, names, here)
            above(services)
            build(services)


def _part_links(words: str, base: str, parts: Mapping[str, str], here: str) -> None:
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
