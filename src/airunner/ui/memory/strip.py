"""The strip above every page: who is in memory, and how much of the budget that is."""

from __future__ import annotations

import html

from nicegui import ui

from airunner.events import Decided, ModelLoaded, ModelParked, ModelReleased, ModelRestored
from airunner.resources.status import Status
from airunner.server.native.services import Services
from airunner.ui.window import on_events

_CHANGES = (Decided, ModelLoaded, ModelParked, ModelReleased, ModelRestored)
_GIB = 2**30


def memory_strip(services: Services) -> None:
    """The strip of one tab."""
    shown = ui.html("", sanitize=False).classes("strip")

    async def refresh() -> None:
        shown.set_content(_as_html(await services.core.status()))

    on_events(services.core.bus, _CHANGES, refresh)
    ui.timer(0.05, refresh, once=True)


def _as_html(status: Status) -> str:
    rows = []
    for device in status.devices:
        inside = [m for m in status.models if m.device == device.device and m.held_bytes]
        bars = "".join(
            f'<span class="held {html.escape(m.state)}"'
            f' style="flex-basis:{100 * m.held_bytes / max(1, device.budget_bytes):.1f}%">'
            f"{html.escape(m.model.rpartition('/')[2])}</span>"
            for m in inside
        )
        held, budget = device.held_bytes / _GIB, device.budget_bytes / _GIB
        words = f"{device.device}: {held:.1f} of {budget:.1f} GiB"
        rows.append(
            f'<div class="device" role="img" aria-label="{words}">'
            f'<span class="words">{words}</span><span class="bars">{bars}</span></div>'
        )
    return "".join(rows)
