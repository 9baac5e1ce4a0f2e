"""Every registered model on the page: what it is, whether it fits, and what can be done with it."""

from __future__ import annotations

import asyncio
import html
from collections.abc import Hashable, Mapping
from functools import partial
from typing import Any

from nicegui import ui

from airunner.config.byte_size import format_bytes
from airunner.events import CatalogChanged, DownloadChanged
from airunner.models.fitting import Fit
from airunner.models.noncommercial import licence_words
from airunner.models.spec import short_name
from airunner.server.native.services import Services
from airunner.ui.ask_first import ask_first
from airunner.ui.models.model_details import show_details
from airunner.ui.models.model_words import GATED, abilities, name_html
from airunner.ui.models.programs_models import ProgramsModels
from airunner.ui.notices import tell
from airunner.ui.parts import search_field
from airunner.ui.rows import Act, Row, Rows
from airunner.ui.window import in_order, on_events

_INTRO = "What AI Runner knows. Those on this machine come first, then those that fit it."
_ORDER = {"fits": 0, "in_part": 1, "unknown": 2, "no": 3}
_COMING = ("queued", "running", "paused")


class ModelList:
    """See the module's description."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._known: dict[str, tuple[str, Row]] = {}
        with ui.element("section"):
            ui.label(_INTRO).classes("intro")
            self._search = search_field("Search these models", self._filter)
            self._rows = Rows("entry", "Models")
            self._nothing = ui.label("No model has these words.").classes("intro")
            self._nothing.set_visibility(False)
        ProgramsModels(services)
        on_events(services.core.bus, (DownloadChanged, CatalogChanged), self.refresh)
        ui.timer(0.02, self.refresh, once=True)

    @in_order
    async def refresh(self) -> None:
        """Show them as they are."""
        services = self._services
        known = await services.stored.all()
        fits = await services.finder.fits()
        if self._search.is_deleted:
            return
        coming = {each.model for each in services.downloads.all() if each.state in _COMING}
        serves: dict[str, list[str]] = {}
        for row in known["serving"]:
            serves.setdefault(row["model"], []).append(row["capability"])
        entries = sorted(known["models"], key=lambda entry: _place(entry, fits))
        self._known = {
            entry["model"]: (
                f"{entry['model']} {abilities(entry['capabilities'])} {entry['license']}".lower(),
                self._row(entry, fits, serves.get(entry["model"], []), coming),
            )
            for entry in entries
        }
        self._filter()

    def _filter(self) -> None:
        wanted = (self._search.value or "").lower().split()
        shown: dict[Hashable, Row] = {
            name: row
            for name, (searched, row) in self._known.items()
            if all(word in searched for word in wanted)
        }
        self._rows.show(shown)
        self._nothing.set_visibility(bool(self._known) and not shown)

    def _row(
        self,
        entry: Mapping[str, Any],
        fits: Mapping[str, Fit],
        serves: list[str],
        coming: set[str],
    ) -> Row:
        name, here, is_file = entry["model"], entry["here"], bool(entry["path"])
        able = {
            "Load": (here, self.load),
            "Verify": (here and is_file, self.verify),
            "Remove": (here and is_file, self.remove),
            "Download": (not here and name not in coming, self.download),
            "Details": (True, self.details),
        }
        acts = tuple(
            Act(words, f"{words} {short_name(name)}", partial(act, name))
            for words, (is_able, act) in able.items()
            if is_able
        )
        on_its_way = not here and name in coming
        return Row(_facts(entry, fits.get(name), serves, on_its_way), acts)

    async def load(self, name: str) -> None:
        """Have a model in memory."""
        await self._services.load(name)
        tell(f"{short_name(name)} is in memory.")

    async def download(self, name: str) -> None:
        """Queue its weights."""
        self._services.downloads.add(name)

    async def verify(self, name: str) -> None:
        """Queue the check of its weights."""
        self._services.downloads.verify(name)

    async def details(self, name: str) -> None:
        """Show it in full."""
        await show_details(self._services, name)

    async def remove(self, name: str) -> None:
        """Delete its weights, after a question."""
        services = self._services
        n_bytes = await services.stored.removable_bytes(name)
        words = f"Its weights are deleted from this machine. That frees {format_bytes(n_bytes)}."
        if not n_bytes:
            words = "Its weights lie outside of AI Runner's folder and stay. Nothing is freed."
        if await asyncio.to_thread(services.catalogue.is_added, name):
            words += " You have added it, so it leaves this list as well."
        else:
            words += " It can be downloaded again."

        async def agreed() -> None:
            removal = await services.stored.remove(name)
            tell(f"{short_name(name)}: {removal.words}")

        ask_first(f"Remove {short_name(name)}?", words, "Remove", agreed)


def _place(entry: Mapping[str, Any], fits: Mapping[str, Fit]) -> tuple[Any, ...]:
    fit = fits.get(entry["model"])
    order = _ORDER[fit.verdict] if fit else 2
    return not entry["here"], order, -entry["priority"], entry["model"]


def _facts(entry: Mapping[str, Any], fit: Fit | None, serves: list[str], coming: bool) -> str:
    facts = ["here" if entry["here"] else "on its way" if coming else "not here"]
    if entry["file_bytes"] is not None:
        facts[0] = f"here, {format_bytes(entry['file_bytes'])} on disk"
    facts.append(licence_words(entry["license"]) or "licence not stated")
    gated = "" if entry["here"] or not entry["gated"] else GATED
    if serves:
        facts.append(f"serves: {abilities(serves).lower()}")
    verdict = f'<span class="what fit {fit.verdict}">{html.escape(fit.words)}</span>' if fit else ""
    return (
        f"{name_html(entry['model'])}"
        f'<span class="what">{html.escape(abilities(entry["capabilities"]))}</span>{verdict}'
        f'<span class="what">{html.escape(" · ".join(facts))}{gated}</span>'
    )
