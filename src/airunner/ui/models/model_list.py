"""Every registered model on the page: what it is, whether it fits, and what can be done with it."""

from __future__ import annotations

import asyncio
import html
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from nicegui import ui

from airunner.config.byte_size import format_bytes
from airunner.errors import AiRunnerError
from airunner.events import CatalogChanged, DownloadChanged
from airunner.models.fitting import Fit
from airunner.models.spec import short_name
from airunner.server.native.services import Services
from airunner.ui.ask_first import ask_first
from airunner.ui.buttons import word_button
from airunner.ui.models.model_details import show_details
from airunner.ui.models.model_words import GATED, abilities, name_html
from airunner.ui.models.programs_models import ProgramsModels
from airunner.ui.notices import tell, tell_problem
from airunner.ui.parts import search_field
from airunner.ui.window import on_events

_INTRO = "What AI Runner knows. Those on this machine come first, then those that fit it."
_ORDER = {"fits": 0, "in_part": 1, "unknown": 2, "no": 3}
_COMING = ("queued", "running", "paused")


class ModelList:
    """See the module's description."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._rows: dict[str, _Row] = {}
        with ui.element("section"):
            ui.label(_INTRO).classes("intro")
            self._search = search_field("Search these models", self._filter)
            self._list = ui.element("div").props('role="list" aria-label="Models"')
            self._nothing = ui.label("No model has these words.").classes("intro")
            self._nothing.set_visibility(False)
        ProgramsModels(services)
        on_events(services.core.bus, (DownloadChanged, CatalogChanged), self.refresh)
        ui.timer(0.02, self.refresh, once=True)

    async def refresh(self) -> None:
        """Show them as they are."""
        services = self._services
        known = await services.stored.all()
        fits = await services.finder.fits()
        if self._list.is_deleted:
            return
        coming = {each.model for each in services.downloads.all() if each.state in _COMING}
        serves: dict[str, list[str]] = {}
        for row in known["serving"]:
            serves.setdefault(row["model"], []).append(row["capability"])
        if {entry["model"] for entry in known["models"]} != set(self._rows):
            self._list.clear()
            with self._list:
                self._rows = {
                    entry["model"]: _Row(entry, self)
                    for entry in sorted(known["models"], key=lambda e: _place(e, fits))
                }
        for entry in known["models"]:
            name = entry["model"]
            facts = _facts(entry, fits.get(name), serves.get(name, []))
            self._rows[name].show(entry, facts, name in coming)
        self._filter()

    def _filter(self) -> None:
        wanted = (self._search.value or "").lower().split()
        shown = [row.filter(wanted) for row in self._rows.values()]
        self._nothing.set_visibility(bool(shown) and not any(shown))

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
            await self.refresh()

        ask_first(f"Remove {short_name(name)}?", words, "Remove", agreed)


class _Row:
    """One model. It stays where it is while the page is open, so that nobody loses the place."""

    def __init__(self, entry: Mapping[str, Any], models: ModelList) -> None:
        name = entry["model"]
        words = f"{name} {abilities(entry['capabilities'])} {entry['license']}"
        self._searched = words.lower()
        with ui.element("div").classes("entry").props('role="listitem"') as self._whole:
            self._facts = ui.html("", sanitize=False).classes("facts")
            with ui.element("div").classes("acts"):
                self._load = _button("Load", name, models.load)
                self._verify = _button("Verify", name, models.verify)
                self._remove = _button("Remove", name, models.remove)
                self._download = _button("Download", name, models.download)
                self._coming = ui.label("On its way").classes("what")
                _button("Details", name, models.details)

    def show(self, entry: Mapping[str, Any], facts: str, coming: bool) -> None:
        here, is_file = entry["here"], bool(entry["path"])
        self._facts.set_content(facts)
        self._load.set_visibility(here)
        self._verify.set_visibility(here and is_file)
        self._remove.set_visibility(here and is_file)
        self._download.set_visibility(not here and not coming)
        self._coming.set_visibility(not here and coming)

    def filter(self, words: list[str]) -> bool:
        shown = all(word in self._searched for word in words)
        self._whole.set_visibility(shown)
        return shown


def _button(words: str, model: str, act: Callable[[str], Awaitable[None]]) -> ui.button:
    async def clicked() -> None:
        button.disable()
        try:
            await act(model)
        except AiRunnerError as error:
            tell_problem(error)
        finally:
            if not button.is_deleted:
                button.enable()

    button = word_button(words, clicked).props("dense")
    button.props["aria-label"] = f"{words} {short_name(model)}"
    return button


def _place(entry: Mapping[str, Any], fits: Mapping[str, Fit]) -> tuple[Any, ...]:
    fit = fits.get(entry["model"])
    order = _ORDER[fit.verdict] if fit else 2
    return not entry["here"], order, -entry["priority"], entry["model"]


def _facts(entry: Mapping[str, Any], fit: Fit | None, serves: list[str]) -> str:
    facts = ["here" if entry["here"] else "not here"]
    if entry["file_bytes"] is not None:
        facts[0] = f"here, {format_bytes(entry['file_bytes'])} on disk"
    facts.append(entry["license"] or "licence not stated")
    gated = "" if entry["here"] or not entry["gated"] else GATED
    if serves:
        facts.append(f"serves: {abilities(serves).lower()}")
    verdict = f'<span class="what fit {fit.verdict}">{html.escape(fit.words)}</span>' if fit else ""
    return (
        f"{name_html(entry['model'])}"
        f'<span class="what">{html.escape(abilities(entry["capabilities"]))}</span>{verdict}'
        f'<span class="what">{html.escape(" · ".join(facts))}{gated}</span>'
    )
