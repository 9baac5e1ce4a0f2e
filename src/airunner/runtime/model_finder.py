"""Models for this machine: whether one fits it, and what the hub has.

Owns putting predictions and budgets together. What a model takes is predicted from its file
where that is here, else from what its entry declares, and of a file on the hub from its size.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from airunner.config.byte_size import format_bytes
from airunner.engines.base import AUTO_CONTEXT, LoadPlan, Plan
from airunner.engines.image import ImagePlan
from airunner.errors import AiRunnerError
from airunner.errors.system_words import system_words
from airunner.models.assign import declared_bytes
from airunner.models.engine_traits import EngineTraits
from airunner.models.files.split import matches
from airunner.models.fitting import (
    Fit,
    Need,
    Room,
    file_needs_bytes,
    judge,
    not_known,
    when_free,
)
from airunner.models.spec import HubFolderSource, HubSource, ModelSpec
from airunner.runtime.core import RuntimeCore
from airunner.weights.hub_search import HubModel, HubSearch

_GGUF = "*.gguf"
_IMAGE_WAYS = {
    "model": "one part at a time is moved to it, which is slower",
    "group": "some layers at a time are moved to it, which is much slower",
}


@dataclass(frozen=True, slots=True)
class Found:
    """A repository of the hub, a fit for each of its files, and registered models of it.

    ``registered_files`` has for each file the name that it is registered by; empty for none.
    """

    model: HubModel
    fits: tuple[Fit, ...]
    registered: tuple[str, ...]
    registered_files: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """JSON-ready values, each file with its fit."""
        told = asdict(self.model)
        each = zip(told["files"], self.fits, self.registered_files, strict=True)
        told["files"] = [
            {**file, "fit": asdict(fit), "registered": name or None} for file, fit, name in each
        ]
        return {**told, "registered": list(self.registered)}


class ModelFinder:
    """See the module's description. Used on the loop that serves."""

    def __init__(self, core: RuntimeCore, hub: HubSearch) -> None:
        self._core, self._hub = core, hub

    async def search(self, words: str, limit: int = 10) -> list[Found]:
        """What the hub has by these words, and what of it fits here.

        Raises:
            HubError: offline, or the hub cannot be reached or says no.
        """
        models = await asyncio.to_thread(self._hub.search, words, limit)
        return [self._found(model) for model in models]

    async def fits(self) -> dict[str, Fit]:
        """Whether each registered model fits this machine."""
        return {name: await self.fit(name) for name in list(self._core.catalog.registry)}

    async def fit(self, name: str) -> Fit:
        """Whether a registered model fits this machine, by its file or by what it declares.

        Raises:
            UnknownModelError: it is not registered.
        """
        core, spec = self._core, self._core.catalog.spec(name)
        try:
            engine = core.catalog.engine(spec)
            if core.store.is_here(spec):
                sized = await core.team.size(spec)
                needs = {
                    device: Need(estimate.total_bytes, self._lessened(spec, sized.plans[device]))
                    for device, estimate in sized.estimates.items()
                }
                return self._now_or_later(judge(needs, self._rooms(engine), exact=True), engine)
        except (AiRunnerError, OSError) as error:
            return not_known(system_words(error))
        declared = declared_bytes(spec)
        if declared is None:
            return not_known("Nothing says how much memory it needs until it is here.")
        return self._judge_alike(declared, engine)

    def _fits_of(self, model: HubModel) -> list[Fit]:
        engines = self._core.catalog.engines.values()
        engine = next(e for e in engines if e.weights and e.weights.file_pattern == _GGUF)
        return [
            not_known("The hub does not say how large it is.")
            if file.n_bytes is None
            else self._judge_alike(file_needs_bytes(file.n_bytes), engine)
            for file in model.files
        ]

    def _judge_alike(self, n_bytes: int, engine: EngineTraits) -> Fit:
        """By one figure for every device."""
        rooms = self._rooms(engine)
        fit = judge({room.device: Need(n_bytes) for room in rooms}, rooms, exact=False)
        return self._now_or_later(fit, engine)

    def _now_or_later(self, fit: Fit, engine: EngineTraits) -> Fit:
        """A model that is planned for, and not what is free now, is told with what it waits for."""
        hardware, n_bytes = self._core.hardware, fit.needed_bytes
        if fit.verdict != "no" or n_bytes is None or n_bytes > hardware.planned_budget(engine.name):
            return fit
        needed = hardware.free_needed(engine.name, n_bytes)
        if needed is None:
            return fit
        offers = f"{fit.device} offers {format_bytes(fit.budget_bytes)} now"
        return replace(fit, words=f"F{when_free(needed)[1:]}; {offers}.")

    def _rooms(self, engine: EngineTraits) -> list[Room]:
        budgets: Mapping[str, int] = self._core.manager.budgets
        able = [d for d in self._core.hardware.devices if d.computes(engine.name)]
        accelerated = any(d.is_accelerator for d in able)
        rooms = [
            Room(d.id, budgets[d.id], d.is_accelerator or not accelerated)
            for d in able
            if d.id in budgets
        ]
        return sorted(rooms, key=lambda room: (not room.is_best, -room.budget_bytes))

    def _lessened(self, spec: ModelSpec, plan: Plan) -> str:
        match plan:
            case LoadPlan(n_ctx=n_ctx, embedding=False):
                context = self._core.settings.context
                asked = max(n_ctx, AUTO_CONTEXT) if context == "auto" else context
                wanted = min(asked, spec.longest_context)
                return f"with {n_ctx:,} of {wanted:,} tokens" if n_ctx < wanted else ""
            case ImagePlan(offload=offload) if offload in _IMAGE_WAYS:
                return _IMAGE_WAYS[offload]
            case ImagePlan(weights="4bit"):
                return "in 4 bits, which costs some quality"
        return ""

    def _found(self, model: HubModel) -> Found:
        sources = self._registered(model.repo)
        files = tuple(
            next((name for name, pattern in sources if pattern and matches(f.name, pattern)), "")
            for f in model.files
        )
        names = tuple(dict.fromkeys(name for name, _ in sources))
        return Found(model, tuple(self._fits_of(model)), names, files)

    def _registered(self, repo: str) -> list[tuple[str, str]]:
        """Registered models of a repository, each with the pattern of its file, if it is one."""
        found = []
        for spec in list(self._core.catalog.registry.values()):
            try:
                sources = self._core.catalog.sources_of(spec)
            except AiRunnerError:  # its engine is not installed
                continue
            for source in sources:
                if isinstance(source, HubSource) and source.repo == repo:
                    found.append((spec.model_path, source.pattern))
                elif isinstance(source, HubFolderSource) and source.repo == repo:
                    found.append((spec.model_path, ""))
        return found
