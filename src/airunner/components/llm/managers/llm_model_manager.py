"""The documented face of AI Runner for tools and scripts.

``LLMModelManager()`` anywhere is the same team of models: it holds no state of
its own and starts nothing until a model is needed. The functions below it are
the same operations without an object.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator, Iterable
from contextlib import AbstractContextManager, aclosing
from typing import Any, TypeVar, overload

from pydantic import BaseModel

from airunner.agent.specialist import DEFAULT_MAX_TOKENS
from airunner.components.llm.config.model_capabilities import ModelCapability
from airunner.components.llm.managers.answers import NoModel, answer_form, read_answer
from airunner.errors import AiRunnerError, LoadError, UnknownCapabilityError
from airunner.models.assign import GB, Assignment
from airunner.models.capability_words import capability_of
from airunner.runtime import Runtime
from airunner.tools.api import SpecialistHandle

M = TypeVar("M", bound=BaseModel)


class LLMModelManager:
    """Specialised models, with the primary always brought back.

    Thread-safe. Every method blocks, but for ``ause`` and ``astream``, which are for
    asynchronous code; that calls the others with ``asyncio.to_thread``. Capabilities may be
    given by name.
    """

    @property
    def primary(self) -> PrimaryModel:
        """The primary model as something to ``invoke``."""
        return PrimaryModel()

    @overload
    def use_specialized_model(
        self,
        capability: ModelCapability | str,
        prompt: str,
        max_tokens: int = ...,
        *,
        schema: None = None,
        system: str | None = None,
        temperature: float | None = None,
        required: bool = False,
    ) -> str | None: ...
    @overload
    def use_specialized_model(
        self,
        capability: ModelCapability | str,
        prompt: str,
        max_tokens: int = ...,
        *,
        schema: type[M],
        system: str | None = None,
        temperature: float | None = None,
        required: bool = False,
    ) -> M | None: ...
    def use_specialized_model(
        self,
        capability: ModelCapability | str,
        prompt: str,
        max_tokens: int = DEFAULT_MAX_TOKENS,
        *,
        schema: type[M] | None = None,
        system: str | None = None,
        temperature: float | None = None,
        required: bool = False,
    ) -> str | M | None:
        """One answer from the model for ``capability``, of at most ``max_tokens`` tokens.

        The primary is brought back as soon as the answer is complete. Returns
        ``None`` if the model could not be used; the log and a
        ``SpecialistFailed`` event say why.

        Args:
            capability: also by its name, such as ``"summarization"``.
            prompt: what is asked.
            max_tokens: where the answer ends at the latest.
            schema: a pydantic model; the answer is decoded under it and is one.
            system: instructions instead of the capability's.
            temperature: of the sampling; 0 for the likeliest text, as with a ``schema``.
            required: raise why there is no answer, instead of returning ``None``.

        Raises:
            UnknownCapabilityError: there is no such capability.
            AiRunnerError: with ``required``, why the model could not be used.
            GenerationError: with ``schema``, the answer was cut off at ``max_tokens``.
        """
        answer = Runtime.shared().use_specialized_model(
            capability,
            prompt,
            max_tokens,
            answer_form(schema, system, temperature),
            required=required,
        )
        return answer if answer is None or schema is None else read_answer(answer, schema)

    async def ause(
        self,
        capability: ModelCapability | str,
        prompt: str,
        max_tokens: int = DEFAULT_MAX_TOKENS,
        *,
        schema: type[M] | None = None,
        system: str | None = None,
        temperature: float | None = None,
        required: bool = False,
    ) -> Any:
        """``use_specialized_model`` for asynchronous code; cancelling it breaks the answer off.

        Takes, returns and raises the same.
        """
        runtime = await asyncio.to_thread(Runtime.shared)
        answer = await runtime.ause_specialized_model(
            capability,
            prompt,
            max_tokens,
            answer_form(schema, system, temperature),
            required=required,
        )
        return answer if answer is None or schema is None else read_answer(answer, schema)

    def stream(
        self,
        capability: ModelCapability | str,
        prompt: str,
        max_tokens: int = DEFAULT_MAX_TOKENS,
        *,
        system: str | None = None,
        temperature: float | None = None,
    ) -> Generator[str, None, None]:
        """The pieces of an answer as they are written; closing the generator breaks it off.

        Raises:
            AiRunnerError: why the model could not be used.
        """
        form = answer_form(None, system, temperature)
        return Runtime.shared().stream_specialized_model(capability, prompt, max_tokens, form)

    async def astream(
        self,
        capability: ModelCapability | str,
        prompt: str,
        max_tokens: int = DEFAULT_MAX_TOKENS,
        *,
        system: str | None = None,
        temperature: float | None = None,
    ) -> AsyncGenerator[str, None]:
        """``stream`` for asynchronous code; cancelling it breaks the answer off at once."""
        runtime = await asyncio.to_thread(Runtime.shared)
        form = answer_form(None, system, temperature)
        answer = runtime.astream_specialized_model(capability, prompt, max_tokens, form)
        async with aclosing(answer) as pieces:
            async for piece in pieces:
                yield piece

    def load_specialized_model(
        self,
        capability: ModelCapability | str,
        return_to_primary: bool = True,
        *,
        required: bool = False,
    ) -> SpecialistHandle | NoModel:
        """Hold the model for ``capability`` for several ``invoke`` calls.

        It is given back, and the primary restored, when the calling tool
        returns, the handle is closed, a ``with`` is left, or nobody refers to
        the handle any more. With ``return_to_primary=False`` the primary waits
        until it is next asked for. If it could not be loaded, what is returned is
        false, and whatever is done with it raises the reason, a ``with`` included;
        with ``required`` that is raised at once.
        """
        try:
            handle = Runtime.shared().load_specialized_model(
                capability, return_to_primary, required=True
            )
        except UnknownCapabilityError:
            raise
        except AiRunnerError as error:
            if required:
                raise
            return NoModel(error)
        return handle or NoModel(LoadError(str(capability), "it could not be loaded"))

    def series(self) -> AbstractContextManager[None]:
        """Inside the body several models are used one after another.

        A primary that had to leave for one of them comes back once, when the
        body ends, instead of starting its return after each.
        """
        return Runtime.shared().series()

    def keep_in_memory(self, capabilities: Iterable[ModelCapability | str]) -> None:
        """Load these capabilities' models and never evict them; replaces an earlier choice.

        Raises:
            DoesNotFitError: they do not fit beside the primary.
        """
        Runtime.shared().keep_in_memory([capability_of(each) for each in capabilities])

    def assign_device(self, capability: ModelCapability | str, device: str | None) -> None:
        """Place a capability's model on one device, such as ``"cuda:1"``; ``None`` lets go.

        Raises:
            DeviceNotFoundError: there is no such device.
        """
        Runtime.shared().assign_device(capability_of(capability), device)

    def auto_assign_models(self, max_vram: float | None = None) -> Assignment:
        """Map every capability to the best model that fits ``max_vram`` GB (10^9 bytes).

        Best by priority among the models that fit under swapping; default is
        what this machine has. The result, printed, says what was chosen and why.
        """
        budget_bytes = None if max_vram is None else round(max_vram * GB)
        return Runtime.shared().auto_assign(budget_bytes)


class PrimaryModel:
    """The primary model for a single question outside any conversation."""

    def invoke(self, prompt: str, *, max_tokens: int = DEFAULT_MAX_TOKENS) -> str | None:
        """The primary's answer; ``None`` if it could not be used."""
        capability = ModelCapability.PRIMARY_CONVERSATION
        return Runtime.shared().use_specialized_model(capability, prompt, max_tokens)


def use_specialized_model(
    capability: ModelCapability | str, prompt: str, max_tokens: int = DEFAULT_MAX_TOKENS
) -> str | None:
    """See ``LLMModelManager.use_specialized_model``."""
    return LLMModelManager().use_specialized_model(capability, prompt, max_tokens)


def keep_in_memory(capabilities: Iterable[ModelCapability | str]) -> None:
    """See ``LLMModelManager.keep_in_memory``."""
    LLMModelManager().keep_in_memory(capabilities)


def assign_device(capability: ModelCapability | str, device: str | None) -> None:
    """See ``LLMModelManager.assign_device``."""
    LLMModelManager().assign_device(capability, device)


def auto_assign_models(max_vram: float | None = None) -> Assignment:
    """See ``LLMModelManager.auto_assign_models``."""
    return LLMModelManager().auto_assign_models(max_vram)
