"""The version, and the licences of what is installed and of the registered models."""

from __future__ import annotations

import asyncio
import html
from collections.abc import Sequence

from nicegui import ui

from airunner.runtime.licences import Licensed, about
from airunner.server.native.services import Services
from airunner.ui.parts import heading, search_field


class About:
    """The part of one tab."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._models: Sequence[Licensed] = ()
        self._packages: Sequence[Licensed] = ()
        self._head = ui.html("", sanitize=False).classes("about")
        heading("Licences")
        self._field = search_field("Search packages, models and licences", self._show)
        self._shown = ui.html("", sanitize=False).classes("subjects")
        ui.timer(0.02, self.refresh, once=True)

    async def refresh(self) -> None:
        """Read what is installed."""
        found = await asyncio.to_thread(about)
        if self._shown.is_deleted:
            return
        self._models, self._packages = found["models"], found["packages"]
        home = html.escape(str(self._services.core.settings.home))
        self._head.set_content(
            f"<p><b>AI Runner {html.escape(found['version'])}</b>, licence {found['licence']}.</p>"
            f"<p>Everything of yours is in {home}. This page loads nothing from elsewhere.</p>"
        )
        self._show()

    def _show(self) -> None:
        wanted = (self._field.value or "").casefold()

        def section(title: str, rows: Sequence[Licensed]) -> str:
            lines = "".join(
                f'<div class="line"><span class="name">{html.escape(each.name)}'
                f" {html.escape(each.version)}</span><span>{html.escape(each.licence)}</span></div>"
                for each in rows
                if wanted in f"{each.name} {each.licence}".casefold()
            )
            return f"<section><h3>{title}</h3>{lines}</section>" if lines else ""

        shown = section("Models", self._models) + section("Packages", self._packages)
        self._shown.set_content(shown or '<p class="hint">Nothing has such words.</p>')
