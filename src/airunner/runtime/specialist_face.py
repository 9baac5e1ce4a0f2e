"""How programs ask specialised models, whether the runtime is theirs or a server's.

Owns the signatures, which both kinds of runtime share, and reading a capability's name.
What is asked is done by ``specialists``, or by the server that ``attached`` speaks to.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Generator
from typing import Self

from airunner.agent.specialist import (
    AS_USUAL,
    DEFAULT_MAX_TOKENS,
    AnswerForm,
    SpecialistRequest,
)
from airunner.messages import Content
from airunner.models.capability_words import capability_of
from airunner.models.spec import ModelCapability
from airunner.tools.api import SpecialistHandle


class SpecialistFace(ABC):
    """A runtime, as far as it asks specialised models. Capabilities may be given by name."""

    def use_specialized_model(
        self,
        capability: ModelCapability | str,
        prompt: Content,
        max_tokens: int = DEFAULT_MAX_TOKENS,
        form: AnswerForm = AS_USUAL,
        *,
        required: bool = False,
    ) -> str | None:
        """One answer of at most ``max_tokens``; ``None`` if the model could not be used.

        The primary, if it had to leave for this, is brought back at once. The reason for a
        ``None`` is logged and published as ``SpecialistFailed``; with ``required`` it is raised.
        """
        asked = SpecialistRequest(capability_of(capability), prompt, max_tokens, form)
        return self._use(asked, required)

    async def ause_specialized_model(
        self,
        capability: ModelCapability | str,
        prompt: Content,
        max_tokens: int = DEFAULT_MAX_TOKENS,
        form: AnswerForm = AS_USUAL,
        *,
        required: bool = False,
    ) -> str | None:
        """The same for callers with an event loop of their own; cancelling it breaks it off."""
        asked = SpecialistRequest(capability_of(capability), prompt, max_tokens, form)
        return await self._ause(asked, required)

    def stream_specialized_model(
        self,
        capability: ModelCapability | str,
        prompt: Content,
        max_tokens: int = DEFAULT_MAX_TOKENS,
        form: AnswerForm = AS_USUAL,
    ) -> Generator[str, None, None]:
        """The pieces of one answer as they come; closing the generator breaks it off.

        Raises:
            AiRunnerError: the model could not be used.
        """
        return self._stream(SpecialistRequest(capability_of(capability), prompt, max_tokens, form))

    def astream_specialized_model(
        self,
        capability: ModelCapability | str,
        prompt: Content,
        max_tokens: int = DEFAULT_MAX_TOKENS,
        form: AnswerForm = AS_USUAL,
    ) -> AsyncGenerator[str, None]:
        """The same for callers with an event loop of their own; cancelling it breaks it off."""
        return self._astream(SpecialistRequest(capability_of(capability), prompt, max_tokens, form))

    def load_specialized_model(
        self,
        capability: ModelCapability | str,
        return_to_primary: bool = True,
        *,
        required: bool = False,
    ) -> SpecialistHandle | None:
        """Hold a model for many uses; ``None`` if it could not be loaded, unless ``required``.

        With ``return_to_primary`` a primary that had to leave comes back when the handle is
        closed; without, when it is next asked for.
        """
        return self._load(capability_of(capability), return_to_primary, required)

    @abstractmethod
    def close(self) -> None:
        """End what the runtime holds. Safe to call twice."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @abstractmethod
    def _use(self, asked: SpecialistRequest, required: bool) -> str | None: ...

    @abstractmethod
    async def _ause(self, asked: SpecialistRequest, required: bool) -> str | None: ...

    @abstractmethod
    def _stream(self, asked: SpecialistRequest) -> Generator[str, None, None]: ...

    @abstractmethod
    def _astream(self, asked: SpecialistRequest) -> AsyncGenerator[str, None]: ...

    @abstractmethod
    def _load(
        self, capability: ModelCapability, returns: bool, required: bool
    ) -> SpecialistHandle | None: ...
