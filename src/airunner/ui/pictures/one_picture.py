"""One picture: large, with all that its file says, and what can be made of it.

What its file says, anybody may have written.
"""

from __future__ import annotations

import asyncio
import html
import time

from nicegui import ui

from airunner.config.byte_size import format_bytes
from airunner.engines.image import ImageRequest
from airunner.errors import AiRunnerError, ImageRequestError
from airunner.runtime.gallery import GalleryPicture
from airunner.server.native.services import Services
from airunner.ui.ask_first import ask_first
from airunner.ui.buttons import word_button
from airunner.ui.form_dialog import form_dialog
from airunner.ui.notices import tell, tell_problem
from airunner.ui.page_words import page_html
from airunner.ui.parts import heading
from airunner.ui.pictures.paint_dialog import paint_over
from airunner.ui.pictures.start import (
    NOBODY_PAINTS,
    STRENGTH_HINT,
    USUAL_STRENGTH,
    Start,
    able_options,
    model_field,
)

MOST_SETTINGS = 40
MOST_CHARACTERS = 1_000
MOST_OF_A_TITLE = 200
_NAMES = {
    "negative_prompt": "Not in it",
    "second_prompt": "Second prompt",
    "init_image": "Started from",
    "mask": "Painted over",
    "loras": "LoRA",
}
_TOLD_ELSEWHERE = ("prompt", "seed", "model", "width", "height")


class OnePicture:
    """The page of one picture."""

    def __init__(
        self,
        services: Services,
        picture: GalleryPicture,
        drawers: list[str],
        painters: list[str],
    ) -> None:
        self._services, self._picture, self._painters = services, picture, painters
        self._model = picture.model if picture.model in (*drawers, *painters) else None
        self._models, self._start = able_options(drawers), Start.of(picture)
        source = html.escape(self._start.source)
        words = html.escape(_cut(picture.prompt) or picture.name)
        ui.html('<a class="back" href="/pictures">All pictures</a>', sanitize=False)
        with ui.element("div").classes("one-picture"):
            ui.html(
                f'<img src="{source}" alt="{words}" width="{picture.width}"'
                f' height="{picture.height}">',
                sanitize=False,
            ).classes("large")
            with ui.element("div").classes("told"):
                heading(_cut(picture.prompt, MOST_OF_A_TITLE) or picture.name, 1)
                self._build_buttons()
                ui.html(_facts(picture), sanitize=False)

    def _build_buttons(self) -> None:
        name = html.escape(self._picture.name)
        with ui.element("div").classes("buttons"):
            word_button("Another", self._another, main=True)
            word_button("Change…", self._change)
            paint = word_button("Paint over…", self._paint)
            paint.set_enabled(bool(self._painters))
            source = html.escape(self._start.source)
            save = f'<a class="way" href="{source}" download="{name}">Save</a>'
            ui.html(save, sanitize=False)
            word_button("Delete…", self._delete).classes("bad")
        if not self._painters:
            ui.html(page_html(NOBODY_PAINTS), sanitize=False).classes("hint")

    async def _another(self) -> None:
        try:
            await self._services.orders.another(self._picture.name)
        except AiRunnerError as error:
            tell_problem(error)
            return
        ui.navigate.to("/pictures")

    def _paint(self) -> None:
        words = _cut(self._picture.prompt)
        options = able_options(self._painters)
        paint_over(self._services, self._start, words, options, self._model)

    def _change(self) -> None:
        with form_dialog("Change the picture") as form:
            form.words = "Draw"
            words = form.area("What it shall show", _cut(self._picture.prompt))
            ui.label("How far from the picture").classes("caption").props("aria-hidden=true")
            strength = ui.slider(min=0.05, max=1, step=0.05, value=USUAL_STRENGTH)
            strength.props('label aria-label="How far from the picture"').classes("wide")
            ui.label(STRENGTH_HINT).classes("hint")
            drawer = model_field(self._models, self._model).classes("wide")

            async def draw() -> None:
                said = str(words.value or "").strip()
                if not said:
                    raise ImageRequestError("The model", "say what it shall show")
                request = ImageRequest(said, strength=float(strength.value))
                await self._services.orders.add(
                    request, drawer.value or None, picture=self._picture.name
                )
                ui.navigate.to("/pictures")

            form.save = draw

    def _delete(self) -> None:
        async def delete() -> None:
            await asyncio.to_thread(self._services.gallery.delete, self._picture.name)
            tell("Deleted.")
            ui.navigate.to("/pictures")

        words = f"“{self._picture.name}” ({format_bytes(self._picture.n_bytes)}) is gone for good."
        ask_first("Delete this picture?", words, "Delete", delete)


async def show_picture(services: Services, name: str) -> None:
    """The middle of the page of a picture, or that there is none."""
    try:
        picture = await asyncio.to_thread(services.gallery.picture, name)
    except AiRunnerError:
        heading("Pictures", 1)
        ui.label("There is no such picture any more.").classes("hint")
        ui.html('<a class="back" href="/pictures">All pictures</a>', sanitize=False)
        return
    drawers = await asyncio.to_thread(services.orders.drawers)
    painters = await asyncio.to_thread(services.orders.painters)
    OnePicture(services, picture, drawers, painters)


def _facts(picture: GalleryPicture) -> str:
    saved = time.strftime("%d %B %Y, %H:%M", time.localtime(picture.saved_s))
    size = f"{picture.width} × {picture.height} pixels, {format_bytes(picture.n_bytes)}"
    facts = {"Seed": picture.seed, "Model": picture.model, "Size": size, "Drawn": saved}
    if len(picture.prompt) > MOST_OF_A_TITLE:
        facts = {"Prompt": picture.prompt, **facts}
    others = [key for key in picture.settings if key not in _TOLD_ELSEWHERE]
    for key in others[:MOST_SETTINGS]:
        facts[_NAMES.get(key, key[:60].replace("_", " ").capitalize())] = picture.settings[key]
    facts["File"] = picture.name
    lines = "".join(
        f"<dt>{html.escape(key)}</dt><dd>{html.escape(_cut(value))}</dd>"
        for key, value in facts.items()
        if value
    )
    return f'<dl class="picture-facts">{lines}</dl>'


def _cut(text: str, most: int = MOST_CHARACTERS) -> str:
    return text if len(text) <= most else f"{text[:most]}…"
