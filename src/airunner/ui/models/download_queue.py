"""The queue of downloads on the page: how far each is, and what can be done with it.

Owns the look. The queue itself lives in the server, so a window that is loaded anew shows it
as it is.
"""

from __future__ import annotations

import html
from collections.abc import Callable
from functools import partial

from nicegui import ui

from airunner.config.byte_size import format_bytes
from airunner.durations import about_seconds
from airunner.errors import AiRunnerError
from airunner.events import DownloadChanged, DownloadProgressed
from airunner.models.spec import short_name
from airunner.server.native.services import Services
from airunner.ui.ask_first import ask_first
from airunner.ui.models.model_words import name_html
from airunner.ui.notices import tell_problem
from airunner.ui.page_words import page_html
from airunner.ui.parts import heading
from airunner.ui.rows import Act, Row, Rows
from airunner.ui.window import on_events
from airunner.weights.download import Download

_MOVES_S = 0.5
_STEPS = {"download": "", "verify": "checking what has come"}
_STATES = {"paused": "Paused", "done": "Done", "failed": "Failed", "cancelled": "Cancelled"}


class DownloadQueue:
    """The queue in one tab; nothing is shown while it is empty."""

    def __init__(self, services: Services) -> None:
        self._downloads = services.downloads
        with ui.element("section").classes("queue") as self._whole:
            heading("Downloads")
            self._rows = Rows("entry")
        bus = services.core.bus
        on_events(bus, (DownloadChanged, DownloadProgressed), self.refresh, together_s=_MOVES_S)
        self.refresh()

    def refresh(self) -> None:
        """Show the queue as it is."""
        if self._whole.is_deleted:
            return
        shown = [
            each for each in self._downloads.all() if each.state != "cancelled" or each.problem
        ]
        self._rows.show({each.model: self._row(each) for each in shown})
        self._whole.set_visibility(bool(shown))

    def _row(self, each: Download) -> Row:
        waits, state = (each.place or 1) > 1, each.state
        able = (
            (state == "queued" and waits, "Earlier", "arrow_upward", self.earlier),
            (state in ("queued", "running"), "Pause", "pause", self.pause),
            (state == "paused", "Resume", "play_arrow", self.resume),
            (state == "failed", "Retry", "refresh", self.resume),
            (state not in ("done", "cancelled"), "Cancel", "close", self.cancel),
            (state in ("done", "cancelled"), "Clear", "check", self.cancel),
        )
        name = short_name(each.model)
        acts = tuple(
            Act(words, f"{words}: {name}", partial(act, each.model), icon)
            for is_able, words, icon, act in able
            if is_able
        )
        return Row(_as_html(each), acts)

    def act(self, change: Callable[[], Download]) -> None:
        """Do something with a download, and show what has become of it."""
        try:
            change()
        except AiRunnerError as error:
            tell_problem(error)
        self.refresh()

    def pause(self, model: str) -> None:
        """Stop one, and keep what has come."""
        self.act(lambda: self._downloads.pause(model))

    def resume(self, model: str) -> None:
        """Go on with one, or try it again."""
        self.act(lambda: self._downloads.resume(model))

    def earlier(self, model: str) -> None:
        """Have one begin before the one that waits before it."""

        def move() -> Download:
            place = self._downloads.find(model).place or 1
            return self._downloads.move(model, max(1, place - 1))

        self.act(move)

    def cancel(self, model: str) -> None:
        """Break one off, after a question if something has come; or forget one that has ended."""
        try:
            found = self._downloads.find(model)
        except AiRunnerError:
            self.refresh()
            return
        if found.state == "done" or found.task == "verify" or not found.done_bytes:
            self.act(lambda: self._downloads.cancel(model))
            return

        async def agreed() -> None:
            self.act(lambda: self._downloads.cancel(model))

        ask_first(
            f"Cancel the download of {short_name(model)}?",
            f"{format_bytes(found.done_bytes)} have come, which are deleted then.",
            "Cancel it",
            agreed,
            no="Keep it",
        )


def _as_html(each: Download) -> str:
    bar = ""
    if each.state in ("running", "paused") and each.total_bytes:
        percent = 100 * each.done_bytes / max(1, each.total_bytes)
        name = html.escape(short_name(each.model))
        bar = (
            f'<span class="progress {each.state}" role="progressbar" aria-label="{name}"'
            f' aria-valuemin="0" aria-valuemax="100" aria-valuenow="{percent:.0f}">'
            f'<span style="width:{percent:.1f}%"></span></span>'
        )
    problem = f'<span class="wrong">{page_html(each.problem)}</span>' if each.problem else ""
    detail = ""
    if each.detail and each.detail not in each.problem:
        detail = f"<details><summary>Details</summary>{html.escape(each.detail)}</details>"
    words = f'<span class="what">{html.escape(_in_words(each))}</span>'
    return f"{name_html(each.model)}{bar}{words}{problem}{detail}"


def _in_words(each: Download) -> str:
    if each.state == "queued":
        return "Next" if each.place == 1 else f"Waits, number {each.place}"
    parts = [_STATES.get(each.state, "")]
    if each.state == "running":
        parts = [_STEPS.get(each.step, each.step)]
        if each.task == "verify":
            parts = ["Checking the files"]
    if each.state == "done":
        parts.append(each.words or format_bytes(each.done_bytes) if each.done_bytes else each.words)
    elif each.total_bytes:
        parts.append(f"{format_bytes(each.done_bytes)} of {format_bytes(each.total_bytes)}")
    elif each.done_bytes:
        parts.append(format_bytes(each.done_bytes))
    if each.bytes_per_s:
        parts.append(f"{format_bytes(round(each.bytes_per_s))}/s")
    if each.left_s is not None:
        parts.append(f"{about_seconds(each.left_s)} left")
    return " · ".join(filter(None, parts)) or "Begins"
