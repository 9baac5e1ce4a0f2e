"""Which conversation is in which slot of a loaded model, and who may use a slot next.

Owns the table and the queue in front of it, and how many tokens fit where the slots share
one context; the KV state itself is in the engine. One event loop uses a table.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from airunner.engines.base import Displaced, SlotClaim

IDLE_SHARE = 16
"""Idle slots hold no more than this part of a shared context once another is used.

Attention does not pass over what they hold: with 1,500 tokens in idle slots SmolLM2 read
prompts on the CPU at 1.12 times the cost, and generated at 1.02 times. On CUDA a long prompt
was seen to be read half as fast beside another (ggml-org/llama.cpp issue 28495).
"""
_HOLDS_REMEMBERED = 8
"""How many holds of a slot the mean of their lengths follows."""


@dataclass(slots=True)
class _Slot:
    """``resident`` is the conversation whose KV state is here; ``used`` orders by last use.

    ``continued`` is whether somebody has come back to it. It is busy ``since_s`` of the clock.
    ``tokens`` are what it holds of a shared context, or may come to hold while it is busy.
    ``emptied_for`` is the claim that it has to be emptied for, and is busy meanwhile.
    """

    resident: str | None = None
    continued: bool = False
    busy: bool = False
    used: int = 0
    since_s: float = 0.0
    tokens: int = 0
    emptied_for: SlotClaim | None = None


class Resident(NamedTuple):
    """A conversation in its slot; the larger ``used``, the later, whatever the table."""

    conversation: str
    slot: int
    continued: bool
    busy: bool
    used: int


_uses = itertools.count(1)


class Wait(NamedTuple):
    """A place in the queue: how many are served first, and about how long that takes.

    ``wait_s`` is seconds, ``None`` as long as no answer has ended that it could be judged by.
    """

    ahead: int
    wait_s: float | None


class Waiting(NamedTuple):
    """Somebody who waits for a slot; ``wait_s`` is a guess where no answer has ended yet."""

    conversation: str | None
    priority: int
    ahead: int
    wait_s: float


@dataclass(slots=True, eq=False)
class _Waiter:
    conversation: str | None
    priority: int
    tokens: int
    near: str | None
    claim: asyncio.Future[SlotClaim]
    moved: asyncio.Event = field(default_factory=asyncio.Event)


class SlotTable:
    """The ``n_slots`` slots of one loaded model. ``clock`` is monotonic seconds.

    ``shared_tokens`` is the length of the context that the slots share; ``None`` where each
    has one of its own.
    """

    def __init__(
        self,
        n_slots: int,
        clock: Callable[[], float] = time.monotonic,
        shared_tokens: int | None = None,
    ) -> None:
        self._shared_tokens = shared_tokens
        self._slots = [_Slot() for _ in range(n_slots)]
        self._queue: list[_Waiter] = []
        self._clock = clock
        self._held_s = 5.0  # a guess, until the first has been held
        self._has_held = False

    @property
    def waiting(self) -> int:
        """How many wait for a slot."""
        return len(self._queue)

    def queue(self) -> list[Waiting]:
        """Everybody who waits, in the order of their turns."""
        found = []
        for waiter in self._queue:
            ahead, wait_s = self._wait(waiter)
            guess_s = self._held_s * ahead / len(self._slots) if wait_s is None else wait_s
            found.append(Waiting(waiter.conversation, waiter.priority, ahead, guess_s))
        return found

    @property
    def queue_s(self) -> float:
        """About how long until everybody who waits has been served, in seconds."""
        return self._held_s * (len(self._queue) + 1) / len(self._slots)

    @asynccontextmanager
    async def hold(
        self,
        conversation: str | None,
        priority: int = 0,
        told: Callable[[Wait], object] | None = None,
        tokens: int = 0,
        near: str | None = None,
    ) -> AsyncIterator[SlotClaim]:
        """Have a slot to oneself while the body runs, first come, first served in a priority.

        1. A conversation gets the slot it is resident in, and waits for it if it is busy.
           Failing that, it gets the idle slot of the one that it begins like, ``near``.
        2. Anybody else gets an idle slot that nobody is resident in.
        3. Failing that, the idle slot of a conversation that nobody has come back to, such
           as a request for a title; of several, the one used longest ago.
        4. Failing that, the idle slot used longest ago. ``displaced`` names the resident,
           which is no longer resident from then on.

        5. In a shared context, whoever asks for more ``tokens`` than the busy slots leave
           waits, and all behind it with it. The idle ones that it has no room for, or that
           hold too much, are ``crowded_out``, in the same order, and busy until ``emptied``.

        ``None`` is a request of no conversation, and leaves its slot without a resident.
        ``told`` hears of the wait, if there is one, and again whenever one has had its turn,
        at last with nobody ``ahead``.
        """
        claim_to_come = asyncio.get_running_loop().create_future()
        waiter = _Waiter(conversation, priority, tokens, near, claim_to_come)
        self._queue.append(waiter)
        self._queue.sort(key=lambda each: -each.priority)
        self._grant()
        try:
            claim = await self._served(waiter, told)
            began_s = self._clock()
            yield claim
            lasted_s = self._clock() - began_s
            share = _HOLDS_REMEMBERED if self._has_held else 1
            self._held_s += (lasted_s - self._held_s) / share
            self._has_held = True
        finally:
            if waiter in self._queue:
                self._queue.remove(waiter)
            elif waiter.claim.done() and not waiter.claim.cancelled():
                # Also when the wait was cancelled after the slot had been granted.
                self._release(waiter.claim.result())

    async def _served(self, waiter: _Waiter, told: Callable[[Wait], object] | None) -> SlotClaim:
        if told is None:
            return await waiter.claim
        waiter.claim.add_done_callback(lambda _: waiter.moved.set())
        last = 0
        # Told by the task that waits: who hears it may depend on whose task that is.
        while not waiter.claim.done():
            wait = self._wait(waiter)
            if wait.ahead != last:
                told(wait)
                last = wait.ahead
            waiter.moved.clear()
            await waiter.moved.wait()
        claim = waiter.claim.result()
        if last:
            told(Wait(0, 0.0))
        return claim

    def _wait(self, waiter: _Waiter) -> Wait:
        ahead = self._queue.index(waiter) + 1
        if not self._has_held:
            return Wait(ahead, None)
        # One that lasts longer than usual may last as long again.
        now_s = self._clock()
        lasts_s = [now_s - slot.since_s for slot in self._slots if slot.busy]
        left_s = min((max(self._held_s - each, each) for each in lasts_s), default=0.0)
        return Wait(ahead, left_s + self._held_s * (ahead - 1) / len(self._slots))

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

    def note_tokens(self, slot: int, tokens: int) -> None:
        """Say how many tokens a slot holds, now that its answer has ended.

        After a prompt of none, which is 0, the engine has left in it what was there.
        """
        if tokens:
            self._slots[slot].tokens = tokens

    def emptied(self, slot: int) -> None:
        """Say that a slot which was crowded out holds nothing any more."""
        self._slots[slot].tokens = 0
        self._slots[slot].busy, self._slots[slot].emptied_for = False, None
        self._grant()

    def _release(self, claim: SlotClaim) -> None:
        self._slots[claim.slot].busy = False
        for slot in self._slots:
            if slot.emptied_for is claim:
                slot.busy, slot.emptied_for = False, None
        self._grant()

    def _grant(self) -> None:
        """Give slots to everybody in the queue who can have one now, in order."""
        for waiter in list(self._queue):
            if waiter.claim.cancelled():
                continue
            if (index := self._choose(waiter)) is not None:
                if not self._has_room(waiter.tokens):
                    break  # else those that need little would be served before it for ever
                self._queue.remove(waiter)
                waiter.claim.set_result(self._claim(index, waiter))
        for waiter in self._queue:
            waiter.moved.set()

    def _choose(self, waiter: _Waiter) -> int | None:
        homes = self.live()
        if waiter.conversation in homes:
            home = homes[waiter.conversation]
            return None if self._slots[home].busy else home
        near = homes.get(waiter.near) if waiter.near is not None else None
        if near is not None and not self._slots[near].busy:
            return near
        return next(iter(self._idle()), None)

    def _idle(self) -> list[int]:
        """The slots that are not busy, that which costs least to overwrite first."""

        def cost(index: int) -> tuple[bool, bool, int]:
            slot = self._slots[index]
            return slot.resident is not None, slot.continued, slot.used

        return sorted((i for i, slot in enumerate(self._slots) if not slot.busy), key=cost)

    def _has_room(self, tokens: int) -> bool:
        busy = [slot.tokens for slot in self._slots if slot.busy]
        most = self._shared_tokens
        return most is None or not busy or sum(busy) + tokens <= most

    def _claim(self, index: int, waiter: _Waiter) -> SlotClaim:
        slot, conversation = self._slots[index], waiter.conversation
        resident = conversation is not None and slot.resident == conversation
        displaced, continued = (None, False) if resident else (slot.resident, slot.continued)
        slot.resident, slot.continued = conversation, resident
        slot.busy, slot.used, slot.since_s = True, next(_uses), self._clock()
        slot.tokens = waiter.tokens
        claim = SlotClaim(index, resident, displaced, continued, tuple(self._crowded_out()))
        for each in claim.crowded_out:
            left = self._slots[each.slot]
            left.resident, left.busy, left.emptied_for = None, True, claim
        return claim

    def _crowded_out(self) -> Iterator[Displaced]:
        """The idle slots whose tokens the shared context has no room for beside the busy ones."""
        most = self._shared_tokens
        if most is None:
            return
        idle = sum(slot.tokens for slot in self._slots if not slot.busy)
        over = sum(slot.tokens for slot in self._slots) - most
        over = max(over, idle - most // IDLE_SHARE)
        for index in self._idle():
            slot = self._slots[index]
            if over > 0 and slot.tokens:
                over -= slot.tokens
                yield Displaced(index, slot.resident, slot.continued)
