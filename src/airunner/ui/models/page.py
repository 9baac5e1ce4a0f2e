"""The page about models: its parts, and the queue of downloads above each of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from nicegui import ui

from airunner.server.native.services import Services
from airunner.ui.models.download_queue import DownloadQueue
from airunner.ui.models.hub_part import HubPart
from airunner.ui.models.model_list import ModelList
from airunner.ui.models.roles_part import RolesPart
from airunner.ui.models.team_part import TeamPart
from airunner.ui.parts import heading, part_links

ADDRESS = "/download-models"
"""``/models`` is what clients of llama.cpp's router ask for."""

PARTS = {"": "Team", "all": "All models", "hub": "From the hub", "roles": "Who does what"}
_SHOWN: Mapping[str, Callable[[Services], object]] = {
    "": TeamPart,
    "all": ModelList,
    "hub": HubPart,
    "roles": RolesPart,
}


def show_models(services: Services, part: str = "") -> None:
    """The middle of the page; what is no part is the first one."""
    here = part if part in PARTS else ""
    ui.page_title("Download models · AI Runner")
    with ui.element("div").classes("sheet getting"):
        heading("Download models", 1)
        part_links("Models", ADDRESS, PARTS, here)
        DownloadQueue(services)
        _SHOWN[here](services)
