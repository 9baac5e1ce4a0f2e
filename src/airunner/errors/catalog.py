"""The errors about registered models; ``airunner.errors`` draws the tree."""

from __future__ import annotations

from collections.abc import Sequence

from airunner.errors.base import AiRunnerError, meant

_DEEDS = {
    "image_generation": "draw",
    "embedding": "embed texts",
    "primary_conversation": "hold conversations",
}


class CatalogError(AiRunnerError):
    """Base of errors about which models exist and what they serve."""


class UnknownModelError(CatalogError):
    """A model name that is not in ``MODEL_REGISTRY``.

    ``here`` are names that a client of a server could ask for instead.
    """

    def __init__(
        self, model: str, suggestions: Sequence[str] = (), here: Sequence[str] = ()
    ) -> None:
        self.model, self.suggestions, self.here = model, tuple(suggestions), tuple(here)
        hint = f" Did you mean {' or '.join(self.suggestions)}?" if self.suggestions else ""
        if self.here:
            super().__init__(f"No model named {model!r}.{hint} Here are: {', '.join(self.here)}.")
            return
        if model.lower().endswith((".gguf", ".safetensors")):
            super().__init__(
                f"No model named {model!r} is registered, and nothing has to be fetched for a file "
                "on this machine: `airunner models add` with its path registers it."
            )
            return
        super().__init__(
            f"No model named {model!r}.{hint} `airunner plan` shows which suit this machine, "
            "`airunner models list` all that are registered; `airunner models add` registers "
            "your own, `airunner models add publisher/name-GGUF` one of the hub."
        )


class UnknownCapabilityError(CatalogError):
    """A name that no capability has; ``known`` are those that there are."""

    def __init__(self, capability: str, known: Sequence[str]) -> None:
        self.capability, self.known = capability, tuple(known)
        hint = meant(capability.casefold().replace("-", "_"), self.known)
        super().__init__(f"No capability {capability!r}.{hint} There is {', '.join(known)}.")


class UnsuitedModelError(CatalogError):
    """A registered model was chosen for a ``capability`` that is none of those it ``serves``."""

    def __init__(self, model: str, capability: str, serves: Sequence[str]) -> None:
        self.model, self.capability = model, str(capability)
        self.serves = tuple(map(str, serves))
        deed = _DEEDS.get(self.capability, f"serve {self.capability}")
        super().__init__(
            f"{model} does not {deed}: it is registered for {', '.join(self.serves)}, "
            f"not for {self.capability}."
        )


class UnknownEngineError(CatalogError):
    """A model names an engine that there is not; ``known`` are those that there are."""

    def __init__(self, model: str, engine: str, known: Sequence[str]) -> None:
        self.model, self.engine, self.known = model, engine, tuple(known)
        there_is = f"there is {', '.join(known)}; an installed package can bring another one"
        super().__init__(f"{model} has engine {engine!r}; {there_is}")


class InvalidEngineError(CatalogError):
    """An engine that cannot be registered."""

    def __init__(self, engine: str, problem: str) -> None:
        self.engine, self.problem = engine, problem
        super().__init__(f"{engine} cannot be an engine: {problem}")


class ModelNotAddedError(CatalogError):
    """Something that cannot be registered as a model; ``problem`` says why, and what would do."""

    def __init__(self, given: str, problem: str) -> None:
        self.given, self.problem = given, problem
        super().__init__(f"{given} cannot be added: {problem}.")


class UnmappedCapabilityError(CatalogError):
    """A capability that no model is mapped to."""

    def __init__(self, capability: str) -> None:
        self.capability = capability
        super().__init__(
            f"No model serves {str(capability)!r}. Map one with "
            f"CAPABILITY_TO_MODEL[ModelCapability.{capability.upper()}] = '<registered model>'."
        )


class InvalidCatalogError(CatalogError):
    """The registry contradicts itself; ``problems`` lists every contradiction found."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("The model registry is not usable: " + "; ".join(self.problems))
