"""The page about pictures: a form, the queue, the gallery; or one picture at its address."""

from __future__ import annotations

from urllib.parse import unquote

from nicegui import ui

from airunner.server.native.services import Services
from airunner.ui.parts import heading
from airunner.ui.pictures.drawing_form import DrawingForm
from airunner.ui.pictures.drawing_queue import DrawingQueue
from airunner.ui.pictures.gallery_grid import GalleryGrid
from airunner.ui.pictures.one_picture import show_picture


async def show_pictures(services: Services, name: str = "") -> None:
    """The middle of the page."""
    ui.page_title("Pictures · AI Runner")
    with ui.element("div").classes("sheet pictures"):
        if name:
            await show_picture(services, unquote(name))
            return
        heading("Pictures", 1)
        DrawingForm(services)
        DrawingQueue(services)
        GalleryGrid(services)
