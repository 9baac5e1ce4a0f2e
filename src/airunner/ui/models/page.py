"""The page about models: its parts, and the queue of downloads above each of them."""

from __future__ import annotations

from airunner.server.native.services import Services
from airunner.ui.models.download_queue import DownloadQueue
from airunner.ui.models.hub_part import HubPart
from airunner.ui.models.model_list import ModelList
from airunner.ui.models.roles_part import RolesPart
from airunner.ui.models.team_part import TeamPart
from airunner.ui.parts import Parts

ADDRESS = "/download-models"
"""``/models`` is what clients of llama.cpp's router ask for."""

_PAGE = Parts(
    "Download models",
    ADDRESS,
    {
        "": ("Team", TeamPart),
        "all": ("All models", ModelList),
        "hub": ("From the hub", HubPart),
        "roles": ("Who does what", RolesPart),
    },
    css="getting",
    window="Download models",
)


def show_models(services: Services, part: str = "") -> None:
    """The middle of the page."""
    _PAGE.show(services, part, above=DownloadQueue)
