"""What is to be drawn: the words, and on demand everything else that a drawing may say.

Owns the form and the picture that a drawing starts from. The order is the server's.
"""

from __future__ import annotations

import asyncio
import html
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from nicegui import events, ui

from airunner.engines.image import ImageRequest
from airunner.errors import AiRunnerError
from airunner.events import CatalogChanged, DownloadChanged
from airunner.media import MOST_BYTES
from airunner.models.spec import short_name
from airunner.runtime.drawing_orders import MOST_SIDE_PX, MOST_STEPS
from airunner.runtime.image_models import DRAWING
from airunner.server.native.services import Services
from airunner.ui.buttons import icon_button, word_button
from airunner.ui.notices import tell_problem
from airunner.ui.page_words import page_html
from airunner.ui.pictures.paint_dialog import paint_over
from airunner.ui.pictures.start import (
    NOBODY_DRAWS,
    NOBODY_PAINTS,
    ONLY_OTHERS_DRAW,
    STARTS,
    STRENGTH_HINT,
    USUAL_STRENGTH,
    Start,
    able_options,
    model_field,
    model_options,
)
from airunner.ui.serving import serving_in_words
from airunner.ui.upload_field import UploadField
from airunner.ui.window import in_order, on_events

MOST_AT_ONCE = 8
_SENDS = """(e) => {
  if (e.shiftKey || e.isComposing) return;
  e.preventDefault();
  emit(e.target.value);
}"""


class DrawingForm:
    """The form of one tab."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._start: Start | None = None
        self._painters: list[str] = []
        with ui.element("div").classes("drawing-form"):
            self._prompt = ui.textarea(placeholder="What shall be drawn?")
            self._prompt.props('borderless autogrow rows="1"').classes("prompt")
            self._prompt.props["aria-label"] = "What to draw"
            self._prompt.on("keydown.enter", self._typed, js_handler=_SENDS)
            self._build_start()
            self._build_more()
            self._build_foot()
        self._hint = ui.html("", sanitize=False).classes("hint")
        on_events(services.core.bus, (CatalogChanged, DownloadChanged), self._look)
        ui.timer(0.02, self._look, once=True)

    def _build_start(self) -> None:
        self._start_row = ui.element("div").classes("start-row")
        with self._start_row:
            self._shown = ui.html("", sanitize=False).classes("start-shown")
            with ui.element("div").classes("strength"):
                ui.label("How far from the picture").props("aria-hidden=true")
                self._strength = ui.slider(min=0.05, max=1, step=0.05, value=USUAL_STRENGTH)
                self._strength.props('label aria-label="How far from the picture"')
                self._strength.tooltip(STRENGTH_HINT)
            self._paint_button = word_button("Paint over…", self._paint)
            icon_button("close", "Start from nothing", lambda: self._begin_with(None))
        self._nobody = ui.html(page_html(NOBODY_PAINTS), sanitize=False).classes("hint no-painter")
        self._begin_with(None)

    def _build_more(self) -> None:
        with ui.element("details").classes("more"):
            with ui.element("summary"):
                ui.label("More choices")
            with ui.element("div").classes("choices"):
                self._negative = ui.input("Not in the picture").props("outlined dense")
                self._negative.classes("whole")
                self._width = _number("Width, pixels", 8, MOST_SIDE_PX)
                self._height = _number("Height, pixels", 8, MOST_SIDE_PX)
                self._steps = _number("Steps", 1, MOST_STEPS)
                self._seed = _number("Seed", 0, 2**53)
                self._count = _number("How many", 1, MOST_AT_ONCE)
                self._model = model_field(model_options([]), None)
            ui.label("What is left empty is as the model likes it best.").classes("hint")

    def _build_foot(self) -> None:
        field = UploadField(
            "start-picture",
            STARTS,
            self._handed_over,
            label="A picture to start from",
            most_bytes=MOST_BYTES,
            attributes='accept="image/*"',
        )
        with ui.element("div").classes("foot"):
            button = word_button("Start from a picture…")
            button.on("click", js_handler=field.opens)
            word_button("Draw", self._draw, main=True)

    @in_order
    async def _look(self) -> None:
        """Show who draws now."""
        names = await asyncio.to_thread(self._services.orders.drawers)
        self._painters = await asyncio.to_thread(self._services.orders.painters)
        if not self._hint.is_deleted:
            self._begin_with(self._start)
        try:
            resolution = await asyncio.to_thread(self._services.core.advise, DRAWING)
        except AiRunnerError as error:
            if not self._hint.is_deleted:
                self._hint.set_content(page_html(error))
            return
        if self._hint.is_deleted:
            return
        usual = short_name(resolution.spec.model_path)
        chosen = self._model.value if self._model.value in names else next(iter(names), None)
        self._model.set_options(able_options(names, usual), value=chosen)
        defaults = resolution.spec.image
        words = serving_in_words(resolution) if resolution.is_fallback else ""
        if "" not in names:
            words = f"{usual}, the team's own, only paints over pictures. "
            words += ONLY_OTHERS_DRAW if names else NOBODY_DRAWS
        self._hint.set_content(page_html(words))
        if defaults is not None:
            for field, value in (
                (self._width, defaults.width),
                (self._height, defaults.height),
                (self._steps, defaults.steps),
            ):
                field.props["placeholder"] = str(value or "")

    def _handed_over(self, told: Mapping[str, Any]) -> None:
        name = str(told["name"])
        source = f"{STARTS}/{quote(name)}"
        self._begin_with(Start(name, source, int(told["width"]), int(told["height"])))

    def _begin_with(self, start: Start | None) -> None:
        self._start = start
        self._start_row.set_visibility(start is not None)
        self._paint_button.set_enabled(bool(self._painters))
        self._nobody.set_visibility(start is not None and not self._painters)
        if start is not None:
            name = html.escape(start.name)
            self._shown.set_content(
                f'<img src="{html.escape(start.source)}" alt="The picture to start from">'
                f'<span class="name" title="{name}">{name}</span>'
            )

    def _paint(self) -> None:
        if self._start is not None:
            options = able_options(self._painters)
            paint_over(self._services, self._start, self._said(), options, self._model.value)

    async def _typed(self, event: events.GenericEventArguments) -> None:
        self._prompt.set_value(str(event.args))
        await self._draw()

    async def _draw(self) -> None:
        if not self._said():
            tell_problem("Say what to draw first.")
            return
        start = self._start
        request = ImageRequest(
            self._said(),
            count=_whole(self._count) or 1,
            negative_prompt=(self._negative.value or "").strip() or None,
            width=_whole(self._width),
            height=_whole(self._height),
            steps=_whole(self._steps),
            seed=_whole(self._seed),
            strength=None if start is None else float(self._strength.value),
        )
        try:
            await self._services.orders.add(
                request, self._model.value or None, picture=start.name if start else None
            )
        except AiRunnerError as error:
            tell_problem(error)

    def _said(self) -> str:
        return str(self._prompt.value or "").strip()


def _number(label: str, least: int, most: int) -> ui.number:
    return ui.number(label, min=least, max=most, precision=0).props("outlined dense")


def _whole(field: ui.number) -> int | None:
    return None if field.value is None else int(field.value)
