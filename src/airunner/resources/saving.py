"""Writing a slot's KV state to the first place in the parking lot that takes it.

Owns the order of the attempts. What the state is of, its caller says.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from airunner.engines.base import ChatModel, SlotState
from airunner.errors import AiRunnerError
from airunner.resources.parking import KeptBeginning, ParkedState, ParkingLot, TierName

StateT = TypeVar("StateT", ParkedState, KeptBeginning)


async def save_slot(
    lot: ParkingLot,
    model: ChatModel,
    slot: int,
    expected_bytes: int,
    describe: Callable[[TierName, Path, SlotState], StateT],
) -> StateT | str:
    """Save ``slot`` in the lot, trying each tier; the problem in words if none took it.

    ``describe`` makes the lot's entry of a state that has been written.
    """
    problem = "no parking tier has room for it"
    for tier, path in lot.offers(expected_bytes):
        try:
            saved = await model.save_slot(slot, path)
        except AiRunnerError as error:
            problem = str(error)
            continue
        state = describe(tier, path, saved)
        if lot.keep(state):
            return state
        problem = f"its {saved.n_bytes:,} bytes exceed the quota of the {tier} tier"
    return problem
