"""What the native API does, as objects: its routes call them, and so does the page.

Owns putting them together, once for a server; each of them says what it does.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Self

from airunner.runtime.core import RuntimeCore
from airunner.server.native.event_log import EventLog
from airunner.server.native.models import Downloads
from airunner.server.native.turns import Turns
from airunner.server.served_models import ServedModels


@dataclass(frozen=True, slots=True)
class Services:
    """See the module's description. Used on the loop that serves."""

    core: RuntimeCore
    models: ServedModels
    events: EventLog
    turns: Turns
    downloads: Downloads

    @classmethod
    def over(cls, core: RuntimeCore, models: ServedModels, ending: asyncio.Event) -> Self:
        """The services of a running core; streams that only wait end when ``ending`` is set."""
        return cls(
            core=core,
            models=models,
            events=EventLog(core.bus, ending),
            turns=Turns(core),
            downloads=Downloads(core),
        )
