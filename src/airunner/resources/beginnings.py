"""The beginning that all conversations of the same settings share: computed once, then kept.

The system prompt and the block of tools stand at the top of every prompt, the same
token for token. Owns which beginnings are worth keeping, and what has shown that it
cannot be used. The files are in the parking lot; the engine computes, writes and
reads the states.
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field, replace
from datetime import date
from hashlib import blake2b
from weakref import WeakValueDictionary

from airunner.engines.base import ChatModel, ChatRequest, LoadPlan
from airunner.engines.beginning import leading_system
from airunner.errors import SharedContextFullError, WorkerDiedError
from airunner.events import BeginningKept, BeginningRestored, EventBus
from airunner.resources.cache_proof import CacheProof
from airunner.resources.parking import ParkingLot
from airunner.resources.saved_state import KeptBeginning
from airunner.resources.saving import save_slot

KEPT_FROM_TOKENS = 256
"""A shorter beginning costs less to compute than to look after."""

KEPT_PER_MODEL = 4
"""More than these would take the parked conversations' place.

They do no good where each conversation brings a system prompt of its own.
"""

_CHARACTERS_PER_TOKEN = 4  # of English; JSON has fewer


@dataclass(frozen=True, slots=True)
class Begun:
    """The beginning in a new conversation's slot; ``restored`` if it came from a file.

    ``computed`` of its tokens were computed for this conversation. The engine counts them
    as cached in the request that follows, which they are to nobody else.
    """

    digest: str
    tokens: int
    restored: bool
    computed: int = 0


@dataclass(slots=True)
class Beginnings:
    """The kept beginnings of one loaded model.

    A model that ``rolls_back`` finds the beginning by itself where the slot's content has
    the same one, which spares reading the file: 12 ms for 54 MB, 0.25 s for the 345 MB
    that 2,300 tokens of an 8B model take (measured on 2 busy cores). ``hopeless`` holds
    models and digests of beginnings that are not tried again. It is shared by all loads
    of a process.
    """

    model: str
    lot: ParkingLot
    bus: EventBus
    proof: CacheProof
    kv_bytes_per_token: int
    rolls_back: bool
    hopeless: set[str]
    _reading: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    async def bring(
        self,
        engine: ChatModel,
        request: ChatRequest,
        conversation: str,
        slot: int,
        content: str | None,
    ) -> Begun | None:
        """Put the beginning of ``request``'s prompt into ``slot``, kept or computed now.

        ``content`` is the digest of what the slot's content begins with, if known.
        ``None`` if it is too short, or could not be had. Failures are events, for
        the request can go on without.
        """
        digest = self.digest(engine.plan, request)
        if digest is None:
            return None
        # Of several new conversations at once, one computes and the others restore.
        async with self._reading.setdefault(digest, asyncio.Lock()):
            kept = self.lot.use_beginning(self.model, digest)
            if kept is None and digest not in self.hopeless:
                return await self._read(engine, digest, request, conversation, slot)
        if kept is None:
            return None
        if self.rolls_back and content == digest:
            return Begun(digest, kept.tokens, restored=False)
        return await self._restore(engine, kept, conversation, slot)

    def disprove(self, begun: Begun, cached_tokens: int) -> None:
        """Give up a beginning that the request after it did not re-use.

        Where nothing at all was re-used, the engine cannot do it for this model,
        whatever the beginning.
        """
        self.hopeless.add(begun.digest if cached_tokens else self.model)
        if (kept := self.lot.use_beginning(self.model, begun.digest)) is not None:
            self.lot.discard(kept)

    def digest(self, plan: LoadPlan, request: ChatRequest) -> str | None:
        """What stands for a beginning; ``None`` if it is short, or nothing can keep it."""
        if self.lot.is_closed or self.model in self.hopeless:
            return None
        system = [message.text for message in leading_system(request.messages)]
        told = [tool for tool in request.tools if not tool.deferred]
        tools = [(t.name, t.description, json.dumps(t.parameters)) for t in told]
        length = sum(map(len, system)) + sum(len(part) for tool in tools for part in tool)
        if length < KEPT_FROM_TOKENS * _CHARACTERS_PER_TOKEN:
            return None
        # Threads are divided anew with every load. Templates may state the date.
        settings = replace(plan, n_threads=0)
        facts = (self.model, settings, system, tools, request.thinking, str(date.today()))
        digest = blake2b(repr(facts).encode(), digest_size=16).hexdigest()
        return None if digest in self.hopeless else digest

    async def _read(
        self, engine: ChatModel, digest: str, request: ChatRequest, conversation: str, slot: int
    ) -> Begun | None:
        began_s = time.monotonic()
        try:
            tokens = await engine.read_beginning(request, slot)
        except Exception as error:  # as for every conversation's state
            self._give_up_on_death(error)
            self.hopeless.add(digest)
            self.proof.not_kept(conversation, str(error))
            return None
        if tokens < KEPT_FROM_TOKENS:
            self.hopeless.add(digest)
            return None
        expected_bytes = tokens * self.kv_bytes_per_token
        kept = await save_slot(
            self.lot, engine, slot, expected_bytes, KeptBeginning, self.model, digest
        )
        if isinstance(kept, str):
            self.proof.not_kept(conversation, kept)
        else:
            for old in self.lot.beginnings_of(self.model)[KEPT_PER_MODEL:]:
                self.lot.discard(old)
            self.bus.publish(
                BeginningKept(
                    model=self.model,
                    tokens=kept.tokens,
                    n_bytes=kept.n_bytes,
                    seconds=time.monotonic() - began_s,
                )
            )
        return Begun(digest, tokens, restored=False, computed=tokens)

    async def _restore(
        self, engine: ChatModel, kept: KeptBeginning, conversation: str, slot: int
    ) -> Begun | None:
        try:
            found = await engine.restore_slot(slot, kept.path)
        except Exception as error:  # as for every conversation's state
            self._give_up_on_death(error)
            self.lot.discard(kept)
            self.proof.lost(conversation, 0, kept.tokens, str(error))
            return None
        self.bus.publish(
            BeginningRestored(
                model=self.model,
                conversation=conversation,
                tokens=found.tokens,
                restore_s=found.seconds,
            )
        )
        return Begun(kept.name, found.tokens, restored=True)

    def _give_up_on_death(self, error: Exception) -> None:
        # It may have been the state's fault, and must not happen with every conversation.
        if isinstance(error, WorkerDiedError) and not isinstance(error, SharedContextFullError):
            self.hopeless.add(self.model)
