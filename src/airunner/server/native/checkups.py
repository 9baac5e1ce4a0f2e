"""``airunner doctor``'s examination for a page: problems, and a call that mends what can be."""

from __future__ import annotations

import asyncio
from typing import Any

from airunner.errors import UnknownRecordError
from airunner.runtime.checkup import examine
from airunner.runtime.core import RuntimeCore
from airunner.server.native.settings_service import SettingsService
from airunner.weights.downloads import Downloads


class Checkups:
    """The examination of a running server. Used on the loop that serves."""

    def __init__(self, core: RuntimeCore, settings: SettingsService, downloads: Downloads) -> None:
        self._core, self._settings, self._downloads = core, settings, downloads

    async def report(self) -> dict[str, Any]:
        """What ``runtime.checkup.examine`` found; a problem has a ``fix`` where a call has one.

        Settings count as they are, not as they will be from the next start on. What a flag or
        a variable decides is not mended here.
        """
        report = await asyncio.to_thread(examine, self._core.settings)
        for problem in report["problems"]:
            fix = problem["fix"]
            if fix and any(self._settings.overridden_by(name) for name in fix["settings"]):
                problem["fix"] = None
        return report

    async def mend(self, id: str) -> dict[str, Any]:
        """Do what the problem's ``fix`` says; returns that.

        ``needs_restart`` is added: whether it holds from the next start on only.

        Raises:
            UnknownRecordError: there is no such problem, or nothing that a call can do about it.
            AiRunnerError: it failed.
        """
        problems = (await self.report())["problems"]
        fix = next((each["fix"] for each in problems if each["id"] == id), None)
        if fix is None:
            raise UnknownRecordError("problem with a fix", id)
        changed = []
        if fix["settings"]:
            changed = await asyncio.to_thread(self._settings.change, fix["settings"])
        if fix["fetch"]:
            await asyncio.to_thread(self._downloads.add, fix["fetch"])
        return {**fix, "needs_restart": any(each.needs_restart for each in changed)}
