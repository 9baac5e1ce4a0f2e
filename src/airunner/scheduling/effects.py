"""What the scheduler wants done. The manager performs these and reports back as inputs.

Every effect says why, in words and in bytes on its device: ``needed_bytes`` for
the model, ``held_bytes`` by everything loaded, ``budget_bytes`` in all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from airunner.scheduling.record import snake_case, values_of

RefusalCause = Literal["does_not_fit", "queue_full", "load_failed", "deadlock", "unknown_device"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """Base of everything the scheduler can ask for."""

    key: str
    device: str
    reason: str
    needed_bytes: int = 0
    held_bytes: int = 0
    budget_bytes: int = 0

    @property
    def action(self) -> str:
        """The effect's name in events and logs, such as ``start_load``."""
        return snake_case(type(self).__name__)

    def as_json(self) -> dict[str, Any]:
        """The effect as JSON-ready values, its type under ``effect``."""
        return {"effect": type(self).__name__, **values_of(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class StartLoad(Effect):
    """Start a worker for the model on the device; report LoadFinished or LoadFailed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadAhead(Effect):
    """Read the model's file ahead for ``owner``, as far as that costs nobody memory.

    Nothing is reserved or charged, and nothing needs to be reported.
    """

    owner: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Restore(Effect):
    """Put parked conversations back into the worker; report RestoreFinished."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Park(Effect):
    """Save the model's conversations; report ParkFinished."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop(Effect):
    """End the worker, also one that is still loading; report StopFinished."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant(Effect):
    """The request has its lease."""

    request: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold(Effect):
    """The request waits, for this reason. Emitted when the reason changes."""

    request: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuse(Effect):
    """The request will not be granted.

    ``free_bytes`` is the most that could be made free; where the queue is full, what is free
    now. ``eta_s`` is then about how long until those who wait have been served.
    """

    request: str
    cause: RefusalCause
    free_bytes: int = 0
    eta_s: float = 0.0
    blockers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveUp(Effect):
    """The primary could not be brought back; its next caller will be told."""
