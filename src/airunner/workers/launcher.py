"""Child processes of one engine: started, ordered to load, and one kept ready in advance.

Owns a launch from the plan to the worker, and the spare process, which has already
imported its library. What is ordered and what a failure means is each engine's; what
a child does is in ``workers.process``.
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
from abc import ABC, abstractmethod
from contextlib import suppress
from functools import partial
from typing import Any, Generic, TypeVar

from airunner.devices.process_state import is_stopped
from airunner.engines.base import Plan, WorkerExit
from airunner.engines.connection import ServedModel, WorkerConnection
from airunner.engines.silence import SilenceLimits
from airunner.errors import LoadError, LoadTimeoutError
from airunner.errors.system_words import system_words
from airunner.weights.local import stored_bytes
from airunner.workers.child import Child
from airunner.workers.local_worker import LocalWorker
from airunner.workers.wire import SPARE_ARGUMENT, Failed, Order, decode_answer, encode_order

PlanT = TypeVar("PlanT", bound=Plan)
ModelT = TypeVar("ModelT", bound=ServedModel[Any])
_LONGEST_LINE = 200


class ProcessLauncher(ABC, Generic[PlanT, ModelT]):
    """Starts workers as processes of ``module``; implements ``Launcher``, and ``prepare``.

    With ``keep_spare``, one process that has already imported the library waits for the
    next plan, and is replaced in the background after it is used.
    """

    def __init__(
        self, module: str, *, keep_spare: bool = False, limits: SilenceLimits | None = None
    ) -> None:
        self._module, self._keep_spare = module, keep_spare
        self._limits = limits or SilenceLimits()
        self._spare: Child | None = None
        self._closed = False

    @abstractmethod
    async def order(self, plan: PlanT, api_key: str) -> Order[PlanT]:
        """What a child is told; refuses what can be seen to be unusable before one is started."""

    @abstractmethod
    def connect(self, order: Order[PlanT], connection: WorkerConnection) -> ModelT:
        """The model that a child has loaded and serves now."""

    @abstractmethod
    def explain(self, plan: PlanT, failed: Failed, ended: WorkerExit) -> Exception:
        """The error for a load that failed; ``problem`` is empty if the child died silently."""

    async def launch(self, plan: PlanT) -> LocalWorker[ModelT]:
        """Start a worker and return once its model is ready; cancelling kills it.

        Raises:
            MissingWeightsError: there is no such file.
            CorruptWeightsError: a file is damaged or of another kind.
            UnsupportedArchitectureError: the library does not know the architecture.
            LoadTimeoutError: it takes longer than weights of that size can take.
            LoadError: anything else, such as too little memory.
        """
        limit_s = self._limits.to_load(stored_bytes(plan.path))
        order = await self.order(plan, secrets.token_urlsafe(32))
        child = await self._given(order)
        try:
            async with asyncio.timeout(limit_s):
                answer = decode_answer(await child.answer())
            if isinstance(answer, Failed):
                raise self.explain(plan, answer, await child.wait())
        except BaseException as error:
            child.kill()
            await child.wait()
            if isinstance(error, TimeoutError):
                raise LoadTimeoutError(plan.model, limit_s) from error
            raise
        if self._keep_spare:
            self.prepare()
        connection = WorkerConnection(
            plan.model, answer.url, order.api_key, child.wait, child.kill, self._limits
        )
        return LocalWorker(child, self.connect(order, connection), answer.pid, answer.load_s)

    def prepare(self) -> None:
        """Start a process that imports the library, for the next launch. Returns at once.

        Harmless when there is one already. Without one the next load is only slower.
        """
        if not self._closed and self._spare is None:
            with suppress(OSError):
                self._spare = Child(self._module, SPARE_ARGUMENT)

    def dismiss(self) -> None:
        """End the spare, if no launch has used it. Returns at once."""
        if (spare := self._take()) is not None:
            spare.kill()

    async def close(self) -> None:
        """End the spare process and keep none from now on."""
        self._closed = True
        if (spare := self._take()) is not None:
            await spare.stop()

    async def _given(self, order: Order[PlanT]) -> Child:
        """The spare with its order, or a new child if there is none or it has died or stopped."""
        if (spare := self._take()) is not None:
            if is_stopped(spare.pid):
                spare.kill()
            elif _tell(spare, order):
                return spare
            else:
                spare.kill()
                await spare.wait()  # The order's folder goes with it, and the next child makes it.
        try:
            child = Child(self._module)
        except OSError as error:
            problem = f"no process could be started: {system_words(error)}"
            raise LoadError(order.plan.model, problem) from error
        _tell(child, order)
        return child

    def _take(self) -> Child | None:
        spare, self._spare = self._spare, None
        return spare


def _tell(child: Child, order: Order[Any]) -> bool:
    if order.folder is not None:
        child.on_exit = partial(shutil.rmtree, order.folder, ignore_errors=True)
    return child.tell(encode_order(order))


def death_while_loading(ended: WorkerExit) -> str:
    """What to say of a process that ended without a word, whatever its library.

    The end of its log is the best that is known of the reason; what a library's own
    log means is its engine's to know.
    """
    if ended.exit_code == -9:
        return "its process was killed while loading, by you or for want of memory"
    last = next((line.strip() for line in reversed(ended.log.splitlines()) if line.strip()), "")
    end = f"; its log ends in: {last[:_LONGEST_LINE]}" if last else ""
    return f"its process died while loading (exit code {ended.exit_code}){end}"
