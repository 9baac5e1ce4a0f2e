"""Image models on this machine: one process per loaded pipeline.

Owns what such a process is told and what its failures become. The processes
are ``workers.launcher``'s; what a child does is in ``worker``.
"""

from __future__ import annotations

import asyncio
import re

from airunner.engines.base import WorkerExit
from airunner.engines.connection import WorkerConnection
from airunner.engines.diffusers.adapters import check_lora
from airunner.engines.diffusers.client import DiffusersModel
from airunner.engines.diffusers.files import inspect_files
from airunner.engines.diffusers.request import check_size
from airunner.engines.diffusers.schedulers import check_scheduler
from airunner.engines.diffusers.source_picture import source_picture
from airunner.engines.image import ImagePlan, ImageRequest
from airunner.engines.silence import SilenceLimits
from airunner.errors import (
    CorruptWeightsError,
    LoadError,
    MissingWeightsError,
    UnsupportedArchitectureError,
)
from airunner.models.memory.image import LIBRARY_BYTES
from airunner.workers.launcher import ProcessLauncher, death_while_loading
from airunner.workers.wire import Failed, Order

_MEMORY = re.compile(r"can't allocate memory|not enough memory|out of memory|Cannot allocate")


class ImageLauncher(ProcessLauncher[ImagePlan, DiffusersModel]):
    """Starts image workers as child processes; implements ``Launcher``, ``Preparable`` and
    ``DrawingCheck``.

    The library takes seconds and hundreds of megabytes to import, so a spare
    that has done so is started only when asked for, and used by the next launch.
    It holds up to ``prepared_bytes`` until then.
    """

    prepared_bytes = LIBRARY_BYTES

    def __init__(self, limits: SilenceLimits | None = None) -> None:
        super().__init__(f"{__package__}.worker", limits=limits)

    def check(self, model: str, request: ImageRequest) -> None:
        """See ``engines.image.DrawingCheck``."""
        check_size(model, request)
        if request.scheduler is not None:
            check_scheduler(model, request.scheduler)
        for lora in request.loras:
            check_lora(model, lora.path)
        if request.init_image is not None:
            source_picture(model, request.init_image, "RGB")
        if request.mask is not None:
            source_picture(model, request.mask, "L")

    async def order(self, plan: ImagePlan, api_key: str) -> Order[ImagePlan]:
        """See ``ProcessLauncher``; pickles that were not allowed are a ``LoadError``."""
        if not plan.path.exists():
            raise MissingWeightsError(plan.model, [plan.path])
        await asyncio.to_thread(inspect_files, plan)
        return Order(plan, api_key)

    def connect(self, order: Order[ImagePlan], connection: WorkerConnection) -> DiffusersModel:
        """See ``ProcessLauncher``."""
        return DiffusersModel(order.plan, connection)

    def explain(self, plan: ImagePlan, failed: Failed, ended: WorkerExit) -> Exception:
        """See ``ProcessLauncher``."""
        if _MEMORY.search(failed.problem):
            return LoadError(plan.model, "the engine ran out of memory while loading it", ended.log)
        if failed.fault == "damaged":
            return CorruptWeightsError(plan.path, failed.problem)
        if failed.fault == "architecture":
            return UnsupportedArchitectureError(plan.path, failed.problem)
        return LoadError(plan.model, failed.problem or death_while_loading(ended), ended.log)
