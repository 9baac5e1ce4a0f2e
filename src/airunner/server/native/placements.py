"""Which models stay in memory, and on which device each is, over restarts too.

Owns writing what a person chose into the configuration file. What it means now is
``ModelTeam``'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from airunner.models.capability_words import capability_of
from airunner.models.spec import ModelCapability
from airunner.runtime.core import RuntimeCore
from airunner.server.native.settings_service import SettingsService


class Placements:
    """See the module's description. Used on the loop that serves.

    Each change returns the flag or variable that decides at the next start instead of what
    was written; empty for none. What the file cannot hold raises ``StorageError`` or
    ``SettingsError``, and holds until the server ends.
    """

    def __init__(self, core: RuntimeCore, settings: SettingsService) -> None:
        self._core, self._settings = core, settings
        self._changing = asyncio.Lock()

    async def keep(self, capabilities: Iterable[ModelCapability]) -> str:
        """Keep these capabilities' models in memory, and no others.

        Raises:
            AiRunnerError: see ``ModelTeam.keep_in_memory``.
        """
        async with self._changing:
            await self._core.keep_in_memory(capabilities)
            names = [each.value for each in self._core.team.kept]
            return await self._write("keep_in_memory", lambda _: names)

    async def place(self, capability: ModelCapability, device: str | None) -> str:
        """Place a capability's model on a device; ``None`` leaves that to AI Runner.

        Raises:
            DeviceNotFoundError: there is no such device.
        """

        def changed(written: Iterable[tuple[str, str]]) -> dict[str, str]:
            others = {name: d for name, d in written if capability_of(name) is not capability}
            return others | ({capability.value: device} if device is not None else {})

        async with self._changing:
            await self._core.assign_device(capability, device)
            return await self._write("assign", changed)

    async def _write(self, name: str, changed: Callable[[Any], Any]) -> str:
        """Have the file say of a setting what it makes of what it says."""

        def write() -> None:
            value = changed(self._settings.file.values().get(name, ()))
            self._settings.change({name: value or None}, held=(name,))

        await asyncio.to_thread(write)
        return self._settings.overridden_by(name)
