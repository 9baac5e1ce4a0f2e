"""The page about memory: the last minutes, every model, who waits, and why it is so."""

from __future__ import annotations

import html
import time
from collections.abc import Hashable, Mapping, Sequence
from functools import partial
from typing import Any

from nicegui import ui

from airunner.config.byte_size import format_bytes
from airunner.durations import about_seconds
from airunner.models.spec import short_name
from airunner.resources.status import ModelStatus, Status
from airunner.server.native.services import Services
from airunner.ui.memory.colours import colours
from airunner.ui.memory.decisions import decision_html, decisions_html
from airunner.ui.memory.strip import MEMORY_EVENTS, STATES, bars
from airunner.ui.memory.timeline import drawn_since, timeline_svg
from airunner.ui.rows import Act, Row, Rows
from airunner.ui.window import on_events

SHOWN_DECISIONS = 40
MOVES_EVERY_S = 5.0
"""How often the timeline moves on while nothing happens."""

_IDLE = "Nothing has been in memory yet. Say something in the chat, and watch what happens here."


class Memory:
    """The page of one tab."""

    def __init__(self, services: Services) -> None:
        self._services = services
        ui.page_title("Memory · AI Runner")
        with ui.element("div").classes("sheet memory"):
            ui.html("Memory", sanitize=False, tag="h1")
            self._picture = ui.html("", sanitize=False)
            self._waiting = ui.html("", sanitize=False)
            self._models = Rows("model", "Models")
            ui.html("Decisions", sanitize=False, tag="h2")
            self._decisions = ui.html("", sanitize=False)
        on_events(services.core.bus, MEMORY_EVENTS, self.refresh)
        ui.timer(MOVES_EVERY_S, self.move)
        ui.timer(0.02, self.refresh, once=True)

    async def refresh(self) -> None:
        """Show the memory as it is."""
        if self._picture.is_deleted:
            return
        status = await self._services.core.status()
        self._draw(status)
        self._waiting.set_content(_waiting(status))
        decided = self._services.events.decisions(SHOWN_DECISIONS)
        self._decisions.set_content(decisions_html(decided) or f'<p class="empty">{_IDLE}</p>')
        self._list(status, decided)

    def move(self) -> None:
        """Let the timeline move on."""
        self._draw(self._services.core.manager.status())

    def _draw(self, status: Status) -> None:
        now_s = time.time()
        samples, known = self._services.timeline.samples(), colours(status)
        since_s = drawn_since(samples, now_s)
        parts = []
        for device in status.devices:
            held, budget = format_bytes(device.held_bytes), format_bytes(device.budget_bytes)
            lost = format_bytes(device.lost_bytes)
            lost = f", {lost} not given back" if device.lost_bytes else ""
            picture = timeline_svg(device.device, samples, since_s, now_s, known)
            parts.append(
                f"<section><h2>{html.escape(device.device)} <small>{held} of {budget} held"
                f"{lost}</small></h2>{bars(device, status)}{picture}</section>"
            )
        self._picture.set_content("".join(parts))

    def _list(self, status: Status, decided: Sequence[Mapping[str, Any]]) -> None:
        known = colours(status)
        rows: dict[Hashable, Row] = {}
        for model in status.models:
            name, short = model.model, short_name(model.model)
            why = [each for each in decided if each["model"] == name][-3:]
            acts = []
            if not model.held_bytes and model.state != "loading":
                acts.append(Act("Load", f"Load {short}", partial(self._services.load, name)))
            if model.state == "ready" and not model.pinned:
                acts.append(Act("Let go", f"Let go {short}", partial(self._services.let_go, name)))
            rows[name] = Row(_model(model, known[name], why), tuple(acts))
        self._models.show(rows)


def _model(model: ModelStatus, colour: str, why: Sequence[Mapping[str, Any]]) -> str:
    facts = [STATES.get(model.state, model.state)]
    if model.held_bytes:
        facts.append(f"{format_bytes(model.held_bytes)} on {model.device}")
        if model.measured_bytes is not None:
            facts.append(f"measured {format_bytes(model.measured_bytes)}")
    if model.parked_tokens:
        facts.append(
            f"{model.parked_tokens:,} tokens of {model.parked_conversations} conversations parked"
            f" ({format_bytes(model.parked_bytes)})"
        )
    if model.leases:
        facts.append("in use")
    if model.pinned:
        facts.append("kept in memory")
    lines = "".join(f"<li>{decision_html(each)}</li>" for each in reversed(why))
    reasons = f"<details><summary>Why?</summary><ul>{lines}</ul></details>" if lines else ""
    return (
        f'<span class="dot {colour}" aria-hidden="true"></span>'
        f'<b title="{html.escape(model.model)}">{html.escape(short_name(model.model))}</b>'
        f'<span class="what">{html.escape(", ".join(facts))}</span>{reasons}'
    )


def _waiting(status: Status) -> str:
    lines = "".join(
        f"<li><b>{html.escape(short_name(each.model))}</b> is number {each.place},"
        f" about {about_seconds(each.eta_s)}: {html.escape(each.reason)}</li>"
        for each in status.waiting
    )
    return f'<h2>Waiting</h2><ol class="waiting">{lines}</ol>' if lines else ""


def show_memory(services: Services) -> None:
    """The middle of the page."""
    Memory(services)
