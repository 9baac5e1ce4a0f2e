"""The right to use a loaded model: what a caller holds, and asks the model through."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from airunner.engines.base import (
    ApiModel,
    ChatModel,
    ChatRequest,
    Chunk,
    LoadPlan,
    Plan,
    Served,
)
from airunner.engines.image import Drawn, ImageRequest, ImageStep
from airunner.engines.openai_form import request_of
from airunner.engines.prompt_length import text_tokens
from airunner.messages import Delta, Message, ToolSchema
from airunner.models.spec import ModelSpec
from airunner.resources.loaded_model import LoadedModel

_SAMPLING = ("temperature", "top_p", "top_k", "min_p", "repeat_penalty")


class Lease:
    """One caller's right to a loaded model, valid inside ``async with manager.lease(...)``."""

    def __init__(self, spec: ModelSpec, loaded: LoadedModel) -> None:
        self.spec = spec
        self._loaded = loaded

    @property
    def model(self) -> ChatModel:
        """The engine's side of it, for uses that bring no conversation along."""
        return self._loaded.chat_model

    @property
    def n_ctx(self) -> int:
        """The context of one conversation, in tokens."""
        return self._loaded.n_ctx or 0

    @property
    def served(self) -> Served | None:
        """The model, to be asked directly for as long as the lease is held.

        ``None`` where its engine cannot be. A request that computes in a slot belongs inside
        ``slot``, and names it (llama.cpp's ``id_slot``): it would else overwrite what
        another conversation has there.
        """
        model = self._loaded.worker.model
        return model if isinstance(model, Served) else None

    @asynccontextmanager
    async def slot(
        self, prompt: str | Sequence[Any] = "", max_tokens: int | None = None
    ) -> AsyncIterator[int]:
        """Have one of the engine's slots for the body, for a request to ``served``.

        That is of ``prompt``, in text or tokens, with an answer of at most ``max_tokens``. Waits
        until a slot is free, and saves what it displaces. Nothing of the request is kept.

        Raises:
            GenerationError: the model draws.
        """
        async with self._loaded.hold_slot(None, tokens=self._tokens(prompt, max_tokens)) as claim:
            yield claim.slot

    def _tokens(self, prompt: str | Sequence[Any], max_tokens: int | None) -> int:
        share = self.n_ctx // max(1, conversations_of(self._loaded.plan))
        length = text_tokens(prompt) if isinstance(prompt, str) else len(prompt)
        return min(self.n_ctx, length + min(max_tokens or share, share))

    def chat(self, request: ChatRequest) -> AsyncGenerator[Delta, None]:
        """Stream an answer under the model's default sampling where the request names none.

        Raises:
            GenerationError, ContextOverflowError, WorkerDiedError: see ``ChatModel.chat``.
        """
        defaults = self.spec.sampling
        filled = {
            name: getattr(defaults, name) for name in _SAMPLING if getattr(request, name) is None
        }
        return self._loaded.chat(replace(request, **filled))

    def complete(
        self,
        body: Mapping[str, Any],
        messages: Sequence[Message],
        conversation: str | None = None,
    ) -> AsyncGenerator[Chunk, None]:
        """Stream a chat completion that a client asked for, under the model's default sampling.

        ``messages`` are those of ``body``, with their pictures and recordings.

        Raises:
            GenerationError, ContextOverflowError, WorkerDiedError: see ``ChatModel.chat``.
        """
        defaults = {name: getattr(self.spec.sampling, name) for name in _SAMPLING}
        asked = {name: value for name, value in body.items() if value is not None}
        filled = {name: value for name, value in defaults.items() if value is not None} | asked
        return self._loaded.complete(request_of(filled, messages, conversation), filled)

    async def enforces(self, parameters: Mapping[str, Any]) -> bool:
        """Whether calls that the model makes of its own accord match ``parameters`` in any case."""
        model = self.model
        return isinstance(model, ApiModel) and await model.enforces(parameters)

    @property
    def goes_on(self) -> bool:
        """Whether ``complete`` goes on from a last message of the assistant's."""
        return isinstance(self.model, ApiModel)

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
        defaults = self.spec.image
        filled = request if defaults is None else request.filled(defaults)
        return self._loaded.image_model.draw(filled)


def shared_tokens_of(plan: Plan) -> int | None:
    """The length of the context that the conversations of a load share, if they do."""
    return plan.n_ctx if isinstance(plan, LoadPlan) and plan.kv_unified else None


def conversations_of(plan: Plan) -> int:
    """How many conversations a load keeps at once."""
    return plan.n_parallel if isinstance(plan, LoadPlan) else 0
