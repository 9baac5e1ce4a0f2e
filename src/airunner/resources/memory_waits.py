"""Who holds the memory that a request waits for.

Owns the question alone: the scheduler decides who waits, the manager tells it.
"""

from __future__ import annotations

import time

from airunner.events import MemoryAwaited
from airunner.scheduling.roster import Roster


def wait_for_memory(
    roster: Roster, request: str, now_s: float, longest_s: float, device: str = ""
) -> MemoryAwaited | None:
    """What a waiting request waits for, where that is memory which others use.

    ``now_s`` is the scheduler's clock, ``longest_s`` when the wait is given up, and ``device``
    where room is made; without it everywhere that the model could go.
    """
    index = next((i for i, w in enumerate(roster.queue) if w.request == request), None)
    if index is None:
        return None
    waiter = roster.queue[index]
    wanted = roster.models[waiter.demand.key]
    if wanted.state.holds_memory:
        return None
    holders = [
        record
        for record in roster.models.values()
        if record.state.holds_memory
        and record.leases
        and waiter.owner not in record.leases.values()
        and (record.device == device or (not device and record.device in wanted.size_bytes))
    ]
    if not holders:
        return None
    # One that is held longer than leases last of late may be held for ever.
    is_overdue = any(
        now_s - granted_s > record.lease_s
        for record in holders
        for granted_s in record.granted_s.values()
    )
    accounts = roster.ledger.accounts
    began_s = min(min(record.granted_s.values()) for record in holders)
    return MemoryAwaited(
        owner=waiter.owner,
        model=wanted.key,
        holder=0,
        command="",
        models=tuple(record.key for record in holders),
        held_bytes=sum(accounts[r.device].charges.get(r.key, 0) for r in holders),
        since_s=time.time() - (now_s - began_s),
        wait_s=None if is_overdue else roster.wait_s(index, now_s),
        longest_s=longest_s,
    )
