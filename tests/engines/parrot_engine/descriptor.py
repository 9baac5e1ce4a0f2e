"""What AI Runner asks of this engine."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from airunner.engines.descriptor import EngineDescriptor, Planner
from airunner.models.engine_traits import EngineTraits, WeightsForm
from airunner.models.spec import ModelCapability

if TYPE_CHECKING:
    from airunner.config.settings import Settings

    from .launcher import ParrotLauncher


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

    def planner(self, settings: Settings) -> Planner:
        from .planner import read_voice

        return partial(read_voice, context=settings.context)

    def launcher(self, settings: Settings, run_dir: Path) -> ParrotLauncher:
        from .launcher import ParrotLauncher

        return ParrotLauncher()
