"""The gallery: small copies of what was drawn, the newest first, more of them as one scrolls."""

from __future__ import annotations

import asyncio
import html
from urllib.parse import quote

from nicegui import ui

from airunner.events import PictureDeleted, PictureSaved
from airunner.runtime.gallery import GalleryPicture
from airunner.server.native.services import Services
from airunner.ui.buttons import word_button
from airunner.ui.parts import search_field
from airunner.ui.pictures.start import PICTURES
from airunner.ui.window import in_order, on_events

AT_ONCE = 48
_LONGEST_ALT = 300


class GalleryGrid:
    """The gallery of one tab."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._most = AT_ONCE
        with ui.element("section").classes("gallery").props('aria-label="Gallery"'):
            with ui.element("div").classes("over"):
                self._count = ui.label("").classes("count").props('role="status"')
                self._field = search_field("Search pictures", self._search)
            self._shown = ui.html("", sanitize=False)
            self._more = word_button("Show more", self._show_more).classes("more-pictures")
            self._more.set_visibility(False)
        on_events(services.core.bus, (PictureSaved, PictureDeleted), self.refresh)
        ui.timer(0.02, self.refresh, once=True)

    @in_order
    async def refresh(self) -> None:
        """Show the gallery as it is."""
        wanted = (self._field.value or "").strip()
        page = await asyncio.to_thread(self._services.gallery.page, wanted, 0, self._most)
        if self._shown.is_deleted:
            return
        self._field.set_visibility(bool(page.total or wanted))
        self._more.set_visibility(page.total > len(page.pictures))
        words = "1 picture" if page.total == 1 else f"{page.total:,} pictures"
        self._count.set_text(words if page.total else "")
        if page.pictures:
            self._shown.set_content(f'<ul class="grid">{"".join(map(_item, page.pictures))}</ul>')
        else:
            empty = "No picture has such words." if wanted else _EMPTY
            self._shown.set_content(f'<p class="empty">{empty}</p>')

    async def _search(self) -> None:
        self._most = AT_ONCE
        await self.refresh()

    async def _show_more(self) -> None:
        self._most += AT_ONCE
        await self.refresh()


_EMPTY = "Nothing has been drawn yet. Say above what you would like to see."


def _item(picture: GalleryPicture) -> str:
    name = quote(picture.name, safe="")
    words = html.escape((picture.prompt or picture.name)[:_LONGEST_ALT])
    return (
        f'<li><a href="/pictures/{name}" title="{words}">'
        f'<img src="{PICTURES}/{name}/thumbnail?px=256" alt="{words}" loading="lazy"></a></li>'
    )
