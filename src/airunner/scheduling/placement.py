"""Where a model goes: now, after evictions, after waiting, or nowhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from airunner.scheduling.eviction import Candidate, cheapest_sufficient


class Outcome(IntEnum):
    """How soon a placement can happen; smaller is sooner."""

    FITS = 0
    FITS_AFTER_EVICTION = 1
    WAITS = 2
    NEVER = 3


@dataclass(frozen=True, slots=True)
class DeviceView:
    """One device as one request sees it. All sizes are bytes.

    Attributes:
        device: its id.
        tier: devices of a lower tier are preferred as long as the model can ever fit there.
        free_bytes: budget less everything charged and everything lost.
        leaving_bytes: charged to models that are on their way out.
        reserved_bytes: promised to requests that came earlier.
        idle: models that may be evicted at once.
        busy: models that may be evicted once their users are done.
        own_busy_bytes: held by models that the requester itself uses.
    """

    device: str
    tier: int
    free_bytes: int
    leaving_bytes: int = 0
    reserved_bytes: int = 0
    idle: tuple[Candidate, ...] = ()
    busy: tuple[Candidate, ...] = ()
    own_busy_bytes: int = 0

    @property
    def reachable_bytes(self) -> int:
        """The most that could ever be made free for this request, others' claims aside."""
        evictable = sum(c.size_bytes for c in (*self.idle, *self.busy))
        return self.free_bytes + self.leaving_bytes + evictable


@dataclass(frozen=True, slots=True)
class Placement:
    """A decision. ``evict`` is to be evicted now, ``drain`` is to be waited for."""

    outcome: Outcome
    device: str
    needed_bytes: int
    evict: tuple[Candidate, ...] = ()
    drain: tuple[Candidate, ...] = ()

    @property
    def cost_s(self) -> float:
        """Expected seconds the evictions cost."""
        return sum(c.cost_s for c in (*self.evict, *self.drain))


def place(
    size_bytes: Mapping[str, int], views: Sequence[DeviceView], assigned: str | None = None
) -> Placement:
    """Choose a device for a model that needs ``size_bytes`` there.

    1. Only the assigned device, if there is one; else every device with a size.
    2. Tier by tier: the first tier in which the model can ever fit decides.
    3. Within it: fits now, before fits after evictions, before waits for users;
       then the cheaper evictions, then the most room left.
    4. If it can fit nowhere, NEVER on the device that came closest.
    """
    usable = [v for v in views if v.device in size_bytes and assigned in (None, v.device)]
    never: list[tuple[int, Placement]] = []
    for tier in sorted({v.tier for v in usable}):
        options: list[tuple[tuple[int, float, int], Placement]] = []
        for view in (v for v in usable if v.tier == tier):
            option = _on_device(size_bytes[view.device], view)
            if option.outcome is Outcome.NEVER:
                never.append((option.needed_bytes - view.reachable_bytes, option))
            else:
                room = view.free_bytes - view.reserved_bytes - option.needed_bytes
                options.append(((option.outcome, option.cost_s, -room), option))
        if options:
            return min(options, key=lambda rated: rated[0])[1]
    if never:
        return min(never, key=lambda rated: rated[0])[1]
    return Placement(Outcome.NEVER, assigned or "", 0)


def _on_device(needed_bytes: int, view: DeviceView) -> Placement:
    free = view.free_bytes - view.reserved_bytes
    if needed_bytes <= free:
        return Placement(Outcome.FITS, view.device, needed_bytes)
    coming = free + view.leaving_bytes
    if needed_bytes <= coming:
        return Placement(Outcome.WAITS, view.device, needed_bytes)
    evict = cheapest_sufficient(view.idle, needed_bytes - coming)
    if evict is not None:
        return Placement(Outcome.FITS_AFTER_EVICTION, view.device, needed_bytes, evict=evict)
    drain = cheapest_sufficient((*view.idle, *view.busy), needed_bytes - coming)
    if drain is not None:
        return Placement(Outcome.WAITS, view.device, needed_bytes, drain=drain)
    if needed_bytes <= view.reachable_bytes:
        # Earlier requests hold the claim; their turn ends by itself.
        return Placement(Outcome.WAITS, view.device, needed_bytes)
    return Placement(Outcome.NEVER, view.device, needed_bytes)
