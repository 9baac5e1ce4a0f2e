"""Who does what, on the page: each capability's model, its device, and whether it stays loaded."""

from __future__ import annotations

import asyncio
import html
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from nicegui import ui
from nicegui.elements.mixins.value_element import ValueElement
from nicegui.events import ValueChangeEventArguments

from airunner.errors import AiRunnerError
from airunner.events import CatalogChanged, DownloadChanged, SetupChanged
from airunner.models.spec import ModelCapability, short_name
from airunner.server.native.services import Services
from airunner.ui.models.model_words import CAPABILITIES
from airunner.ui.notices import tell, tell_problem
from airunner.ui.window import in_order, on_events

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
        with ui.element("section").classes("roles"):
            ui.label(_INTRO).classes("intro")
            self._list = ui.element("div").props('role="list" aria-label="Who does what"')
            with self._list:
                self._roles = {capability: _Role(capability, self) for capability in CAPABILITIES}
        on_events(services.core.bus, (CatalogChanged, DownloadChanged, SetupChanged), self.refresh)
        ui.timer(0.02, self.refresh, once=True)

    @in_order
    async def refresh(self) -> None:
        """Show who serves now."""
        known = await self._services.stored.all()
        instead = await asyncio.to_thread(self._instead)
        if self._list.is_deleted:
            return
        here = {entry["model"] for entry in known["models"] if entry["here"]}
        able: dict[str, list[str]] = {}
        for entry in known["models"]:
            for capability in entry["capabilities"]:
                able.setdefault(capability, []).append(entry["model"])
        devices = [device.id for device in self._services.core.hardware.devices]
        primary = self._services.core.settings.primary
        for row in known["serving"]:
            capability = ModelCapability(row["capability"])
            fixed = capability is _PRIMARY and primary is not None
            names = sorted(able.get(capability, []), key=lambda name: (name not in here, name))
            row |= instead.get(capability, {})
            self._roles[capability].show(row, names, here, devices, fixed)

    def _instead(self) -> dict[ModelCapability, dict[str, str]]:
        """What this machine's plan has instead of what is mapped, which may not fit it."""
        wanted = {}
        for capability in CAPABILITIES:
            with suppress(AiRunnerError):  # nobody serves it, which is told
                found = self._services.core.advise(capability)
                wanted[capability] = {"wanted": found.wanted.model_path}
        return wanted

    async def choose_model(self, capability: ModelCapability, model: str | None) -> None:
        """Have a model serve a capability."""
        chosen = {capability: model}
        await self._change(asyncio.to_thread(self._services.catalogue.assign, chosen))

    async def choose_device(self, capability: ModelCapability, device: str | None) -> None:
        """Place a capability's model on a device."""
        await self._change(self._services.placements.place(capability, device))

    async def keep(self, capability: ModelCapability, keep: bool) -> None:
        """Keep a capability's model in memory, or do so no longer."""
        others = [each for each in self._services.core.team.kept if each is not capability]
        kept = [*others, capability] if keep else others
        await self._change(self._services.placements.keep(kept))

    async def _change(self, change: Awaitable[str | None]) -> None:
        try:
            if overriding := await change:
                tell(f"This holds until the server ends: after that, the {overriding} decides.")
        except AiRunnerError as error:
            tell_problem(error)
        await self.refresh()  # the fields say what holds, whatever was wanted


class _Role:
    """One capability: its fields change where they are, so that nobody loses the place."""

    def __init__(self, capability: ModelCapability, part: RolesPart) -> None:
        self._title, self._showing = CAPABILITIES[capability], False
        with ui.element("div").classes("role").props('role="listitem"'):
            self._facts = ui.html("", sanitize=False).classes("facts")
            self._model = _select(f"Model for {self._title}", "Model")
            self._device = _select(f"Device for {self._title}", "Device")
            self._kept = ui.switch("Keep in memory")
            self._kept.props["aria-label"] = f"Keep in memory: {self._title}"
        fields: tuple[tuple[ValueElement[Any], Callable[[Any], Awaitable[None]]], ...] = (
            (self._model, lambda value: part.choose_model(capability, value or None)),
            (self._device, lambda value: part.choose_device(capability, value or None)),
            (self._kept, lambda value: part.keep(capability, bool(value))),
        )
        for field, act in fields:
            field.on_value_change(partial(self._changed, act))

    def show(
        self,
        row: Mapping[str, Any],
        names: list[str],
        here: set[str],
        devices: list[str],
        fixed: bool,
    ) -> None:
        at_hand = row["model"] in here
        models = {n: short_name(n) + ("" if n in here else " (not here yet)") for n in names}
        self._showing = True
        try:
            self._facts.set_content(_facts(row, self._title, fixed))
            _offer(self._model, "AI Runner chooses", models, row["assigned"])
            _offer(self._device, "Wherever it fits best", {d: d for d in devices}, row["device"])
            self._kept.set_value(row["kept"])
        finally:
            self._showing = False
        self._model.set_enabled(not fixed)
        self._device.set_enabled(at_hand)
        self._kept.set_enabled(at_hand)

    def _changed(
        self, act: Callable[[Any], Awaitable[None]], change: ValueChangeEventArguments[Any]
    ) -> Awaitable[None] | None:
        """What a person has changed is done; what is merely shown anew is not."""
        return None if self._showing else act(change.value)


def _select(name: str, label: str) -> ui.select:
    field = ui.select({_AUTO: ""}, value=_AUTO, label=label)
    field.props("outlined dense options-dense").props["aria-label"] = name
    return field


def _offer(field: ui.select, usual: str, choices: Mapping[str, str], chosen: str | None) -> None:
    options = {_AUTO: usual, **choices}
    value = chosen if chosen in options else _AUTO
    if (field.options, field.value) != (options, value):
        field.set_options(options, value=value)


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
