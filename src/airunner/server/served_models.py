"""The models that clients may name, with the facts that their APIs tell of each.

Owns the names: a registered model's, ``capability:...`` for whatever serves it, and
``airunner``, the whole team with its tools.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from airunner.engines.base import AUTO_CONTEXT, LoadPlan
from airunner.errors import AiRunnerError, GenerationError, MissingWeightsError, UnknownModelError
from airunner.models.files.gguf import read_gguf
from airunner.models.spec import ModelCapability, ModelSpec
from airunner.resources.status import ModelStatus
from airunner.resources.visitor import ANYTHING, current_visitor
from airunner.runtime.capability_names import CAPABILITY, TEAM
from airunner.runtime.core import RuntimeCore
from airunner.weights.local import stored_bytes

_LATEST = ":latest"
_SILENT = {
    ModelCapability.EMBEDDING: "makes vectors",
    ModelCapability.IMAGE_GENERATION: "draws pictures",
}
_LOADED = frozenset({"ready", "busy"})


@dataclass(frozen=True, slots=True)
class ServedModel:
    """One model. ``n_ctx`` is the context in force in tokens, or what it would be.

    ``state`` is that of the scheduler, empty for a model that was never asked for.
    """

    name: str
    spec: ModelSpec
    path: Path | None
    n_bytes: int
    changed: datetime
    n_ctx: int
    state: str = ""
    held_bytes: int = 0
    device: str = ""

    @property
    def is_loaded(self) -> bool:
        """Whether it is in memory."""
        return self.state in _LOADED

    @property
    def status(self) -> dict[str, Any]:
        """Whether it is in memory, in the words of llama-server's router."""
        value = "loaded" if self.is_loaded else "loading" if self.state == "loading" else "unloaded"
        return {"value": value} | ({"failed": True} if self.state == "failed" else {})

    @property
    def digest(self) -> str:
        """What stands for the file where an API wants a digest: not one of its content."""
        return sha256(f"{self.path}|{self.n_bytes}|{self.changed}".encode()).hexdigest()

    @property
    def family(self) -> str:
        """The architecture as the file names it, or the engine."""
        return _architecture(self.path, self.changed) if self.path else self.spec.engine

    @property
    def form(self) -> str:
        """The form of the weights: the file's suffix, or that they are a folder."""
        return "folder" if self.path is None else self.path.suffix.lstrip(".") or "folder"

    @property
    def parameters(self) -> str:
        """The number of parameters for people, such as ``7.6B``; empty if unknown."""
        billions = self.spec.parameters_b
        if billions is None:
            return ""
        return f"{billions:g}B" if billions >= 1 else f"{billions * 1000:.0f}M"

    @property
    def abilities(self) -> list[str]:
        """What it can do, in Ollama's words."""
        if self.spec.capabilities == [ModelCapability.EMBEDDING]:
            return ["embedding"]
        if ModelCapability.IMAGE_GENERATION in self.spec.capabilities:
            return ["image"]
        found = ["completion", "tools"]  # calls can be forced on every model
        found += ["vision"] if self.spec.supports_vision else []
        return found + (["thinking"] if self.spec.supports_thinking else [])


class ServedModels:
    """See the module's description."""

    def __init__(self, core: RuntimeCore) -> None:
        self._core = core

    async def all(self) -> list[ServedModel]:
        """Those on this machine that the visitor may use by name, in the order of the registry."""
        visitor = current_visitor()
        return [model for model in await self._all() if visitor.may_use(model.name)]

    async def _all(self) -> list[ServedModel]:
        known = {each.model: each for each in (await self._core.status()).models}
        return await asyncio.to_thread(lambda: list(self._here(known)))

    async def find(self, name: str) -> ServedModel:
        """The model that ``name`` stands for, whether its weights are here or not.

        Raises:
            UnknownModelError, UnmappedCapabilityError, MissingWeightsError: there is none.
            ForbiddenModelError: the visitor may not use it.
        """
        spec = self.spec(name)
        known = {each.model: each for each in (await self._core.status()).models}
        return await asyncio.to_thread(self._describe, spec, known.get(spec.model_path))

    def spec(self, name: str) -> ModelSpec:
        """The registered model that ``name`` stands for.

        Raises:
            UnknownModelError, UnmappedCapabilityError, MissingWeightsError: there is none.
            ForbiddenModelError: the visitor may not use it.
        """
        return self._spec(self.wanted(name))

    def speaker(self, wanted: ModelCapability | str) -> str:
        """The registered model that a lease of ``wanted`` gets, and that answers in text.

        Raises:
            GenerationError: it does not.
            UnmappedCapabilityError, MissingWeightsError: there is none.
        """
        spec = self._spec(wanted)
        for capability, does in _SILENT.items():
            if spec.capabilities == [capability]:
                raise GenerationError(spec.model_path, f"it {does} and cannot answer in text")
        return spec.model_path

    def embedder(self, name: str) -> str:
        """The registered embedding model that ``name`` stands for.

        Raises:
            GenerationError: it makes no vectors.
            UnknownModelError, UnmappedCapabilityError, MissingWeightsError: there is none.
        """
        spec = self._spec(self.here(name))
        if ModelCapability.EMBEDDING not in spec.capabilities:
            raise GenerationError(spec.model_path, "it makes no vectors; ask an embedding model")
        return spec.model_path

    def wanted(self, name: str) -> ModelCapability | str:
        """What to lease for ``name``: a capability, or a registered model's name.

        Raises:
            UnknownModelError: there is no such capability or model.
            ForbiddenModelError: the visitor may not use it.
        """
        try:
            found = self._wanted(name.strip())
        except UnknownModelError as error:
            here = self._names_here()
            near = [each for each in error.suggestions if each in here]
            raise UnknownModelError(error.model, near, here) from None
        if current_visitor().models != ANYTHING:
            self._core.team.check_right(self._spec(found))
        return found

    def here(self, name: str) -> ModelCapability | str:
        """The same for what can be leased without fetching a model that nobody has pulled.

        Raises:
            MissingWeightsError: the weights of the registered model ``name`` are not here.
            UnknownModelError, ForbiddenModelError: see ``wanted``.
        """
        wanted = self.wanted(name)
        if not isinstance(wanted, ModelCapability):
            spec = self._spec(wanted)
            if not self._core.store.is_here(spec):
                raise MissingWeightsError(spec.model_path)
        return wanted

    def _spec(self, wanted: ModelCapability | str) -> ModelSpec:
        if isinstance(wanted, ModelCapability):
            return self._core.resolve(wanted).spec
        return self._core.catalog.spec(wanted)

    def _wanted(self, name: str) -> ModelCapability | str:
        if self.is_team(name):
            return ModelCapability.PRIMARY_CONVERSATION
        if name.startswith(CAPABILITY):
            try:
                return ModelCapability(name.removeprefix(CAPABILITY).removesuffix(_LATEST))
            except ValueError:
                return self._core.catalog.spec(name).model_path
        registry = self._core.catalog.registry
        for known in (name, name.removesuffix(_LATEST)):
            if known in registry:
                return known
        by_case = {key.lower(): key for key in registry}
        return self._core.catalog.spec(by_case.get(name.lower(), name)).model_path

    def _names_here(self) -> list[str]:
        """The team, and the models here that the visitor may ask for by name."""
        visitor, store = current_visitor(), self._core.store
        registry = list(self._core.catalog.registry.items())
        found = [
            name for name, spec in registry if visitor.may_use(name) and store.seems_here(spec)
        ]
        return [TEAM, *found] if visitor.may_use(TEAM) else found

    def is_team(self, name: str) -> bool:
        """Whether ``name`` stands for the whole team with its tools."""
        return name.strip().removesuffix(_LATEST) == TEAM

    async def named(self) -> list[tuple[str, ServedModel]]:
        """Every name that the visitor may ask for now, with the model that would answer."""
        visitor = current_visitor()
        here = {each.name: each for each in await self._all()}
        aliases = [TEAM, *(f"{CAPABILITY}{each.value}" for each in self._core.catalog.mapping)]
        found = [(name, model) for name, model in here.items() if visitor.may_use(name)]
        for alias in aliases:
            try:
                found.append((alias, here[self.spec(alias).model_path]))
            except (AiRunnerError, KeyError):
                continue  # nothing here serves it
        return found

    def _here(self, known: dict[str, ModelStatus]) -> Iterator[ServedModel]:
        for spec in list(self._core.catalog.registry.values()):
            try:
                if self._core.store.is_here(spec):
                    yield self._describe(spec, known.get(spec.model_path))
            except (AiRunnerError, OSError):
                continue  # `airunner models list` and `doctor` tell of it

    def _describe(self, spec: ModelSpec, status: ModelStatus | None) -> ServedModel:
        path = self._core.store.path(spec)
        n_ctx = status.n_ctx if status is not None else None
        return ServedModel(
            name=spec.model_path,
            spec=spec,
            path=path,
            n_bytes=stored_bytes(path) if path else 0,
            changed=datetime.fromtimestamp(path.stat().st_mtime if path else 0, UTC),
            n_ctx=n_ctx or self._planned_context(spec, path),
            state=status.state if status is not None else "",
            held_bytes=status.held_bytes if status is not None else 0,
            device=status.device if status is not None else "",
        )

    def _planned_context(self, spec: ModelSpec, path: Path | None) -> int:
        """What it would be loaded with; whatever cannot be planned is told when it is loaded."""
        asked = self._core.settings.context
        if asked == "auto" and path is not None:
            with suppress(AiRunnerError, OSError):
                sized = self._core.sizer.size(spec, path, self._core.manager.budgets)
                for plan in sized.plans.values():
                    if isinstance(plan, LoadPlan):
                        return plan.n_ctx
        return min(AUTO_CONTEXT if asked == "auto" else asked, spec.max_context)


def model_json(model: ServedModel, name: str = "") -> dict[str, Any]:
    """A model as ``/v1/models`` lists it, with its context under each name that is looked for."""
    loaded = {"id": model.name, "config": {"context_length": model.n_ctx}}
    return {
        "id": name or model.name,
        "object": "model",
        "created": int(model.changed.timestamp()),
        "owned_by": "airunner",
        "context_length": model.n_ctx,
        "max_model_len": model.n_ctx,
        "loaded_instances": [loaded] if model.is_loaded else [],
        "capabilities": model.abilities,
        "status": model.status,
        "meta": {"n_ctx": model.n_ctx, "size": model.n_bytes},
    }


@lru_cache(maxsize=256)
def _architecture(path: Path, changed: datetime) -> str:
    if path.suffix != ".gguf":
        return "pipeline" if path.is_dir() else path.suffix.lstrip(".")
    try:
        return read_gguf(path).architecture
    except (AiRunnerError, OSError):
        return "gguf"
