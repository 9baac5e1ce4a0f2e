"""Models on the page that other programs have on this machine: to be used where they lie."""

from __future__ import annotations

import asyncio
import html
from collections.abc import Callable
from typing import Any

from nicegui import ui

from airunner.config.byte_size import format_bytes
from airunner.errors import AiRunnerError
from airunner.events import CatalogChanged
from airunner.server.native.services import Services
from airunner.ui.buttons import word_button
from airunner.ui.notices import tell, tell_problem
from airunner.ui.parts import heading
from airunner.ui.window import on_events

_INTRO = "Other programs have these. Once added, they are used where they lie; nothing is copied."


class ProgramsModels:
    """See the module's description; nothing is shown where there are none."""

    def __init__(self, services: Services) -> None:
        self._catalogue = services.catalogue
        with ui.element("section") as self._whole:
            heading("Already on this machine")
            ui.label(_INTRO).classes("intro")
            self._list = ui.element("div").props('role="list"')
            self._all = word_button("Add all", lambda: self._add(self._catalogue.add_found))
        self._whole.set_visibility(False)
        on_events(services.core.bus, (CatalogChanged,), self.refresh)
        ui.timer(0.02, self.refresh, once=True)

    async def refresh(self) -> None:
        """Look for them anew."""
        found = await asyncio.to_thread(self._catalogue.found)
        if self._whole.is_deleted:
            return
        new = [each for each in found if not each["added"]]
        self._whole.set_visibility(bool(new))
        self._all.set_visibility(len(new) > 1)
        self._list.clear()
        with self._list:
            for each in new:
                self._row(each)

    def _row(self, each: dict[str, Any]) -> None:
        name = each["name"]
        with ui.element("div").classes("entry").props('role="listitem"'):
            ui.html(
                f'<span class="name"><b>{html.escape(name)}</b></span>'
                f'<span class="what">{html.escape(each["program"])} ·'
                f" {format_bytes(each['n_bytes'])}</span>",
                sanitize=False,
            ).classes("facts").props["title"] = each["path"]
            with ui.element("div").classes("acts"):
                button = word_button("Add", lambda: self._add(lambda: self._catalogue.add(name)))
                button.props("dense").props["aria-label"] = f"Add {name}"

    async def _add(self, add: Callable[[], list[dict[str, Any]]]) -> None:
        try:
            added = await asyncio.to_thread(add)
        except AiRunnerError as error:
            tell_problem(error)
            return
        tell(f"{len(added)} added." if len(added) != 1 else "Added.")
        await self.refresh()
