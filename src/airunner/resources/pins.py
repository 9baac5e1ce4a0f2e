"""Whether models that are to be kept in memory fit there, beside the primary."""

from __future__ import annotations

from collections.abc import Mapping

from airunner.errors import DeviceNotFoundError, DoesNotFitError
from airunner.scheduling.roster import Roster


def check_pins(roster: Roster, chosen: Mapping[str, Mapping[str, int]]) -> None:
    """Return if the chosen models, each with its bytes by device, fit beside the primary.

    Raises:
        DoesNotFitError: they do not.
        DeviceNotFoundError: one was placed on a device that there is not.
    """
    sizes = dict(chosen)
    if roster.primary is not None:
        sizes.setdefault(roster.primary, roster.models[roster.primary].size_bytes)
    budgets = {device: each.budget_bytes for device, each in roster.ledger.accounts.items()}
    left = dict(budgets)
    for key in sorted(sizes, key=lambda k: -max(sizes[k].values(), default=0)):
        assigned = roster.record(key).assigned
        usable = [d for d in sizes[key] if assigned in (None, d)]
        roomiest = max(usable, key=lambda d: left[d] - sizes[key][d], default=None)
        if roomiest is None:
            raise DeviceNotFoundError(assigned or "", tuple(left))
        if sizes[key][roomiest] > left[roomiest]:
            raise DoesNotFitError(
                key,
                roomiest,
                sizes[key][roomiest],
                left[roomiest],
                budgets[roomiest],
                "Models kept in memory must fit beside the primary: keep fewer, "
                "or raise the budget.",
            )
        left[roomiest] -= sizes[key][roomiest]
