"""What is done about a model that will probably be asked for soon: its file is read ahead.

Owns that one decision, which is pure and leaves the roster as it is. How a file
is read, and how much of it there is room for, is ``readahead``.
"""

from __future__ import annotations

from airunner.scheduling.effects import Effect, ReadAhead
from airunner.scheduling.inputs import Expected
from airunner.scheduling.lifecycle import Lifecycle
from airunner.scheduling.placement import Outcome, place
from airunner.scheduling.roster import ModelRecord, Promises, Roster


def read_ahead(roster: Roster, event: Expected) -> list[Effect]:
    """At most one effect: to read ahead, if that can help.

    1. The model is in memory, or on its way there or out: nothing to read. Parked
       or failed, it was there a moment ago, and its file is still at hand.
    2. A request waits for it: it is being loaded as fast as that can be done.
    3. It can never be placed: reading its file would be for nothing.
    4. Otherwise read ahead, with the figures of the device it would go to.
    """
    key, size_bytes = event.demand.key, dict(event.demand.size_bytes)
    record = roster.models.get(key) or ModelRecord(key)
    if record.state is not Lifecycle.COLD or roster.wanted(record):
        return []
    found = place(size_bytes, roster.views(record, Promises(), owner=""), record.assigned)
    if found.outcome is Outcome.NEVER:
        return []
    account = roster.ledger.accounts[found.device]
    effect = ReadAhead(
        key=key,
        device=found.device,
        reason="a tool call that needs it has begun",
        needed_bytes=found.needed_bytes,
        held_bytes=account.held_bytes,
        budget_bytes=account.budget_bytes,
        owner=event.owner,
    )
    return [effect]
