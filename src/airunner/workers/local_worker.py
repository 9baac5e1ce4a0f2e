"""A worker on this machine: its process, and the model it serves.

Owns stopping both in the right order and looking at the memory of the process.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar, cast

from airunner.devices.device import DeviceKind
from airunner.devices.process_memory import device_bytes_of_process, memory_of_process
from airunner.engines.base import WorkerExit
from airunner.engines.connection import ServedModel
from airunner.workers.child import Child

ModelT = TypeVar("ModelT", bound=ServedModel[Any])


class LocalWorker(Generic[ModelT]):
    """A process on this machine that holds one model; implements ``engines.base.Worker``.

    ``pid`` is the process that holds the memory; for a user's own llama-server
    that is the server itself.
    """

    def __init__(self, child: Child, model: ModelT, pid: int, load_s: float) -> None:
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
        return device_bytes_of_process(self.pid, self._device_kind)

    def peak_memory_bytes(self) -> int | None:
        """The most RAM held so far; a GPU's driver keeps no such figure."""
        if self._device_kind != "cpu":
            return None
        memory = memory_of_process(self.pid)
        return None if memory is None else memory.peak_bytes

    @property
    def _device_kind(self) -> DeviceKind:
        """The kind in the id of the plan's device, which may be a part of one: ``"cpu:1"``."""
        return cast(DeviceKind, self.model.plan.device.partition(":")[0])
