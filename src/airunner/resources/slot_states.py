"""The KV state in each slot of a loaded model: how it gets there, and where it goes.

Owns bringing a conversation's state into a slot, and saving what a slot displaces. Whether the
tokens were really re-used is ``cache_proof``'s to say, how a new conversation begins
``beginnings``'. Who gets which slot is the slot table's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field, replace

from airunner.engines.base import ChatModel, ChatRequest, SharesContext, SlotClaim
from airunner.engines.image import ImageModel, ImagePlan
from airunner.engines.slots import SlotTable
from airunner.errors import GenerationError
from airunner.events import EventBus, ModelRestored
from airunner.messages import Usage
from airunner.resources.beginnings import Beginnings, Begun
from airunner.resources.cache_proof import CacheProof
from airunner.resources.parking import ParkingLot
from airunner.resources.prefixes import Asked
from airunner.resources.saved_state import ParkedState
from airunner.resources.saving import save_slot

STATE_BYTES_PER_S = 1e9
"""How fast KV state is saved and restored: 58 MB in 61 ms, measured with SmolLM2-135M."""


@dataclass(slots=True)
class SlotStates:
    """What is known of the conversations in the slots of one model.

    ``begun`` has the conversations that began with a common beginning and have not yet
    been answered to the end; ``unanswered`` those of which nothing else is in the slot.
    ``contents`` tells what the last answer in a slot began with; see ``Beginnings.digest``.
    """

    key: str
    model: ChatModel | ImageModel
    slots: SlotTable
    lot: ParkingLot
    bus: EventBus
    kv_bytes_per_token: int
    beginnings: Beginnings
    proof: CacheProof
    begun: dict[str, Begun] = field(default_factory=dict)
    unanswered: set[str] = field(default_factory=set)
    contents: dict[int, str | None] = field(default_factory=dict)

    @property
    def chat_model(self) -> ChatModel:
        """The model, if it speaks.

        Raises:
            GenerationError: it draws.
        """
        model = self.model
        if isinstance(model.plan, ImagePlan):
            raise GenerationError(self.key, "it draws pictures and cannot answer in text")
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

    def near(self, asked: Asked) -> str | None:
        """The live conversation that a new one has left, if its state can serve for both."""
        return self._near(asked, self.slots.live())

    async def bring(
        self, conversation: str | None, claim: SlotClaim, asked: Asked | None, near: str | None
    ) -> None:
        """Have the conversation's state in the slot that was claimed, and room for the rest.

        ``near`` is what ``near`` returned before it was claimed.
        """
        await self._make_room(claim)
        content = self.contents.pop(claim.slot, None)
        if not claim.resident:
            is_branch = near is not None and near == claim.displaced
            await self._make_ready(conversation, claim, content, asked, is_branch)

    def heard(self, conversation: str | None) -> None:
        """An answer has begun: the slot has something of the conversation's own."""
        if conversation is not None:
            self.unanswered.discard(conversation)

    def answered(self, slot: int, request: ChatRequest, usage: Usage) -> Usage:
        """Judge what was re-used; returns ``usage`` without what was computed just before it."""
        if request.conversation is not None:
            usage = self._account(request.conversation, usage)
        self.slots.note_tokens(slot, usage.prompt_tokens + usage.completion_tokens)
        self.contents[slot] = self.beginnings.digest(self.chat_model.plan, request)
        return usage

    def forget(self, conversation: str) -> None:
        """Keep nothing of a conversation; an answer in progress goes on."""
        self.slots.forget(conversation)
        self._expect_nothing(conversation)

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
        asked: Asked | None,
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
            if restored or asked is None or (is_branch and parked is None):
                return
            if not await self._branch_off(asked, claim.slot):
                # A restore that failed may have left anything in the slot.
                found = content if parked is None else None
                await self._begin(asked.request, conversation, claim.slot, found)
        except BaseException:
            # Cancelled: what is in the slot now is not the state of this conversation.
            if conversation is not None:
                self.slots.forget(conversation)
            raise

    def _near(self, asked: Asked, among: Collection[str]) -> str | None:
        if asked.request.conversation in among or not self.beginnings.rolls_back:
            return None
        return self.lot.prefixes.nearest(asked, among)

    async def _branch_off(self, asked: Asked, slot: int) -> bool:
        """Put the parked state of what a branch has left into its slot; the state stays."""
        states = {state.name: state for state in reversed(self.lot.of_model(self.key))}
        near = self._near(asked, states)
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

    def _account(self, conversation: str, usage: Usage) -> Usage:
        self.unanswered.discard(conversation)
        begun = self.begun.pop(conversation, None)
        reused = self.proof.account(conversation, usage)
        if begun is None:
            return usage
        if not reused:
            self.beginnings.disprove(begun, usage.cached_tokens)
        return replace(usage, cached_tokens=max(0, usage.cached_tokens - begun.computed))

    def _expect_nothing(self, conversation: str) -> None:
        self.begun.pop(conversation, None)
        self.unanswered.discard(conversation)
        self.proof.forget(conversation)
