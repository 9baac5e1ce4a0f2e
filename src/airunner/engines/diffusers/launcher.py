"""Image models on this machine: one process per loaded pipeline.

Owns what such a process is told and what its failures become. The processes
are ``reserve``'s; what a child does is in ``worker``.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from dataclasses import dataclass

from airunner.engines.base import WorkerExit
from airunner.engines.diffusers.client import DiffusersModel
from airunner.engines.diffusers.files import inspect_files
from airunner.engines.diffusers.order import ImageOrder
from airunner.engines.image import ImagePlan
from airunner.errors import (
    CorruptWeightsError,
    LoadError,
    MissingWeightsError,
    UnsupportedArchitectureError,
)
from airunner.models.memory.image import LIBRARY_BYTES
from airunner.workers.child import Child
from airunner.workers.load_failure import death_while_loading
from airunner.workers.local_worker import LocalWorker
from airunner.workers.reserve import Reserve, answer_of
from airunner.workers.wire import Failed, encode

_MEMORY = re.compile(r"can't allocate memory|not enough memory|out of memory|Cannot allocate")


@dataclass(slots=True)
class _ImageBerth:
    child: Child


class ImageLauncher:
    """Starts image workers as child processes; implements ``Launcher`` and ``Preparable``.

    The library takes seconds and hundreds of megabytes to import, so a spare
    that has done so is started only when asked for, and used by the next launch.
    """

    prepared_bytes = LIBRARY_BYTES

    def __init__(self) -> None:
        self._reserve = Reserve(_start)

    def prepare(self) -> None:
        """Start a process that imports the library, for the next launch to use. Returns at once.

        It holds up to ``prepared_bytes`` until then. Harmless when there is one already.
        """
        self._reserve.refill()

    def dismiss(self) -> None:
        """End the process that ``prepare`` started, if no launch has used it. Returns at once."""
        self._reserve.dismiss()

    async def launch(self, plan: ImagePlan) -> LocalWorker[DiffusersModel]:
        """Start a worker and return once its pipeline is ready; cancelling kills it.

        Raises:
            MissingWeightsError: there is no such file or folder.
            CorruptWeightsError: a part of it is missing or damaged.
            UnsupportedArchitectureError: the library does not know the pipeline.
            LoadError: anything else, such as pickles that were not allowed.
        """
        if not plan.path.exists():
            raise MissingWeightsError(plan.model, [plan.path])
        await asyncio.to_thread(inspect_files, plan)
        key = secrets.token_urlsafe(32)
        order = encode(ImageOrder(plan, key))
        child = self._reserve.give(plan.model, lambda _: order).child

        def explained(failed: Failed, ended: WorkerExit) -> Exception:
            return _explain(plan, failed, ended)

        answer = await answer_of(child, explained)
        model = DiffusersModel(plan, answer.url, key, child.wait)
        return LocalWorker(child, model, answer.pid, answer.load_s)

    async def close(self) -> None:
        """End the spare process and start none from now on."""
        await self._reserve.close()


def _start(*arguments: str) -> _ImageBerth:
    return _ImageBerth(Child(f"{__package__}.worker", *arguments, on_exit=lambda: None))


def _explain(plan: ImagePlan, failed: Failed, ended: WorkerExit) -> Exception:
    if _MEMORY.search(failed.problem):
        return LoadError(plan.model, "the engine ran out of memory while loading it", ended.log)
    if failed.fault == "damaged":
        return CorruptWeightsError(plan.path, failed.problem)
    if failed.fault == "architecture":
        return UnsupportedArchitectureError(plan.path, failed.problem)
    return LoadError(
        plan.model, failed.problem or death_while_loading(ended.exit_code, ended.log), ended.log
    )
