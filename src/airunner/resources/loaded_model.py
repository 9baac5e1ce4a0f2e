"""One loaded model: its answers, each in a slot that was waited for.

Owns how a request gets a slot, and how much of a shared context. What is in the slots is
``slot_states``' to know.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from airunner.engines.base import (
    ChatModel,
    ChatRequest,
    Chunk,
    LoadPlan,
    Plan,
    SlotClaim,
    Worker,
)
from airunner.engines.image import ImageModel, ImagePlan
from airunner.engines.openai_form import usage_json, usage_of
from airunner.engines.prompt_length import tokens_about
from airunner.engines.slots import SlotTable, Wait
from airunner.errors import GenerationError, LeaseRefusedError, SharedContextFullError
from airunner.events import Decided, EventBus, SlotAwaited
from airunner.messages import Delta
from airunner.resources.prefixes import Asked
from airunner.resources.slot_states import SlotStates
from airunner.resources.visitor import current_visitor


@dataclass(slots=True)
class LoadedModel:
    """A model in memory: its worker, its slots, and what is in them.

    ``queue_limit`` is how many requests may wait for a slot. ``alone`` has the conversations
    whose next answer gets the whole of a shared context, which was too short for it before.
    """

    key: str
    worker: Worker
    slots: SlotTable
    states: SlotStates
    bus: EventBus
    queue_limit: int
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
        return self.states.chat_model

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

    async def chat(self, request: ChatRequest) -> AsyncGenerator[Delta, None]:
        """Stream an answer, with the conversation's KV state brought in first."""
        asked = Asked(self.key, request)
        async with (
            self.hold_slot(request.conversation, asked) as claim,
            aclosing(self.chat_model.chat(request, claim.slot)) as deltas,
        ):
            async for delta in deltas:
                self.states.heard(request.conversation)
                if delta.usage is not None:
                    self.states.lot.prefixes.note(asked)
                    usage = self.states.answered(claim.slot, request, delta.usage)
                    delta = replace(delta, usage=usage)
                yield delta

    @asynccontextmanager
    async def hold_slot(
        self, conversation: str | None, asked: Asked | None = None, tokens: int = 0
    ) -> AsyncIterator[SlotClaim]:
        """Have a slot for the body, with the conversation's KV state in it.

        What the slot displaces is saved before. ``asked`` is what will be asked, where
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
        if asked is not None:
            tokens = self._tokens(asked.request)
            near = self.states.near(asked)
        try:
            async with self.slots.hold(conversation, priority, told, tokens, near) as claim:
                await self.states.bring(conversation, claim, asked, near)
                yield claim
        except SharedContextFullError:
            if conversation is not None:
                self.alone.add(conversation)  # it has the context to itself next time
                self.states.forget(conversation)  # the engine has dropped what it held
            raise
        if conversation is not None:
            self.alone.discard(conversation)

    async def complete(
        self, request: ChatRequest, body: Mapping[str, Any]
    ) -> AsyncGenerator[Chunk, None]:
        """The same for what a client asked; see ``ChatModel.complete``."""
        async with self.hold_slot(request.conversation, Asked(self.key, request)) as claim:
            stream = self.chat_model.complete(request, body, claim.slot)
            is_heard = False
            async with aclosing(stream) as chunks:
                async for chunk in chunks:
                    if not is_heard:
                        is_heard = True
                        self.states.heard(request.conversation)
                    if (usage := usage_of(chunk)) is not None:
                        usage = self.states.answered(claim.slot, request, usage)
                        chunk["usage"] = {**chunk["usage"], **usage_json(usage)}
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
        known = self.states.proof.tokens(conversation) if conversation is not None else 0
        return min(plan.n_ctx, max(known, tokens_about(request)) + answer)

    def forget(self, conversation: str) -> None:
        """Keep nothing of a conversation that was deleted; an answer in progress goes on."""
        self.states.forget(conversation)
