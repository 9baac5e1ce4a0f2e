"""Which conversation is in which slot of a loaded model, and who may use a slot next.

Owns the table and the queue in front of it; the KV state itself is in the
engine. One event loop uses a table.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import NamedTuple

from airunner.engines.base import SlotClaim

_HOLDS_REMEMBERED = 8
"""How many holds of a slot the mean of their lengths follows."""


@dataclass(slots=True)
class _Slot:
    """``resident`` is the conversation whose KV state is here; ``used`` orders by last use.

    ``continued`` is whether somebody has come back to it.
    """

    resident: str | None = None
    continued: bool = False
    busy: bool = False
    used: int = 0


class Resident(NamedTuple):
    """A conversation in its slot; the larger ``used``, the later, whatever the table."""

    conversation: str
    slot: int
    continued: bool
    busy: bool
    used: int


_uses = itertools.count(1)


@dataclass(slots=True, eq=False)
class _Waiter:
    conversation: str | None
    priority: int
    claim: asyncio.Future[SlotClaim]


class SlotTable:
    """The ``n_slots`` slots of one loaded model. ``clock`` is monotonic seconds."""

    def __init__(self, n_slots: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._slots = [_Slot() for _ in range(n_slots)]
        self._queue: list[_Waiter] = []
        self._clock = clock
        self._held_s = 5.0  # a guess, until the first has been held

    @property
    def waiting(self) -> int:
        """How many wait for a slot."""
        return len(self._queue)

    @property
    def queue_s(self) -> float:
        """About how long until everybody who waits has been served, in seconds."""
        return self._held_s * (len(self._queue) + 1) / len(self._slots)

    @asynccontextmanager
    async def hold(self, conversation: str | None, priority: int = 0) -> AsyncIterator[SlotClaim]:
        """Have a slot to oneself while the body runs, first come, first served in a priority.

        1. A conversation gets the slot it is resident in, and waits for it if it is busy.
        2. Anybody else gets an idle slot that nobody is resident in.
        3. Failing that, the idle slot of a conversation that nobody has come back to, such
           as a request for a title; of several, the one used longest ago.
        4. Failing that, the idle slot used longest ago. ``displaced`` names the resident,
           which is no longer resident from then on.

        ``None`` is a request of no conversation, and leaves its slot without a resident.
        """
        waiter = _Waiter(conversation, priority, asyncio.get_running_loop().create_future())
        self._queue.append(waiter)
        self._queue.sort(key=lambda each: -each.priority)
        self._grant()
        try:
            claim = await waiter.claim
            began_s = self._clock()
            yield claim
            self._held_s += (self._clock() - began_s - self._held_s) / _HOLDS_REMEMBERED
        finally:
            if waiter in self._queue:
                self._queue.remove(waiter)
            elif waiter.claim.done() and not waiter.claim.cancelled():
                # Also when the wait was cancelled after the slot had been granted.
                self._release(waiter.claim.result().slot)

    def live(self) -> dict[str, int]:
        """The slot of every resident conversation, busy or not."""
        return {each.conversation: each.slot for each in self.residents()}

    def residents(self) -> list[Resident]:
        """Every resident conversation, that used longest ago first."""
        found = [
            Resident(slot.resident, index, slot.continued, slot.busy, slot.used)
            for index, slot in enumerate(self._slots)
            if slot.resident is not None
        ]
        return sorted(found, key=lambda resident: resident.used)

    def note_continued(self, conversation: str, continued: bool) -> None:
        """Say whether somebody has come back to a conversation that was brought in here."""
        for slot in self._slots:
            if slot.resident == conversation:
                slot.continued = continued

    def forget(self, conversation: str) -> None:
        """Make a conversation resident nowhere; one that is busy may finish."""
        for slot in self._slots:
            if slot.resident == conversation:
                slot.resident = None
        self._grant()

    def _release(self, index: int) -> None:
        self._slots[index].busy = False
        self._grant()

    def _grant(self) -> None:
        """Give slots to everybody in the queue who can have one now, in order."""
        for waiter in list(self._queue):
            if waiter.claim.cancelled():
                continue
            if (index := self._choose(waiter.conversation)) is not None:
                self._queue.remove(waiter)
                waiter.claim.set_result(self._claim(index, waiter.conversation))

    def _choose(self, conversation: str | None) -> int | None:
        if conversation is not None:
            for index, slot in enumerate(self._slots):
                if slot.resident == conversation:
                    return None if slot.busy else index
        idle = [index for index, slot in enumerate(self._slots) if not slot.busy]

        def cost(index: int) -> tuple[bool, bool, int]:
            slot = self._slots[index]
            return slot.resident is not None, slot.continued, slot.used

        return min(idle, key=cost, default=None)

    def _claim(self, index: int, conversation: str | None) -> SlotClaim:
        slot = self._slots[index]
        resident = conversation is not None and slot.resident == conversation
        displaced, continued = (None, False) if resident else (slot.resident, slot.continued)
        slot.resident, slot.continued = conversation, resident
        slot.busy, slot.used = True, next(_uses)
        return SlotClaim(index, resident, displaced, continued)
