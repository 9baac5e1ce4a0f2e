"""The queue of drawings: the one that is drawn, with its last preview, and those that wait.

Owns what is seen of it in one tab. A drawing that is done is in the gallery.
"""

from __future__ import annotations

import asyncio
import base64
import html
from dataclasses import dataclass

from nicegui import ui

from airunner.errors import AiRunnerError
from airunner.events import DrawingChanged, ImageStepped
from airunner.runtime.drawings import Drawing
from airunner.server.native.services import Services
from airunner.ui.buttons import icon_button
from airunner.ui.notices import tell_problem
from airunner.ui.page_words import page_html
from airunner.ui.pictures.paint_dialog import paint_over
from airunner.ui.pictures.start import able_options, start_named
from airunner.ui.window import on_events

_SHOWN = ("queued", "running", "failed")


@dataclass(slots=True)
class _Row:
    box: ui.element
    preview: ui.html
    words: ui.html
    sooner: ui.button
    again: ui.button
    change: ui.button
    previews: int = 0


class DrawingQueue:
    """The queue as one tab shows it."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._rows: dict[str, _Row] = {}
        self._box = ui.element("section").classes("drawing-queue").props('aria-label="Drawings"')
        self._status = ui.label("").classes("unseen").props('role="status"')
        on_events(services.core.bus, (DrawingChanged, ImageStepped), self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show the queue as it is."""
        if self._box.is_deleted:
            return
        drawings = [each for each in self._services.drawings.all() if each.state in _SHOWN]
        for id in self._rows.keys() - {each.id for each in drawings}:
            self._rows.pop(id).box.delete()
            self._status.set_text("A drawing has ended")
        for place, drawing in enumerate(drawings):
            if drawing.id not in self._rows:
                with self._box:
                    self._rows[drawing.id] = self._row(drawing)
            row = self._rows[drawing.id]
            if self._box.default_slot.children.index(row.box) != place:
                row.box.move(target_index=place)
            self._show(row, drawing)

    def _row(self, drawing: Drawing) -> _Row:
        prompt = drawing.request.prompt
        with ui.element("div").classes("drawing") as box:
            preview = ui.html('<span class="blank"></span>', sanitize=False).classes("preview")
            words = ui.html("", sanitize=False).classes("words")
            with ui.element("div").classes("acts"):
                sooner = icon_button(
                    "arrow_upward", f"Draw next: {prompt}", lambda: self._next(drawing.id)
                )
                again = icon_button(
                    "refresh", f"Draw again: {prompt}", lambda: self._next(drawing.id)
                )
                change = icon_button(
                    "brush", f"Change what is painted: {prompt}", lambda: self._change(drawing.id)
                )
                icon_button("close", f"Cancel: {prompt}", lambda: self._end(drawing.id))
        return _Row(box, preview, words, sooner, again, change)

    def _show(self, row: _Row, drawing: Drawing) -> None:
        row.words.set_content(_in_words(drawing))
        row.sooner.set_visibility((drawing.place or 0) > 1)
        failed = drawing.state == "failed"
        row.again.set_visibility(failed)
        painted = self._services.orders.painted_over(drawing.id)
        row.change.set_visibility(failed and painted is not None)
        if drawing.previews == row.previews:
            return
        row.previews = drawing.previews
        try:
            png = self._services.drawings.preview(drawing.id)
        except AiRunnerError:  # it has ended meanwhile
            return
        source = f"data:image/png;base64,{base64.b64encode(png).decode()}"
        row.preview.set_content(f'<img src="{source}" alt="How it looks by now">')

    def _next(self, id: str) -> None:
        try:
            self._services.drawings.move(id, 1)
        except AiRunnerError:
            self.refresh()

    async def _change(self, id: str) -> None:
        orders = self._services.orders
        painted = orders.painted_over(id)
        if painted is None:
            return
        try:
            drawing = self._services.drawings.find(id)
            start = await asyncio.to_thread(start_named, self._services, painted.picture)
        except AiRunnerError as error:
            tell_problem(error)
            return
        options = able_options(await asyncio.to_thread(orders.painters))
        paint_over(self._services, start, drawing.request.prompt, options, drawing.model, id)

    def _end(self, id: str) -> None:
        try:
            self._services.drawings.cancel(id)
        except AiRunnerError:  # somebody else did
            self.refresh()


def _in_words(drawing: Drawing) -> str:
    prompt = html.escape(drawing.request.prompt)
    shown = f'<span class="name" title="{prompt}">{prompt}</span>'
    if drawing.state == "failed":
        return f'{shown}<span class="wrong">{page_html(drawing.problem)}</span>'
    if drawing.state == "queued":
        place = "Next" if drawing.place == 1 else f"Number {drawing.place} of those that wait"
        return f'{shown}<span class="what">{place}</span>'
    if not drawing.steps:
        return f'{shown}<span class="what">Getting the model ready…</span>'
    share = 100 * drawing.step // drawing.steps
    return (
        f'{shown}<span class="what">Step {drawing.step} of {drawing.steps}</span>'
        f'<span class="progress" role="progressbar" aria-label="Drawn so far"'
        f' aria-valuenow="{share}" aria-valuemin="0" aria-valuemax="100">'
        f'<span style="width:{share}%"></span></span>'
    )
