"""A place where a model can be loaded, as it was found at one moment.

Owns the values that probes return. How much of a device may be used is decided
in ``budget.py``; what is loaded on it is the resource manager's business.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from airunner.errors import DeviceNotFoundError

DeviceKind = Literal["cpu", "cuda", "rocm", "metal", "vulkan"]


@dataclass(frozen=True, slots=True)
class Device:
    """One device. Every size is bytes; what cannot be known is ``None``, never 0.

    Attributes:
        id: what users write: ``"cpu"``, ``"cpu:1"``, ``"cuda:0"``, ``"metal"``.
        kind: where the bytes and the computation really are. RAM that stands in
            for a GPU has the GPU's id but the kind ``"cpu"``.
        name: the product, for people.
        total_bytes: all memory of the device; of a logical one, its part.
        free_bytes: what was unused when it was probed.
        gpu_index: the GPU's number for its backend, ``None`` for a CPU. CUDA
            numbers agree with ``CUDA_DEVICE_ORDER=PCI_BUS_ID`` only, so workers
            must run with that.
        logical: a part of RAM that the user split off, rather than hardware.
        note: what a person should know about it.
        budget_bytes: a budget the user declared for this device alone.
        uuid: the GPU's name that stays the same across reboots, if it has one;
            a MIG instance can be chosen by this alone.
        engines: those that can compute on it, by the names that model specifications
            use; ``None`` means every one.
        talks: whether language models that hold conversations can be loaded on it.
    """

    id: str
    kind: DeviceKind
    name: str
    total_bytes: int | None
    free_bytes: int | None
    gpu_index: int | None = None
    logical: bool = False
    note: str = ""
    budget_bytes: int | None = None
    uuid: str | None = None
    engines: frozenset[str] | None = None
    talks: bool = True

    @property
    def is_accelerator(self) -> bool:
        """Whether the device computes elsewhere than on the CPU."""
        return self.kind != "cpu"

    def computes(self, engine: str) -> bool:
        """Whether models of ``engine`` can be loaded here."""
        return self.engines is None or engine in self.engines


@dataclass(frozen=True, slots=True)
class DeviceReport:
    """What was found: devices in order of preference, and remarks for ``airunner doctor``."""

    devices: tuple[Device, ...] = ()
    notes: tuple[str, ...] = ()

    def find(self, device_id: str) -> Device:
        """The device called ``device_id``.

        Raises:
            DeviceNotFoundError: there is none.
        """
        for device in self.devices:
            if device.id == device_id:
                return device
        raise DeviceNotFoundError(device_id, [device.id for device in self.devices])
