"""The page about specialists: its parts, and which one an address shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from nicegui import ui

from airunner.server.native.services import Services
from airunner.ui.parts import heading, part_links
from airunner.ui.specialists.code_panel import CodePanel
from airunner.ui.specialists.summary_panel import SummaryPanel
from airunner.ui.specialists.translation_panel import TranslationPanel

PARTS = {"": "Translate", "summarize": "Summarize", "code": "Code"}
_SHOWN: Mapping[str, Callable[[Services], object]] = {
    "": TranslationPanel,
    "summarize": SummaryPanel,
    "code": CodePanel,
}


def show_specialists(services: Services, part: str = "") -> None:
    """The middle of the page; what is no part is the first one."""
    here = part if part in PARTS else ""
    ui.page_title(f"{PARTS[here]} · AI Runner")
    with ui.element("div").classes("sheet setup specialists"):
        heading("Specialists", 1)
        part_links("Specialists", "/specialists", PARTS, here)
        _SHOWN[here](services)
