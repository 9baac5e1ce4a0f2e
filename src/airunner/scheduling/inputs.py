"""What the scheduler is told: requests, and reports on the effects it asked for.

Plain values that survive a round trip through JSON, so that a recorded run can
be replayed. ``now_s`` is monotonic seconds; the scheduler has no clock of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airunner.scheduling.record import values_of


@dataclass(frozen=True, slots=True)
class Demand:
    """What loading a model would take.

    Attributes:
        key: the load's identity; capabilities that resolve to one file share it.
        size_bytes: memory needed on each device it could go to.
    """

    key: str
    size_bytes: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """Base of everything the scheduler is told."""

    now_s: float

    def as_json(self) -> dict[str, Any]:
        """The input as JSON-ready values, its type under ``input``."""
        values = values_of(self)
        if (demand := values.get("demand")) is not None:
            values["demand"] = values_of(demand)
        return {"input": type(self).__name__, **values}


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseAsked(Input):
    """``owner`` wants to use a model.

    ``returns`` says whether an evicted primary is owed back. Requests of a higher
    ``priority`` are served first.
    """

    request: str
    owner: str
    demand: Demand
    returns: bool = True
    priority: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected(Input):
    """``owner`` will soon ask for a model, as far as it knows now. Asks for nothing by itself."""

    owner: str
    demand: Demand


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseReturned(Input):
    """A lease ended. ``rebuild_s`` is what the model's conversations would cost to keep."""

    request: str
    rebuild_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseCancelled(Input):
    """Whoever asked no longer wants the lease, granted or not."""

    request: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesBegan(Input):
    """Several models will be used one after another; the primary returns after the last."""

    series: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesEnded(Input):
    """No further model of this series is coming."""

    series: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadFinished(Input):
    """A worker is ready; ``held_bytes`` is what it is to be charged."""

    key: str
    held_bytes: int
    load_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadFailed(Input):
    """A worker did not get ready. ``retryable`` is false when the file itself is at fault."""

    key: str
    problem: str
    retryable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreFinished(Input):
    """Parked conversations are back, or given up and reported."""

    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkFinished(Input):
    """A model's conversations are saved (``parked_bytes``), or given up and reported."""

    key: str
    parked_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StopFinished(Input):
    """A worker is gone. ``missing_bytes`` did not come back."""

    key: str
    missing_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerLost(Input):
    """A ready worker's process ended by itself. ``parked_bytes`` is what is still parked."""

    key: str
    problem: str
    parked_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetMeasured(Input):
    """A device's budget is now this, because something else took or gave back memory."""

    device: str
    budget_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PinsChanged(Input):
    """These models, and only these, are never evicted."""

    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceAssigned(Input):
    """A model belongs on this device and no other; ``None`` lets the scheduler choose."""

    key: str
    device: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PrimaryChanged(Input):
    """Which model is always brought back."""

    demand: Demand


@dataclass(frozen=True, slots=True, kw_only=True)
class UnloadAsked(Input):
    """A model is to leave memory, for ``reason``, without it being owed back."""

    key: str
    reason: str = "the user asked for it"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRemoved(Input):
    """A model's weights, and what was parked of it, are deleted."""

    key: str


INPUTS: dict[str, type[Input]] = {
    kind.__name__: kind
    for kind in (
        LeaseAsked,
        Expected,
        LeaseReturned,
        LeaseCancelled,
        SeriesBegan,
        SeriesEnded,
        LoadFinished,
        LoadFailed,
        RestoreFinished,
        ParkFinished,
        StopFinished,
        WorkerLost,
        BudgetMeasured,
        PinsChanged,
        DeviceAssigned,
        PrimaryChanged,
        UnloadAsked,
        ModelRemoved,
    )
}


def input_from_json(record: Mapping[str, Any]) -> Input:
    """The inverse of ``Input.as_json``."""
    fields = dict(record)
    kind = INPUTS[fields.pop("input")]
    if isinstance(fields.get("demand"), Mapping):
        fields["demand"] = Demand(**fields["demand"])
    if "keys" in fields:
        fields["keys"] = tuple(fields["keys"])
    return kind(**fields)
