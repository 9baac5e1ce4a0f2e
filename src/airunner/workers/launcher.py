"""Workers on this machine: one process per loaded model.

Owns starting and stopping those processes, and the one spare that is kept
ready. What a child does is in ``llama_cpp_worker`` and ``llama_server_worker``.
"""

from __future__ import annotations

import secrets
import shutil
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

from airunner.devices.device import DeviceKind
from airunner.devices.process_memory import device_bytes_of_process, memory_of_process
from airunner.engines.base import EngineOptions, LoadPlan, WorkerExit
from airunner.engines.llama_cpp import LlamaCppModel
from airunner.errors import LoadError, MissingWeightsError
from airunner.models.gguf_header import read_header
from airunner.workers.child import Child
from airunner.workers.load_failure import explain
from airunner.workers.wire import Failed, Order, decode_answer, encode


@dataclass(slots=True)
class _Berth:
    """A child process with the slot folder that belongs to it."""

    child: Child
    slot_dir: Path


class LocalWorker:
    """A process on this machine that holds one model; implements ``engines.base.Worker``.

    ``pid`` is the process that holds the memory; for a user's own llama-server
    that is the server itself.
    """

    def __init__(self, child: Child, model: LlamaCppModel, pid: int, load_s: float) -> None:
        self.model = model
        self.pid = pid
        self.load_s = load_s
        self._child = child

    async def wait(self) -> WorkerExit:
        """Return when the process has ended, for whatever reason."""
        return await self._child.wait()

    async def stop(self) -> None:
        """End the process and return when it is gone. Safe to call twice."""
        await self.model.aclose()
        await self._child.stop()

    def memory_bytes(self) -> int | None:
        """Memory held on the model's device now; on the CPU, mapped weights included."""
        return device_bytes_of_process(self.pid, _device_kind(self.model.plan))

    def peak_memory_bytes(self) -> int | None:
        """The most RAM held so far; a GPU's driver keeps no such figure."""
        if _device_kind(self.model.plan) != "cpu":
            return None
        memory = memory_of_process(self.pid)
        return None if memory is None else memory.peak_bytes


class LocalLauncher:
    """Starts workers as child processes; implements ``engines.base.Launcher``.

    With ``spare``, one process that has already imported the engine waits for
    the next plan, and is replaced in the background after it is used.
    """

    def __init__(self, options: EngineOptions, *, spare: bool = True) -> None:
        self._options = options
        self._keep_spare = spare
        self._spare: _Berth | None = None

    async def launch(self, plan: LoadPlan) -> LocalWorker:
        """Start a worker and return once its model is ready; cancelling kills it.

        Raises:
            MissingWeightsError: there is no such file.
            CorruptWeightsError: the file is damaged or no GGUF.
            UnsupportedArchitectureError: the engine does not know the architecture.
            LoadError: anything else, such as too little memory.
        """
        for file in (plan.path, plan.mmproj):
            if file is not None and not file.is_file():
                raise MissingWeightsError(plan.model, [file])
        key = secrets.token_urlsafe(32)
        berth = self._give_order(plan, key)
        child = berth.child
        try:
            answer = decode_answer(await child.answer())
            if isinstance(answer, Failed):
                ended = await child.wait()
                raise explain(plan, answer.problem, ended.exit_code, ended.log)
        except BaseException:
            child.kill()
            await child.wait()
            raise
        self._refill()
        model = LlamaCppModel(
            plan,
            answer.url,
            key,
            berth.slot_dir,
            child.wait,
            guidance=self._options.llama_server is None,
        )
        return LocalWorker(child, model, answer.pid, answer.load_s)

    async def close(self) -> None:
        """End the spare process and keep none from now on."""
        self._keep_spare = False
        if (berth := self._take_spare()) is not None:
            await berth.child.stop()

    def _give_order(self, plan: LoadPlan, key: str) -> _Berth:
        """Give the order to the spare, or to a new child if there is none or it has died."""
        spare = self._take_spare()
        if spare is not None and spare.child.tell(encode(self._order(plan, key, spare.slot_dir))):
            return spare
        try:
            berth = self._start()
        except OSError as error:
            raise LoadError(plan.model, f"no process could be started: {error}") from error
        berth.child.tell(encode(self._order(plan, key, berth.slot_dir)))
        return berth

    def _order(self, plan: LoadPlan, key: str, slot_dir: Path) -> Order:
        return Order(
            plan,
            key,
            slot_dir,
            mean_pooling=plan.embedding and not _says_how_to_pool(plan.path),
            llama_server=self._options.llama_server,
            extra_args=tuple(self._options.extra_args),
        )

    def _start(self, *arguments: str) -> _Berth:
        run_dir = self._options.run_dir
        run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        slot_dir = run_dir / f"slots-{secrets.token_hex(8)}"
        kind = "llama_cpp_worker" if self._options.llama_server is None else "llama_server_worker"
        child = Child(
            f"airunner.workers.{kind}",
            *arguments,
            on_exit=partial(shutil.rmtree, slot_dir, ignore_errors=True),
        )
        return _Berth(child, slot_dir)

    def _take_spare(self) -> _Berth | None:
        berth, self._spare = self._spare, None
        return berth

    def _refill(self) -> None:
        if self._keep_spare and self._spare is None:
            with suppress(OSError):  # The model is loaded; without a spare the next is slower.
                self._spare = self._start("--spare")


def _device_kind(plan: LoadPlan) -> DeviceKind:
    """The kind in the id of the plan's device, which may be a part of a device: ``"cpu:1"``."""
    return cast(DeviceKind, plan.device.partition(":")[0])


def _says_how_to_pool(path: Path) -> bool:
    """Whether a file is made for embedding; a chat model's hidden states have to be averaged."""
    return any(key.endswith(".pooling_type") for key in read_header(path).metadata)
