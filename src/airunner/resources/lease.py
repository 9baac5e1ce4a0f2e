"""The right to use a loaded model, and the conversations that live in it.

``Residence`` is one loaded model with its slots; ``Lease`` is what a caller
holds. Owns bringing a conversation's KV state into a slot, saving what a slot
displaces, and proving after a restore that the tokens were really re-used.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from airunner.engines.base import ChatModel, ChatRequest, LoadPlan, Plan, SlotClaim, Worker
from airunner.engines.image import Drawn, ImageModel, ImagePlan, ImageRequest, ImageStep
from airunner.engines.slots import SlotTable
from airunner.errors import AiRunnerError, GenerationError
from airunner.events import CacheLost, CacheProven, EventBus, ModelRestored, ParkingFailed
from airunner.messages import Delta, Message, ToolSchema, Usage
from airunner.models.spec import ModelSpec
from airunner.resources.parking import ParkedState, ParkingLot

REUSE_PROOF = 0.9
"""Share of the restored tokens that the next request must find cached to count as proof.

Less than all, because a new user message may re-tokenize the seam, and because
an edited history legitimately diverges; those end as ``CacheLost`` with a reason.
"""


@dataclass(slots=True)
class Residence:
    """A model in memory: its worker, its slots, and what is known of the conversations there."""

    key: str
    worker: Worker
    slots: SlotTable
    lot: ParkingLot
    bus: EventBus
    kv_bytes_per_token: int
    tokens: dict[str, int] = field(default_factory=dict)
    unproven: dict[str, int] = field(default_factory=dict)

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
    def state_bytes(self) -> int:
        """About what the live conversations' KV state takes."""
        return sum(self.tokens.get(c, 0) for c in self.slots.live()) * self.kv_bytes_per_token

    async def save(self, conversation: str, slot: int) -> ParkedState | None:
        """Write one conversation to the lot, trying each tier; ``None`` if none took it."""
        expected_bytes = self.tokens.get(conversation, 0) * self.kv_bytes_per_token
        problem = "no parking tier has room for it"
        for tier, path in self.lot.offers(expected_bytes):
            try:
                saved = await self.chat_model.save_slot(slot, path)
            except AiRunnerError as error:
                problem = str(error)
                continue
            except asyncio.CancelledError:
                self._not_parked(conversation, "the request that needs its slot was cancelled")
                raise
            state = ParkedState(
                model=self.key,
                conversation=conversation,
                path=path,
                tier=tier,
                n_bytes=saved.n_bytes,
                tokens=saved.tokens,
            )
            if self.lot.keep(state):
                return state
            problem = f"its {saved.n_bytes:,} bytes exceed the quota of the {tier} tier"
        self._not_parked(conversation, problem)
        return None

    async def restore(self, state: ParkedState, slot: int) -> bool:
        """Read one conversation back; failure is an event.

        The state leaves the lot either way, because one that kills its worker
        must not be tried again. Only a restore that is cancelled leaves it there.
        """
        try:
            found = await self.chat_model.restore_slot(slot, state.path)
        except AiRunnerError as error:
            self.lot.drop(state.model, state.conversation)
            self._lost(state.conversation, 0, state.tokens, str(error))
            return False
        self.lot.drop(state.model, state.conversation)
        self.tokens[state.conversation] = found.tokens
        self.unproven[state.conversation] = found.tokens
        self.bus.publish(
            ModelRestored(
                model=self.key,
                conversation=state.conversation,
                tokens=found.tokens,
                restore_s=found.seconds,
            )
        )
        return True

    async def chat(self, request: ChatRequest) -> AsyncGenerator[Delta, None]:
        """Stream an answer, with the conversation's KV state brought in first."""
        conversation = request.conversation
        async with self.slots.hold(conversation) as claim:
            if not claim.resident:
                await self._make_ready(conversation, claim)
            async with aclosing(self.chat_model.chat(request, claim.slot)) as deltas:
                async for delta in deltas:
                    if delta.usage is not None and conversation is not None:
                        self._account(conversation, delta.usage)
                    yield delta

    async def _make_ready(self, conversation: str | None, claim: SlotClaim) -> None:
        """Save what the slot displaces, and bring in what is parked of the conversation."""
        try:
            if claim.displaced is not None:
                await self.save(claim.displaced, claim.slot)
            if conversation is None:
                return
            parked = self.lot.find(self.key, conversation)
            if parked is not None:
                await self.restore(parked, claim.slot)
        except BaseException:
            # Cancelled: what is in the slot now is not the state of this conversation.
            if conversation is not None:
                self.slots.forget(conversation)
            raise

    def _account(self, conversation: str, usage: Usage) -> None:
        self.tokens[conversation] = usage.prompt_tokens + usage.completion_tokens
        restored = self.unproven.pop(conversation, None)
        if restored is None:
            return
        if usage.cached_tokens >= REUSE_PROOF * min(restored, usage.prompt_tokens):
            self.bus.publish(
                CacheProven(
                    model=self.key,
                    conversation=conversation,
                    cached_tokens=usage.cached_tokens,
                    prompt_tokens=usage.prompt_tokens,
                    restored_tokens=restored,
                )
            )
        else:
            reason = "the prompt differs from what was parked, or the engine dropped the state"
            self._lost(conversation, usage.cached_tokens, restored, reason)

    def _not_parked(self, conversation: str, problem: str) -> None:
        self.bus.publish(ParkingFailed(model=self.key, conversation=conversation, problem=problem))

    def _lost(self, conversation: str, cached: int, restored: int, reason: str) -> None:
        self.bus.publish(
            CacheLost(
                model=self.key,
                conversation=conversation,
                cached_tokens=cached,
                restored_tokens=restored,
                reason=reason,
            )
        )


class Lease:
    """One caller's right to a loaded model, valid inside ``async with manager.lease(...)``."""

    def __init__(self, spec: ModelSpec, residence: Residence) -> None:
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

    def chat(self, request: ChatRequest) -> AsyncGenerator[Delta, None]:
        """Stream an answer under the model's default sampling where the request names none.

        Raises:
            GenerationError, ContextOverflowError, WorkerDiedError: see ``ChatModel.chat``.
        """
        defaults = self.spec.sampling
        filled = {
            name: getattr(defaults, name)
            for name in ("temperature", "top_p", "top_k", "min_p", "repeat_penalty")
            if getattr(request, name) is None
        }
        return self._residence.chat(replace(request, **filled))

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
