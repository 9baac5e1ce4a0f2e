"""One launcher for models of every kind: the plan's type decides which one starts it."""

from __future__ import annotations

from airunner.engines.base import Launcher, LoadPlan, Plan, Worker
from airunner.engines.image import ImagePlan


class Launchers:
    """Hands each plan to the launcher of its kind; implements ``engines.base.Launcher``."""

    def __init__(self, chat: Launcher[LoadPlan], image: Launcher[ImagePlan]) -> None:
        self._chat, self._image = chat, image

    async def launch(self, plan: Plan) -> Worker:
        """Start a worker and return once its model is ready; see ``Launcher.launch``."""
        if isinstance(plan, ImagePlan):
            return await self._image.launch(plan)
        return await self._chat.launch(plan)

    async def close(self) -> None:
        """Release everything that either launcher holds in reserve."""
        try:
            await self._chat.close()
        finally:
            await self._image.close()
