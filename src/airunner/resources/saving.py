"""Writing a slot's KV state to the first place in the parking lot that takes it.

Owns the order of the attempts. What the state is of, its caller says.
"""

from __future__ import annotations

from airunner.engines.base import ChatModel
from airunner.resources.parking import ParkingLot
from airunner.resources.saved_state import StateT


async def save_slot(
    lot: ParkingLot,
    engine: ChatModel,
    slot: int,
    expected_bytes: int,
    kind: type[StateT],
    model: str,
    name: str,
    continued: bool = True,
) -> StateT | str:
    """Save ``slot`` in the lot, trying each tier; the problem in words if none took it.

    The lot's entry is of this ``kind``, ``model`` and ``name``.
    """
    problem = "no parking tier has room for it"
    for tier, path in lot.offers(expected_bytes, name, continued):
        try:
            saved = await engine.save_slot(slot, path)
        except Exception as error:  # engines are anybody's, and the model is to go
            problem = str(error)
            continue
        state = kind(model, name, path, tier, saved.n_bytes, saved.tokens, continued)
        if lot.keep(state):
            return state
        problem = f"its {saved.n_bytes:,} bytes exceed the quota of the {tier} tier"
    return problem
