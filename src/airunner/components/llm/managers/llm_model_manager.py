"""The documented face of AI Runner for tools and scripts.

``LLMModelManager()`` anywhere is the same team of models: it holds no state of
its own and starts nothing until a model is needed. The functions below it are
the same operations without an object.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager

from airunner.components.llm.config.model_capabilities import ModelCapability
from airunner.models.assign import GB, Assignment
from airunner.runtime import Runtime
from airunner.tools.api import SpecialistHandle

DEFAULT_MAX_TOKENS = 512


class LLMModelManager:
    """Specialised models, with the primary always brought back.

    Thread-safe. Every method blocks; from asynchronous code call it with
    ``asyncio.to_thread``, which keeps the calling turn as the owner.
    """

    @property
    def primary(self) -> PrimaryModel:
        """The primary model as something to ``invoke``."""
        return PrimaryModel()

    def use_specialized_model(
        self,
        capability: ModelCapability,
        prompt: str,
        max_tokens: int = DEFAULT_MAX_TOKENS,
    ) -> str | None:
        """One answer from the model for ``capability``, of at most ``max_tokens`` tokens.

        The primary is brought back as soon as the answer is complete. Returns
        ``None`` if the model could not be used; the log and a
        ``SpecialistFailed`` event say why.
        """
        return Runtime.shared().use_specialized_model(capability, prompt, max_tokens)

    def load_specialized_model(
        self, capability: ModelCapability, return_to_primary: bool = True
    ) -> SpecialistHandle | None:
        """Hold the model for ``capability`` for several ``invoke`` calls.

        It is given back, and the primary restored, when the calling tool
        returns, the handle is closed, a ``with`` is left, or nobody refers to
        the handle any more. With ``return_to_primary=False`` the primary waits
        until it is next asked for. Returns ``None`` if it could not be loaded.
        """
        return Runtime.shared().load_specialized_model(capability, return_to_primary)

    def series(self) -> AbstractContextManager[None]:
        """Inside the body several models are used one after another.

        A primary that had to leave for one of them comes back once, when the
        body ends, instead of starting its return after each.
        """
        return Runtime.shared().series()

    def keep_in_memory(self, capabilities: Iterable[ModelCapability]) -> None:
        """Load these capabilities' models and never evict them; replaces an earlier choice.

        Raises:
            DoesNotFitError: they do not fit beside the primary.
        """
        Runtime.shared().keep_in_memory(capabilities)

    def assign_device(self, capability: ModelCapability, device: str | None) -> None:
        """Place a capability's model on one device, such as ``"cuda:1"``; ``None`` lets go.

        Raises:
            DeviceNotFoundError: there is no such device.
        """
        Runtime.shared().assign_device(capability, device)

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
    capability: ModelCapability, prompt: str, max_tokens: int = DEFAULT_MAX_TOKENS
) -> str | None:
    """See ``LLMModelManager.use_specialized_model``."""
    return LLMModelManager().use_specialized_model(capability, prompt, max_tokens)


def keep_in_memory(capabilities: Iterable[ModelCapability]) -> None:
    """See ``LLMModelManager.keep_in_memory``."""
    LLMModelManager().keep_in_memory(capabilities)


def assign_device(capability: ModelCapability, device: str | None) -> None:
    """See ``LLMModelManager.assign_device``."""
    LLMModelManager().assign_device(capability, device)


def auto_assign_models(max_vram: float | None = None) -> Assignment:
    """See ``LLMModelManager.auto_assign_models``."""
    return LLMModelManager().auto_assign_models(max_vram)
