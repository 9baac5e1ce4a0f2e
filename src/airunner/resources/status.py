"""What is loaded where, as people are shown it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """One model. Sizes are bytes; ``measured_bytes`` is ``None`` when not loaded or not known."""

    model: str
    state: str
    device: str
    held_bytes: int
    measured_bytes: int | None
    parked_bytes: int
    leases: int
    pinned: bool
    pid: int | None
    n_ctx: int | None


@dataclass(frozen=True, slots=True)
class DeviceStatus:
    """One device. Sizes are bytes; ``lost_bytes`` were not given back by ended workers."""

    device: str
    budget_bytes: int
    held_bytes: int
    lost_bytes: int


@dataclass(frozen=True, slots=True)
class Status:
    """Every device, and every model ever asked for."""

    devices: tuple[DeviceStatus, ...]
    models: tuple[ModelStatus, ...]
