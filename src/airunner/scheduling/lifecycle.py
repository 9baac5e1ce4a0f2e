"""The states a model passes through on a device. The scheduler is the only writer."""

from __future__ import annotations

from enum import StrEnum


class Lifecycle(StrEnum):
    """Where a model is.

    ``COLD → LOADING → (RESTORING →) READY ⇄ BUSY → PARKING → STOPPING → PARKED | COLD``,
    and ``FAILED`` when loading gave up; the next request tries again.
    """

    COLD = "cold"
    LOADING = "loading"
    RESTORING = "restoring"
    READY = "ready"
    BUSY = "busy"
    PARKING = "parking"
    STOPPING = "stopping"
    PARKED = "parked"
    FAILED = "failed"

    @property
    def holds_memory(self) -> bool:
        """Whether a model in this state is charged to its device."""
        return self not in (Lifecycle.COLD, Lifecycle.PARKED, Lifecycle.FAILED)

    @property
    def is_leaving(self) -> bool:
        """Whether the memory will come back without anyone's further decision."""
        return self in (Lifecycle.PARKING, Lifecycle.STOPPING)

    @property
    def is_arriving(self) -> bool:
        """Whether the model will become ready without anyone's further decision."""
        return self in (Lifecycle.LOADING, Lifecycle.RESTORING)

    @property
    def is_loaded(self) -> bool:
        """Whether a lease can be granted now."""
        return self in (Lifecycle.READY, Lifecycle.BUSY)
