"""The strip above every page: who is in memory, who is parked, who waits, bytes of the budget."""

from __future__ import annotations

import html

from nicegui import ui

from airunner.config.byte_size import format_bytes
from airunner.durations import about_seconds
from airunner.events import (
    Decided,
    ModelLoaded,
    ModelLoadFailed,
    ModelParked,
    ModelReleased,
    ModelRestored,
    WorkerDied,
)
from airunner.models.spec import short_name
from airunner.resources.status import DeviceStatus, ModelStatus, Status
from airunner.server.native.services import Services
from airunner.ui.memory.colours import colours
from airunner.ui.window import on_events

MEMORY_EVENTS = (
    *(Decided, ModelLoaded, ModelLoadFailed, ModelParked, ModelReleased, ModelRestored),
    WorkerDied,
)
STATES = {
    "cold": "not in memory",
    "loading": "loading",
    "ready": "ready",
    "busy": "working",
    "parking": "parking",
    "parked": "parked",
    "failed": "failed",
}


def memory_strip(services: Services) -> None:
    """The strip of one tab; it leads to the page about memory."""
    shown = ui.html("", sanitize=False, tag="a").props("href=/memory").classes("strip")

    def refresh() -> None:
        status = services.core.manager.status()
        shown.set_content(_as_html(status))
        shown.props(f'aria-label="{_in_words(status)}"')

    on_events(services.core.bus, MEMORY_EVENTS, refresh, together_s=0.15)
    refresh()


def bars(device: DeviceStatus, status: Status) -> str:
    """A device's budget as a bar, with a piece for each model that holds some of it."""
    known = colours(status)
    pieces = "".join(
        f'<span class="held {known[m.model]} {html.escape(m.state)}"'
        f' style="width:{100 * m.held_bytes / max(1, device.budget_bytes):.2f}%"'
        f' title="{html.escape(short_name(m.model))}: {format_bytes(m.held_bytes)}"></span>'
        for m in status.models
        if m.device == device.device and m.held_bytes
    )
    return f'<span class="bars">{pieces}</span>'


def _as_html(status: Status) -> str:
    devices = "".join(
        f'<span class="device"><span class="words">{html.escape(device.device)}'
        f" {format_bytes(device.held_bytes)} of {format_bytes(device.budget_bytes)}</span>"
        f"{bars(device, status)}</span>"
        for device in status.devices
    )
    known = colours(status)
    chips = "".join(_chip(model, known[model.model]) for model in status.models)
    waits = "".join(
        f'<span class="chip waits">{_name(each.model)}'
        f" <i>waits, about {about_seconds(each.eta_s)}</i></span>"
        for each in status.waiting[:2]
    )
    more = len(status.waiting) - 2
    rest = f'<span class="chip waits">and {more} more</span>' if more > 0 else ""
    return f'{devices}<span class="chips">{waits}{rest}{chips}</span>'


def _chip(model: ModelStatus, colour: str) -> str:
    if not model.held_bytes and not model.parked_tokens:
        return ""
    name = _name(model.model)
    what = STATES.get(model.state, model.state)
    if not model.held_bytes:
        return f'<span class="chip parked {colour}">{name} <i>{_tokens(model)} parked</i></span>'
    return f'<span class="chip {html.escape(model.state)} {colour}">{name} <i>{what}</i></span>'


def _name(model: str) -> str:
    name = html.escape(short_name(model))
    return f'<span class="name" title="{name}">{name}</span>'


def _tokens(model: ModelStatus) -> str:
    return f"{model.parked_tokens:,} tokens"


def _in_words(status: Status) -> str:
    held = [
        f"{short_name(m.model)} {STATES.get(m.state, m.state)}"
        for m in status.models
        if m.held_bytes
    ]
    waiting = f", {len(status.waiting)} waiting" if status.waiting else ""
    return html.escape(f"Memory: {', '.join(held) or 'empty'}{waiting}")
