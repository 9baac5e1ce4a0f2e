"""Whether the process that draws may start ahead, with stand-ins for the team and the launcher."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from airunner.engines.base import Launcher
from airunner.errors import MissingWeightsError
from airunner.events import EventBus
from airunner.models.spec import ModelCapability, ModelSpec
from airunner.pictures import PicturesFolder
from airunner.resources.status import DeviceStatus, ModelStatus, Status
from airunner.runtime.image_models import DRAWING, ImageModels
from airunner.runtime.image_service import ImageService
from airunner.runtime.team import ModelTeam

PAINTER = ModelSpec("a/painter", [ModelCapability.IMAGE_GENERATION], engine="painting")
IN_MEMORY = ModelStatus("a/painter", "ready", "cpu:0", 300, None, 0, 0, False, None, None)


@dataclass
class Spares:
    """A launcher that only counts."""

    prepared_bytes: int = 500
    running: int = 0

    def prepare(self) -> None:
        self.running = 1

    def dismiss(self) -> None:
        self.running = 0


@dataclass
class Team:
    """What is said of one team."""

    devices: tuple[DeviceStatus, ...]
    models: tuple[ModelStatus, ...] = ()
    is_here: bool = True
    spares: Spares = field(default_factory=Spares)

    def status(self) -> Status:
        return Status(self.devices, self.models)

    def resolve(self, capability: ModelCapability) -> ModelSpec:
        assert capability is DRAWING
        if not self.is_here:
            raise MissingWeightsError("a/painter", [Path("painter")])
        return PAINTER


def service(team: Team, folder: Path) -> ImageService:
    launchers = cast(dict[str, Launcher[Any]], {"painting": team.spares})
    models = cast(ImageModels, None)  # which are for choosing what draws
    pictures = PicturesFolder(folder)
    return ImageService(cast(ModelTeam, team), models, EventBus(), pictures, launchers)


def cpu(budget: int, held: int, lost: int = 0) -> DeviceStatus:
    return DeviceStatus("cpu:0", budget, held, lost)


GPU = DeviceStatus("cuda:0", 1000, 1000, 0)


@pytest.mark.parametrize(
    ("team", "prepares"),
    [
        (Team((GPU, cpu(1000, 500))), True),
        (Team((cpu(1000, 501),)), False),
        (Team((cpu(1000, 400, lost=101),)), False),
        (Team((cpu(1000, 300),), (IN_MEMORY,)), False),
        (Team((cpu(1000, 0),), is_here=False), False),
    ],
    ids=["room", "no room", "lost bytes", "loaded already", "not on this machine"],
)
def test_a_process_starts_ahead_where_there_is_room_and_a_use_for_it(
    team: Team, prepares: bool, tmp_path: Path
) -> None:
    images = service(team, tmp_path)
    images.prepare()
    assert team.spares.running == prepares
    images.dismiss()
    assert not team.spares.running
