"""What of the conversations in memory outlasts the process, at its orderly end.

Owns the choice, and the time it may take. Which conversations last at all, and where they
lie, is the parking lot's.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from airunner.engines.slots import Resident
from airunner.events import EventBus, ModelParked
from airunner.resources.loaded_model import LoadedModel
from airunner.resources.parking import NEW_SHARE, ParkingLot
from airunner.resources.saved_state import ParkedState

LONGEST_S = 30.0
"""Longest wait for the states to be written, in seconds; `airunner stop` waits twice as long."""

MOST_BYTES = 3_000_000_000
"""Most that is written at the end: what a slow disk, 100 MB a second, takes in that time."""


@dataclass(frozen=True, slots=True)
class _Live:
    """A conversation in a slot, and about the bytes that its state takes in a file."""

    model: LoadedModel
    resident: Resident
    n_bytes: int

    @property
    def continued(self) -> bool:
        return self.resident.continued


class _Chosen(NamedTuple):
    """Each that used longest ago first, which is the order to write them in."""

    live: list[_Live]
    parked: list[ParkedState]


async def keep_for_the_next(lot: ParkingLot, loaded: Iterable[LoadedModel], bus: EventBus) -> None:
    """Move to disk what lies in slots and in memory, the most recently used within the quota.

    Conversations that nobody has come back to are last, and those that nobody could ask
    for in another process are left out. Where nothing outlasts the process, this costs
    nothing.
    """
    if not lot.lasting_bytes:
        return
    chosen = _choose(lot, loaded)
    lot.begin_to_close()
    for state in chosen.parked:
        lot.move(state)
    try:
        async with asyncio.timeout(LONGEST_S):
            for live in chosen.live:
                await _save(live, bus)
    except TimeoutError:
        pass  # the others begin anew


def parked_event(model: str, states: Sequence[ParkedState], park_s: float) -> ModelParked:
    """The event that conversations of a model were written to files."""
    return ModelParked(
        model=model,
        conversations=len(states),
        tokens=sum(s.tokens for s in states),
        parked_bytes=sum(s.n_bytes for s in states),
        park_s=park_s,
        tier="+".join(sorted({s.tier for s in states})),
    )


def _choose(lot: ParkingLot, loaded: Iterable[LoadedModel]) -> _Chosen:
    live = [each for model in loaded for each in _live(model)]
    live.sort(key=lambda each: -each.resident.used)
    found: list[_Live | ParkedState] = [
        *(each for each in live if lot.lasts(each.resident.conversation)),
        *(state for state in lot.in_memory() if lot.lasts(state.name)),
    ]
    found.sort(key=lambda each: not each.continued)
    room_bytes = min(lot.lasting_bytes, MOST_BYTES)
    chosen = _Chosen([], [])
    # What is on disk already is older, and makes room as it always does.
    reserved_bytes = room_bytes // NEW_SHARE
    for state in found:
        if state.n_bytes <= room_bytes - (reserved_bytes if state.continued else 0):
            room_bytes -= state.n_bytes
            if isinstance(state, _Live):
                chosen.live.insert(0, state)
            else:
                chosen.parked.insert(0, state)
    return chosen


def _live(model: LoadedModel) -> list[_Live]:
    found = []
    for resident in model.slots.residents():
        tokens = model.states.proof.tokens(resident.conversation)
        if tokens and not resident.busy:
            found.append(_Live(model, resident, tokens * model.states.kv_bytes_per_token))
    return found


async def _save(live: _Live, bus: EventBus) -> None:
    model, (conversation, _, continued, *_) = live.model, live.resident
    began_s = time.monotonic()
    async with model.slots.hold(conversation) as claim:
        # Somebody who still holds a lease may have displaced it in the meantime.
        state = (
            await model.states.save(conversation, claim.slot, continued) if claim.resident else None
        )
    if state is not None:
        bus.publish(parked_event(model.key, [state], time.monotonic() - began_s))
