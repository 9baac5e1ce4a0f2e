"""Who does what, on the page: each capability's model, its device, and whether it stays loaded."""

from __future__ import annotations

import asyncio
import html
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from nicegui import ui

from airunner.errors import AiRunnerError
from airunner.events import CatalogChanged, DownloadChanged
from airunner.models.spec import ModelCapability, short_name
from airunner.server.native.services import Services
from airunner.ui.models.model_words import CAPABILITIES
from airunner.ui.notices import tell_problem
from airunner.ui.window import on_events

_INTRO = (
    "Each piece of work has a model. Yours comes first; otherwise AI Runner takes what its "
    "registry wants, or the best that is here."
)
_PRIMARY = ModelCapability.PRIMARY_CONVERSATION
_AUTO = ""


class RolesPart:
    """See the module's description."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._shown: dict[str, Any] | None = None
        with ui.element("section").classes("roles"):
            ui.label(_INTRO).classes("intro")
            self._list = ui.element("div").props('role="list" aria-label="Who does what"')
        on_events(services.core.bus, (CatalogChanged, DownloadChanged), self.refresh)
        ui.timer(0.02, self.refresh, once=True)

    async def refresh(self) -> None:
        """Show who serves now; fields that somebody is at are left alone if nothing changed."""
        known = await self._services.stored.all()
        if self._list.is_deleted or known == self._shown:
            return
        self._shown = known
        here = {entry["model"] for entry in known["models"] if entry["here"]}
        able: dict[str, list[str]] = {}
        for entry in known["models"]:
            for capability in entry["capabilities"]:
                able.setdefault(capability, []).append(entry["model"])
        self._list.clear()
        with self._list:
            for row in known["serving"]:
                self._row(row, able.get(row["capability"], []), here)

    def _row(self, row: Mapping[str, Any], able: list[str], here: set[str]) -> None:
        capability = ModelCapability(row["capability"])
        title = CAPABILITIES[capability]
        fixed = capability is _PRIMARY and self._services.core.settings.primary is not None
        with ui.element("div").classes("role").props('role="listitem"'):
            ui.html(_facts(row, title, fixed), sanitize=False).classes("facts")
            self._model_field(capability, row, able, here, fixed)
            self._device_field(capability, row, here)
            kept = ui.switch("Keep in memory", value=row["kept"])
            kept.props["aria-label"] = f"Keep in memory: {title}"
            kept.set_enabled(row["model"] in here)
            kept.on_value_change(lambda change: self._keep(capability, bool(change.value)))

    def _model_field(
        self,
        capability: ModelCapability,
        row: Mapping[str, Any],
        able: list[str],
        here: set[str],
        fixed: bool,
    ) -> None:
        names = sorted(able, key=lambda name: (name not in here, name))
        options = {_AUTO: "AI Runner chooses"}
        options |= {n: short_name(n) + ("" if n in here else " (not here yet)") for n in names}
        field = _select(f"Model for {CAPABILITIES[capability]}", "Model", options)
        field.value = row["assigned"] if row["assigned"] in options else _AUTO
        field.set_enabled(not fixed)

        async def choose() -> None:
            chosen = {capability: field.value or None}
            await asyncio.to_thread(self._services.catalogue.assign, chosen)

        field.on_value_change(lambda: self._change(choose))

    def _device_field(
        self, capability: ModelCapability, row: Mapping[str, Any], here: set[str]
    ) -> None:
        core = self._services.core
        options = {_AUTO: "Wherever it fits best"}
        options |= {device.id: device.id for device in core.hardware.devices}
        field = _select(f"Device for {CAPABILITIES[capability]}", "Device", options)
        field.value = row["device"] if row["device"] in options else _AUTO
        field.set_enabled(row["model"] in here)

        async def choose() -> None:
            await core.assign_device(capability, field.value or None)

        field.on_value_change(lambda: self._change(choose))

    async def _keep(self, capability: ModelCapability, keep: bool) -> None:
        core = self._services.core
        others = [each for each in core.team.kept if each is not capability]

        async def choose() -> None:
            await core.keep_in_memory([*others, capability] if keep else others)

        await self._change(choose)

    async def _change(self, change: Callable[[], Awaitable[None]]) -> None:
        try:
            await change()
        except AiRunnerError as error:
            tell_problem(error)
            self._shown = None  # the fields say again what holds
        await self.refresh()


def _select(name: str, label: str, options: dict[str, str]) -> ui.select:
    field = ui.select(options, value=_AUTO, label=label).props("outlined dense options-dense")
    field.props["aria-label"] = name
    return field


def _facts(row: Mapping[str, Any], title: str, fixed: bool) -> str:
    words = f'<span class="name"><b>{html.escape(title)}</b></span>'
    if row["model"] is None:
        return f'{words}<span class="what">Nobody: no model that is here does it.</span>'
    model, wanted = short_name(row["model"]), short_name(row["wanted"] or row["model"])
    said = f"{model} does it"
    if fixed:
        said += ", as --primary says"
    elif model != wanted:
        said += f" until {wanted} is here"
    return f'{words}<span class="what">{html.escape(said)}.</span>'
