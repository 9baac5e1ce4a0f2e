"""What is loaded where, as people are shown it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airunner.scheduling.roster import Roster

if TYPE_CHECKING:
    from airunner.engines.slots import Waiting


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """One model. Sizes are bytes; ``measured_bytes`` is ``None`` when not loaded or not known.

    ``parked_tokens`` of ``parked_conversations`` need not be read again when it comes back.
    """

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
    parked_tokens: int = 0
    parked_conversations: int = 0


@dataclass(frozen=True, slots=True)
class DeviceStatus:
    """One device. Sizes are bytes; ``lost_bytes`` were not given back by ended workers."""

    device: str
    budget_bytes: int
    held_bytes: int
    lost_bytes: int


@dataclass(frozen=True, slots=True)
class WaitingStatus:
    """One request that waits for a model, or for a slot of one.

    ``place`` is 1 for the next to be served, ``eta_s`` about how long that takes, in seconds,
    ``reason`` why it waits, in the scheduler's words, and ``owner`` the work it is for: of
    one that waits for a slot the conversation, if it is of one.
    """

    place: int
    model: str
    owner: str
    reason: str
    eta_s: float
    priority: int


@dataclass(frozen=True, slots=True)
class Status:
    """Every device, every model ever asked for, and who waits, in order."""

    devices: tuple[DeviceStatus, ...]
    models: tuple[ModelStatus, ...]
    waiting: tuple[WaitingStatus, ...] = ()


def waiting_in(roster: Roster, now_s: float) -> tuple[WaitingStatus, ...]:
    """Everybody in the scheduler's queue, at ``now_s`` of its clock."""
    return tuple(
        WaitingStatus(
            place=index + 1,
            model=waiter.demand.key,
            owner=waiter.owner,
            reason=waiter.told,
            eta_s=roster.wait_s(index, now_s),
            priority=waiter.priority,
        )
        for index, waiter in enumerate(roster.queue)
    )


def waiting_at(model: str, queue: Sequence[Waiting]) -> tuple[WaitingStatus, ...]:
    """Everybody in the queue for a loaded model's slots."""
    return tuple(
        WaitingStatus(
            place=each.ahead,
            model=model,
            owner=each.conversation or "",
            reason="its slots are busy with other answers",
            eta_s=each.wait_s,
            priority=each.priority,
        )
        for each in queue
    )
