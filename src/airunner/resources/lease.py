"""The right to use a loaded model, and the conversations that live in it.

``LoadedModel`` is one loaded model with its slots; ``Lease`` is what a caller
holds. Owns bringing a conversation's KV state into a slot, saving what a slot
displaces. Whether the tokens were really re-used is ``cache_proof``'s to say, how a
new conversation begins ``beginnings``'.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from airunner.engines.base import (
    ChatModel,
    ChatRequest,
    Chunk,
    Endpoint,
    LoadPlan,
    Plan,
    Served,
    SlotClaim,
    Worker,
)
from airunner.engines.image import Drawn, ImageModel, ImagePlan, ImageRequest, ImageStep
from airunner.engines.openai_form import request_of, usage_json, usage_of
from airunner.engines.slots import SlotTable
from airunner.errors import AiRunnerError, GenerationError, LeaseRefusedError, WorkerDiedError
from airunner.events import EventBus, ModelRestored
from airunner.messages import Delta, Message, ToolSchema, Usage
from airunner.models.spec import ModelSpec
from airunner.resources.beginnings import Beginnings, Begun
from airunner.resources.cache_proof import CacheProof
from airunner.resources.parking import ParkingLot
from airunner.resources.saved_state import ParkedState
from airunner.resources.saving import save_slot
from airunner.resources.visitor import current_visitor

STATE_BYTES_PER_S = 1e9
"""How fast KV state is saved and restored: 58 MB in 61 ms, measured with SmolLM2-135M."""

_DEATH_NOTICE_S = 2.0
_SAMPLING = ("temperature", "top_p", "top_k", "min_p", "repeat_penalty")


@dataclass(slots=True)
class LoadedModel:
    """A model in memory: its worker, its slots, and what is known of the conversations there.

    ``begun`` has the conversations that began with a common beginning and have not yet
    been answered to the end; ``unanswered`` those of which nothing else is in the slot.
    ``contents`` tells what the last answer in a slot began with; see ``Beginnings.digest``.
    ``queue_limit`` is how many requests may wait for a slot.
    """

    key: str
    worker: Worker
    slots: SlotTable
    lot: ParkingLot
    bus: EventBus
    kv_bytes_per_token: int
    beginnings: Beginnings
    proof: CacheProof
    queue_limit: int
    begun: dict[str, Begun] = field(default_factory=dict)
    unanswered: set[str] = field(default_factory=set)
    contents: dict[int, str | None] = field(default_factory=dict)

    @property
    def plan(self) -> Plan:
        """What was loaded, and how."""
        return self.worker.model.plan

    @property
    def n_ctx(self) -> int | None:
        """The context of one conversation, in tokens; ``None`` for a model that has none."""
        return self.plan.n_ctx if isinstance(self.plan, LoadPlan) else None

    @property
    def chat_model(self) -> ChatModel:
        """The model, if it speaks.

        Raises:
            GenerationError: it draws.
        """
        model = self.worker.model
        if isinstance(model.plan, ImagePlan):
            raise GenerationError(self.key, "it draws pictures and cannot answer in text")
        return model

    @property
    def image_model(self) -> ImageModel:
        """The model, if it draws.

        Raises:
            GenerationError: it speaks.
        """
        model = self.worker.model
        if not isinstance(model.plan, ImagePlan):
            raise GenerationError(self.key, "it is a language model and cannot draw pictures")
        return model

    @property
    def rebuild_s(self) -> float:
        """About how long it takes to save and restore the KV state of all live conversations."""
        n_bytes = sum(map(self.proof.tokens, self.slots.live())) * self.kv_bytes_per_token
        return 2 * n_bytes / STATE_BYTES_PER_S

    async def save(self, conversation: str, slot: int, continued: bool) -> ParkedState | None:
        """Write one conversation to the lot, trying each tier; ``None`` if none took it.

        ``continued`` is whether somebody has come back to it. One that was never answered
        has nothing of its own to be kept.
        """
        if conversation in self.unanswered:
            return None

        expected_bytes = self.proof.tokens(conversation) * self.kv_bytes_per_token
        try:
            state = await save_slot(
                self.lot,
                self.chat_model,
                slot,
                expected_bytes,
                ParkedState,
                self.key,
                conversation,
                continued,
            )
        except asyncio.CancelledError:
            self.proof.not_kept(conversation, "the request that needs its slot was cancelled")
            raise
        if isinstance(state, str):
            self.proof.not_kept(conversation, state)
            return None
        return state

    async def restore(self, state: ParkedState, slot: int) -> bool:
        """Read one conversation back; failure is an event.

        The state leaves the lot either way, because one that kills its worker
        must not be tried again. Only a restore that is cancelled leaves it there.
        """
        try:
            found = await self.chat_model.restore_slot(slot, state.path)
        except AiRunnerError as error:
            self.lot.drop(state.model, state.name)
            self.proof.lost(state.name, 0, state.tokens, str(error))
            return False
        self.lot.drop(state.model, state.name)
        self.slots.note_continued(state.name, state.continued)
        self.proof.expect(state.name, found.tokens, "restored")
        self.bus.publish(
            ModelRestored(
                model=self.key,
                conversation=state.name,
                tokens=found.tokens,
                restore_s=found.seconds,
            )
        )
        return True

    async def chat(self, request: ChatRequest) -> AsyncGenerator[Delta, None]:
        """Stream an answer, with the conversation's KV state brought in first."""
        conversation = request.conversation
        async with (
            self.hold_slot(conversation, request) as claim,
            aclosing(self.chat_model.chat(request, claim.slot)) as deltas,
        ):
            async for delta in deltas:
                if conversation is not None:
                    self.unanswered.discard(conversation)
                    if delta.usage is not None:
                        usage = self.account(conversation, delta.usage)
                        delta = replace(delta, usage=usage)
                if delta.usage is not None:
                    digest = self.beginnings.digest(self.chat_model.plan, request)
                    self.contents[claim.slot] = digest
                yield delta

    @asynccontextmanager
    async def hold_slot(
        self, conversation: str | None, request: ChatRequest | None = None
    ) -> AsyncIterator[SlotClaim]:
        """Have a slot for the body, with the conversation's KV state in it.

        What the slot displaces is saved before. ``request`` is what will be asked, where
        that is known: a conversation of which nothing is kept then begins with what it
        shares with others.

        Raises:
            GenerationError: the model draws, and has no slots.
            LeaseRefusedError: too many wait already.
        """
        _ = self.chat_model
        if (waiting := self.slots.waiting) >= self.queue_limit:
            problem = f"{waiting} requests are waiting already"
            raise LeaseRefusedError(self.key, problem, eta_s=self.slots.queue_s)
        async with self.slots.hold(conversation, current_visitor().priority) as claim:
            content = self.contents.pop(claim.slot, None)
            if not claim.resident:
                await self._make_ready(conversation, claim, content, request)
            yield claim

    async def complete(
        self, request: ChatRequest, body: Mapping[str, Any]
    ) -> AsyncGenerator[Chunk, None]:
        """The same for what a client asked; see ``ChatModel.complete``."""
        conversation = request.conversation
        async with self.hold_slot(conversation, request) as claim:
            stream = self.chat_model.complete(request, body, claim.slot)
            async with aclosing(stream) as chunks:
                async for chunk in chunks:
                    if conversation is not None:
                        self.unanswered.discard(conversation)
                    if (usage := usage_of(chunk)) is not None:
                        if conversation is not None:
                            usage = self.account(conversation, usage)
                        chunk["usage"] = {**chunk["usage"], **usage_json(usage)}
                        digest = self.beginnings.digest(self.chat_model.plan, request)
                        self.contents[claim.slot] = digest
                    yield chunk

    async def _make_ready(
        self,
        conversation: str | None,
        claim: SlotClaim,
        content: str | None,
        request: ChatRequest | None,
    ) -> None:
        """Save what the slot displaces, and bring in what is kept for the conversation.

        That is its parked state, or failing that the beginning it shares with others.
        """
        try:
            if claim.displaced is not None:
                await self.save(claim.displaced, claim.slot, claim.continued)
            if conversation is None:
                return
            self._expect_nothing(conversation)
            parked = self.lot.find(self.key, conversation)
            restored = parked is not None and await self.restore(parked, claim.slot)
            if restored:
                self.slots.note_continued(conversation, True)
            if not restored and request is not None:
                # A restore that failed may have left anything in the slot.
                found = content if parked is None else None
                await self._begin(request, conversation, claim.slot, found)
        except BaseException:
            # Cancelled: what is in the slot now is not the state of this conversation.
            if conversation is not None:
                self.slots.forget(conversation)
            raise

    async def _begin(
        self, request: ChatRequest, conversation: str, slot: int, content: str | None
    ) -> None:
        begun = await self.beginnings.bring(self.chat_model, request, conversation, slot, content)
        if begun is not None:
            self.begun[conversation] = begun
            self.unanswered.add(conversation)
            self.proof.expect(conversation, begun.tokens, "restored" if begun.restored else "read")

    def account(self, conversation: str, usage: Usage) -> Usage:
        """Judge what was re-used; returns ``usage`` without what was computed just before it."""
        self.unanswered.discard(conversation)
        begun = self.begun.pop(conversation, None)
        reused = self.proof.account(conversation, usage)
        if begun is None:
            return usage
        if not reused:
            self.beginnings.disprove(begun, usage.cached_tokens)
        return replace(usage, cached_tokens=max(0, usage.cached_tokens - begun.computed))

    def forget(self, conversation: str) -> None:
        """Keep nothing of a conversation that was deleted; an answer in progress goes on."""
        self.slots.forget(conversation)
        self._expect_nothing(conversation)

    def _expect_nothing(self, conversation: str) -> None:
        self.begun.pop(conversation, None)
        self.unanswered.discard(conversation)
        self.proof.forget(conversation)


class Lease:
    """One caller's right to a loaded model, valid inside ``async with manager.lease(...)``."""

    def __init__(self, spec: ModelSpec, residence: LoadedModel) -> None:
        self.spec = spec
        self._residence = residence

    @property
    def model(self) -> ChatModel:
        """The engine's side of it, for uses that bring no conversation along."""
        return self._residence.chat_model

    @property
    def n_ctx(self) -> int:
        """The context of one conversation, in tokens."""
        return self._residence.n_ctx or 0

    @property
    def endpoint(self) -> Endpoint | None:
        """Where the model's worker can be asked directly, for as long as the lease is held.

        ``None`` where its engine has no such place. A request that computes in a slot
        belongs inside ``slot``, and names it (llama.cpp's ``id_slot``): it would else
        overwrite what another conversation has there.
        """
        model = self._residence.worker.model
        return model.endpoint if isinstance(model, Served) else None

    @asynccontextmanager
    async def slot(self, conversation: str | None = None) -> AsyncIterator[int]:
        """Have one of the engine's slots for the body, for requests to ``endpoint``.

        Waits until one is free, saves what it displaces, and brings in the KV state that
        is kept for ``conversation``; ``None`` is a request that leaves nothing behind.

        Raises:
            GenerationError: the model draws.
        """
        async with self._residence.hold_slot(conversation) as claim:
            yield claim.slot

    async def death(self) -> WorkerDiedError:
        """The error for a connection to ``endpoint`` that broke, once the worker has ended."""
        worker, key = self._residence.worker, self._residence.key
        try:
            ended = await asyncio.wait_for(worker.wait(), _DEATH_NOTICE_S)
        except TimeoutError:
            return WorkerDiedError(key, None)
        return WorkerDiedError(key, ended.exit_code, ended.log)

    def account(self, conversation: str, usage: Usage) -> None:
        """Report what a request to ``endpoint`` cost, inside ``slot``.

        What was restored for it is then proven or lost, as after ``chat``, and the next
        swap knows how much there is to be parked.
        """
        self._residence.account(conversation, usage)

    def chat(self, request: ChatRequest) -> AsyncGenerator[Delta, None]:
        """Stream an answer under the model's default sampling where the request names none.

        Raises:
            GenerationError, ContextOverflowError, WorkerDiedError: see ``ChatModel.chat``.
        """
        defaults = self.spec.sampling
        filled = {
            name: getattr(defaults, name) for name in _SAMPLING if getattr(request, name) is None
        }
        return self._residence.chat(replace(request, **filled))

    def complete(
        self, body: Mapping[str, Any], conversation: str | None = None
    ) -> AsyncGenerator[Chunk, None]:
        """Stream a chat completion that a client asked for, under the model's default sampling.

        Raises:
            GenerationError, ContextOverflowError, WorkerDiedError: see ``ChatModel.chat``.
        """
        defaults = {name: getattr(self.spec.sampling, name) for name in _SAMPLING}
        asked = {name: value for name, value in body.items() if value is not None}
        filled = {name: value for name, value in defaults.items() if value is not None} | asked
        return self._residence.complete(request_of(filled, conversation), filled)

    async def count_tokens(
        self, messages: Sequence[Message], tools: Sequence[ToolSchema] = ()
    ) -> int:
        """Tokens of the prompt that ``messages`` would become."""
        return await self.model.count_tokens(messages, tools)

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector per text; only for embedding models."""
        return await self.model.embed(texts)

    def draw(self, request: ImageRequest) -> AsyncGenerator[ImageStep | Drawn, None]:
        """Draw with the model's own defaults where the request names nothing.

        Raises:
            GenerationError: this model does not draw.
            ImageRequestError, BlackImageError, StorageError, WorkerDiedError: see
                ``ImageModel.draw``.
        """
        filled = request
        if (defaults := self.spec.image) is not None:
            names = ("width", "height", "steps", "guidance", "scheduler")
            absent = {n: getattr(defaults, n) for n in names if getattr(request, n) is None}
            if request.init_image is not None:  # its own size counts
                absent = {n: v for n, v in absent.items() if n not in ("width", "height")}
            filled = replace(request, **absent)
        return self._residence.image_model.draw(filled)


def conversations_of(plan: Plan) -> int:
    """How many conversations a load keeps at once."""
    return plan.n_parallel if isinstance(plan, LoadPlan) else 0
