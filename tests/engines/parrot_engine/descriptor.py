"""What AI Runner asks of this engine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from airunner.engines.descriptor import EngineDescriptor
from airunner.models.engine_traits import EngineTraits, WeightsForm
from airunner.models.spec import ModelCapability

if TYPE_CHECKING:
    from airunner.config.settings import Settings

    from .launcher import ParrotLauncher
    from .planner import ParrotPlanner


class Parrot(EngineDescriptor):
    traits = EngineTraits(
        name="parrot",
        capabilities=frozenset(
            {ModelCapability.PRIMARY_CONVERSATION, ModelCapability.SUMMARIZATION}
        ),
        weights=WeightsForm(file_pattern="*.voice"),
        problems=lambda spec: [] if spec.license == "free" else ["is no free parrot"],
    )
    library = "parrot"
    work = "repetition"

    def planner(self, settings: Settings) -> ParrotPlanner:
        from .planner import ParrotPlanner

        return ParrotPlanner(settings.context)

    def launcher(self, settings: Settings, run_dir: Path) -> ParrotLauncher:
        from .launcher import ParrotLauncher

        return ParrotLauncher()
