"""One loaded model with its slots, and the conversations that live in it.

Owns bringing a conversation's KV state into a slot, and saving what a slot displaces.
Whether the tokens were really re-used is ``cache_proof``'s to say, how a new conversation
begins ``beginnings``'.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from airunner.engines.base import (
    ChatModel,
    ChatRequest,
    Chunk,
    LoadPlan,
    Plan,
    SharesContext,
    SlotClaim,
    Worker,
)
from airunner.engines.image import ImageModel, ImagePlan
from airunner.engines.openai_form import usage_json, usage_of
from airunner.engines.prompt_length import tokens_about
from airunner.engines.slots import SlotTable, Wait
from airunner.errors import GenerationError, LeaseRefusedError, SharedContextFullError
from airunner.events import Decided, EventBus, ModelRestored, SlotAwaited
from airunner.messages import Delta, Usage
from airunner.resources.beginnings import Beginnings, Begun
from airunner.resources.cache_proof import CacheProof
from airunner.resources.parking import ParkingLot
from airunner.resources.saved_state import ParkedState
from airunner.resources.saving import save_slot
from airunner.resources.visitor import current_visitor

STATE_BYTES_PER_S = 1e9
"""How fast KV state is saved and restored: 58 MB in 61 ms, measured with SmolLM2-135M."""


@dataclass(slots=True)
class LoadedModel:
    """A model in memory: its worker, its slots, and what is known of the conversations there.

    ``begun`` has the conversations that began with a common beginning and have not yet
    been answered to the end; ``unanswered`` those of which nothing else is in the slot.
    ``contents`` tells what the last answer in a slot began with; see ``Beginnings.digest``.
    ``queue_limit`` is how many requests may wait for a slot. ``alone`` has the conversations
    whose next answer gets the whole of a shared context, which was too short for it before.
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
    alone: set[str] = field(default_factory=set)

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
        except Exception as error:  # engines are anybody's; without it the model still answers
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
                        self.lot.prefixes.note(self.key, conversation, request)
                        usage = self.account(conversation, delta.usage)
                        delta = replace(delta, usage=usage)
                if delta.usage is not None:
                    self.slots.note_tokens(claim.slot, _length(delta.usage))
                    digest = self.beginnings.digest(self.chat_model.plan, request)
                    self.contents[claim.slot] = digest
                yield delta

    @asynccontextmanager
    async def hold_slot(
        self, conversation: str | None, request: ChatRequest | None = None, tokens: int = 0
    ) -> AsyncIterator[SlotClaim]:
        """Have a slot for the body, with the conversation's KV state in it.

        What the slot displaces is saved before. ``request`` is what will be asked, where
        that is known: a conversation of which nothing is kept then begins with what it
        shares with others. Else ``tokens`` is about how long it becomes with its answer.

        Raises:
            GenerationError: the model draws, and has no slots.
            LeaseRefusedError: too many wait already.
        """
        _ = self.chat_model
        if (waiting := self.slots.waiting) >= self.queue_limit:
            problem = f"{waiting} requests are waiting already"
            self.bus.publish(
                Decided(
                    action="refuse",
                    model=self.key,
                    device=self.plan.device,
                    reason=problem,
                    cause="queue_full",
                )
            )
            raise LeaseRefusedError(self.key, problem, eta_s=self.slots.queue_s)

        def told(wait: Wait) -> None:
            self.bus.publish(
                SlotAwaited(
                    model=self.key,
                    conversation=conversation or "",
                    ahead=wait.ahead,
                    wait_s=wait.wait_s,
                )
            )

        priority = current_visitor().priority
        near = None
        if request is not None:
            tokens = self._tokens(request)
            near = self._near(request, self.slots.live())
        async with (
            self._told_full(conversation),
            self.slots.hold(conversation, priority, told, tokens, near) as claim,
        ):
            await self._make_room(claim)
            content = self.contents.pop(claim.slot, None)
            if not claim.resident:
                is_branch = near is not None and near == claim.displaced
                await self._make_ready(conversation, claim, content, request, is_branch)
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
                        self.slots.note_tokens(claim.slot, _length(usage))
                        if conversation is not None:
                            usage = self.account(conversation, usage)
                        chunk["usage"] = {**chunk["usage"], **usage_json(usage)}
                        digest = self.beginnings.digest(self.chat_model.plan, request)
                        self.contents[claim.slot] = digest
                    yield chunk

    def _tokens(self, request: ChatRequest) -> int:
        """About how much of a shared context a request needs with its answer, 0 for none.

        An answer without a limit counts as a slot's share. One that becomes longer may be
        broken off by the engine, with those beside it; each is then computed alone.
        """
        plan, conversation = self.chat_model.plan, request.conversation
        if not plan.kv_unified:
            return 0
        if conversation in self.alone:
            return plan.n_ctx
        share = plan.n_ctx // plan.n_parallel
        answer = min(request.max_tokens or share, share)
        known = self.proof.tokens(conversation) if conversation is not None else 0
        return min(plan.n_ctx, max(known, tokens_about(request)) + answer)

    @asynccontextmanager
    async def _told_full(self, conversation: str | None) -> AsyncIterator[None]:
        """Have a conversation the context to itself next time, if it was full this time."""
        try:
            yield
        except SharedContextFullError:
            if conversation is not None:
                self.alone.add(conversation)
                self.slots.forget(conversation)  # the engine has dropped what it held
                self._expect_nothing(conversation)
            raise
        if conversation is not None:
            self.alone.discard(conversation)

    async def _make_room(self, claim: SlotClaim) -> None:
        """Save what a shared context has no more room for, and take it out."""
        engine = self.chat_model
        for each in claim.crowded_out:
            self.contents.pop(each.slot, None)
            if each.conversation is not None:
                await self.save(each.conversation, each.slot, each.continued)
            if isinstance(engine, SharesContext):
                await engine.erase_slot(each.slot)
            self.slots.emptied(each.slot)

    async def _make_ready(
        self,
        conversation: str | None,
        claim: SlotClaim,
        content: str | None,
        request: ChatRequest | None,
        is_branch: bool,
    ) -> None:
        """Save what the slot displaces, and bring in what is kept for the conversation.

        That is its parked state. Failing that, a branch goes on from what it left, which is
        in the slot if it ``is_branch`` of that, or parked. Any other begins with what it
        shares with all.
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
            if restored or request is None or (is_branch and parked is None):
                return
            if not await self._branch_off(request, claim.slot):
                # A restore that failed may have left anything in the slot.
                found = content if parked is None else None
                await self._begin(request, conversation, claim.slot, found)
        except BaseException:
            # Cancelled: what is in the slot now is not the state of this conversation.
            if conversation is not None:
                self.slots.forget(conversation)
            raise

    def _near(self, request: ChatRequest, among: Collection[str]) -> str | None:
        """The conversation that a new one has left, if its state can serve for both."""
        if request.conversation in among or not self.beginnings.rolls_back:
            return None
        return self.lot.prefixes.nearest(self.key, request, among)

    async def _branch_off(self, request: ChatRequest, slot: int) -> bool:
        """Put the parked state of what a branch has left into its slot; the state stays."""
        states = {state.name: state for state in reversed(self.lot.of_model(self.key))}
        near = self._near(request, states)
        if near is None:
            return False
        try:
            await self.chat_model.restore_slot(slot, states[near].path)
        except Exception as error:  # as for the conversation's own state
            self.lot.discard(states[near])
            self.proof.lost(near, 0, states[near].tokens, str(error))
            return False
        return True

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


def _length(usage: Usage) -> int:
    """Tokens that are in a slot after an answer."""
    return usage.prompt_tokens + usage.completion_tokens
