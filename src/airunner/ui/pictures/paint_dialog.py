"""The dialog in which a part of a picture is painted over, to be drawn anew."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from nicegui import ui

from airunner.engines.image import ImageRequest
from airunner.errors import ImageRequestError, UnknownRecordError
from airunner.server.native.services import Services
from airunner.ui.buttons import word_button
from airunner.ui.form_dialog import form_dialog
from airunner.ui.notices import tell_problem
from airunner.ui.pictures.painting import Painting, rectangle_within
from airunner.ui.pictures.start import Start, model_field

_STRENGTH = 0.9


def paint_over(
    services: Services,
    start: Start,
    prompt: str,
    models: Mapping[str, str],
    model: str | None,
    failed: str | None = None,
) -> None:
    """Show the dialog, with a choice of ``models``; the drawing is in the queue afterwards.

    It takes the place of a drawing that ``failed``, and begins with what was painted for that.
    """
    before = services.orders.painted_over(failed) if failed else None
    with form_dialog("Paint over") as form:
        form.dialog.classes("broad")
        form.words = "Draw"
        ui.label("Paint where the picture shall change. The rest stays as it is.").classes("told")
        with ui.element("div").classes("paint-stage"):
            painting = Painting(start, before.shapes if before else ())
        with ui.element("div").classes("paint-tools"):
            ui.label("Brush").classes("caption").props("aria-hidden=true")
            widest = max(2, round(max(start.width, start.height) / 2))
            brush = ui.slider(min=1, max=widest, value=painting.brush)
            brush.props('aria-label="Width of the brush"')
            brush.on_value_change(lambda event: painting.set_brush(event.value))
            word_button("Undo", painting.undo)
            word_button("Clear", painting.clear_all)
        _by_numbers(start, painting)
        words = form.area("What shall be there", prompt)
        drawer = model_field(models, model).classes("wide")

        async def draw() -> None:
            said = str(words.value or "").strip()
            if not painting.shapes:
                raise ImageRequestError("The model", "paint over a part of the picture first")
            if not said:
                raise ImageRequestError("The model", "say what shall be there")
            request = ImageRequest(said, strength=_STRENGTH)
            await services.orders.add(
                request,
                drawer.value or None,
                picture=start.name,
                painted=tuple(painting.shapes),
            )
            if failed:
                with suppress(UnknownRecordError):  # somebody else did
                    services.drawings.cancel(failed)
            ui.navigate.to("/pictures")

        form.save = draw


def _by_numbers(start: Start, painting: Painting) -> None:
    """The same without a brush."""
    with ui.element("details").classes("more"):
        with ui.element("summary"):
            ui.label("Without a brush: a rectangle by numbers")
        with ui.element("div").classes("numbers"):
            fields = [
                ui.number(label, value=value, min=0, precision=0).props("outlined dense")
                for label, value in (
                    ("From the left", 0),
                    ("From the top", 0),
                    ("Width", max(1, start.width // 2)),
                    ("Height", max(1, start.height // 2)),
                )
            ]

            def add() -> None:
                try:
                    painting.add(rectangle_within(start, *(int(f.value or 0) for f in fields)))
                except ImageRequestError as error:
                    tell_problem(error)

            word_button("Add rectangle", add)
        ui.label(f"In pixels; the picture has {start.width} × {start.height}.").classes("hint")
