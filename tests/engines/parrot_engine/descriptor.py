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
        from airunner.engines.base import AUTO_CONTEXT

        from .planner import read_voice

        asked = settings.context
        return partial(read_voice, context=AUTO_CONTEXT if asked == "auto" else asked)

    def launcher(self, settings: Settings, run_dir: Path) -> ParrotLauncher:
        from .launcher import ParrotLauncher

        return ParrotLauncher()
