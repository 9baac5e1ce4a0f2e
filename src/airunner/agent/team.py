"""What the agent needs of the models: the protocols of a lease and of the team.

Owns no behaviour; the model resource manager has it. Nothing in this package
knows where a model runs or what was evicted for it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any, Protocol

from airunner.engines.base import ChatRequest
from airunner.media import MediaSupport
from airunner.messages import Delta, Message, ToolSchema
from airunner.models.spec import ModelCapability, ModelSpec

Expect = Callable[[Sequence[ModelCapability]], None]
"""Says which capabilities will probably be needed, in that order. Returns at once."""


class Lease(Protocol):
    """A model that stays loaded for as long as the lease is held."""

    @property
    def spec(self) -> ModelSpec:
        """The model that was chosen."""
        ...

    @property
    def n_ctx(self) -> int:
        """The context one conversation has, in tokens, as loaded."""
        ...

    def chat(self, request: ChatRequest) -> AsyncGenerator[Delta, None]:
        """Stream an answer; closing the iterator stops the generation.

        Raises:
            EngineError: see ``engines.base.ChatModel.chat``.
        """
        ...

    async def count_tokens(self, messages: Sequence[Message], tools: Sequence[ToolSchema]) -> int:
        """Tokens of the prompt that ``messages`` and ``tools`` would become."""
        ...

    async def enforces(self, parameters: Mapping[str, Any]) -> bool:
        """Whether calls that the model makes of its own accord match this schema in any case."""
        ...


class Team(Protocol):
    """Whoever lends models: the one that serves a capability, or ``model`` in its place."""

    def resolve(self, capability: ModelCapability, model: str | None = None) -> ModelSpec:
        """The model that a lease would get now; loads nothing.

        Raises:
            CatalogError: no model serves the capability, or ``model`` is not registered.
        """
        ...

    async def media_support(
        self, capability: ModelCapability, model: str | None = None
    ) -> MediaSupport:
        """Which pictures and recordings that model takes; loads nothing.

        Raises:
            CatalogError: no model serves the capability, or ``model`` is not registered.
            WeightsError: its file is unusable.
        """
        ...

    def lease(
        self, wanted: ModelCapability | str, *, owner: str, model: str | None = None
    ) -> AbstractAsyncContextManager[Lease]:
        """Wait for a model and hold it: the one that serves a capability, or one by its name.

        ``model`` is the registered model to use for the capability, instead of the one that
        serves it. ``owner`` is the turn on whose behalf it is used.

        Raises:
            LeaseError: the wait was refused, timed out or could never end.
            DoesNotFitError: no memory will ever suffice.
            WeightsError: the file is missing or unusable.
            LoadError: the worker could not load it.
        """
        ...

    def expecting(self, *, owner: str) -> AbstractContextManager[Expect]:
        """For the length of the body, hear early what ``owner`` will need.

        The team may get ready for it, without taking memory for it. Saying the
        same again does nothing, and nothing said there obliges to anything.
        """
        ...
