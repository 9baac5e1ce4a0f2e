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
from airunner.ui.rows import Act, Row, Rows
from airunner.ui.window import in_order, on_events

_INTRO = "Other programs have these. Once added, they are used where they lie; nothing is copied."


class ProgramsModels:
    """See the module's description; nothing is shown where there are none."""

    def __init__(self, services: Services) -> None:
        self._catalogue = services.catalogue
        with ui.element("section") as self._whole:
            heading("Already on this machine")
            ui.label(_INTRO).classes("intro")
            self._rows = Rows("entry")
            self._all = word_button("Add all", lambda: self._add(self._catalogue.add_found))
        self._whole.set_visibility(False)
        on_events(services.core.bus, (CatalogChanged,), self.refresh)
        ui.timer(0.02, self.refresh, once=True)

    @in_order
    async def refresh(self) -> None:
        """Look for them anew."""
        found = await asyncio.to_thread(self._catalogue.found)
        if self._whole.is_deleted:
            return
        new = [each for each in found if not each["added"]]
        self._whole.set_visibility(bool(new))
        self._all.set_visibility(len(new) > 1)
        self._rows.show({each["name"]: self._row(each) for each in new})

    def _row(self, each: dict[str, Any]) -> Row:
        name, program = each["name"], html.escape(each["program"])
        return Row(
            f'<span class="name" title="{html.escape(each["path"])}"><b>{html.escape(name)}</b>'
            f'</span><span class="what">{program} · {format_bytes(each["n_bytes"])}</span>',
            (Act("Add", f"Add {name}", lambda: self._add(lambda: self._catalogue.add(name))),),
        )

    async def _add(self, add: Callable[[], list[dict[str, Any]]]) -> None:
        try:
            added = await asyncio.to_thread(add)
        except AiRunnerError as error:
            tell_problem(error)
            return
        tell(f"{len(added)} added." if len(added) != 1 else "Added.")
