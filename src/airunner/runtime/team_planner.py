"""Which models suit this machine: the registry and the devices' budgets, put together.

Owns which budget counts. The choice itself is ``airunner.models.assign``; what a model
really takes is told by whoever can measure it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace

from airunner.components.llm.config.model_capabilities import CAPABILITY_TO_MODEL, MODEL_REGISTRY
from airunner.config.settings import Settings
from airunner.errors import WeightsError
from airunner.errors.pasted import pasted
from airunner.models.assign import Assignment, Choice, auto_assign, declared_bytes
from airunner.models.catalog import Resolution
from airunner.models.engine_traits import EngineTraits
from airunner.models.spec import ModelCapability, ModelSpec
from airunner.models.speed import UNKNOWN_PACE, Pace, pace_on_cpu
from airunner.runtime.file_models import assigned_models
from airunner.runtime.hardware import Hardware
from airunner.weights.gate import gate_of
from airunner.weights.store import ModelStore

SizeOf = Callable[[ModelSpec], int | None]
_log = logging.getLogger(__name__)


class TeamPlanner:
    """Plans for ``hardware`` and ``engines``.

    ``size_of`` tells the bytes of a model, ``None`` if unknown. Plans keep to what is assigned
    in the file of ``settings``, and pass over what is gated, unless ``store`` has it.
    """

    def __init__(
        self,
        hardware: Hardware,
        engines: Iterable[EngineTraits],
        size_of: SizeOf,
        settings: Settings,
        store: ModelStore,
    ) -> None:
        self._hardware, self._engines, self._size_of = hardware, tuple(engines), size_of
        self._settings, self._store = settings, store
        self._told: set[str] = set()

    def plan(self, budget_bytes: int | None = None) -> Assignment:
        """The best team for ``budget_bytes``, by default for the best devices' share."""
        return self._plan(self._known_size, tuple(ModelCapability), budget_bytes)

    def assign(self, budget_bytes: int | None = None) -> Assignment:
        """Map every capability to the best model that fits the budget under swapping.

        ``budget_bytes`` defaults to the best devices' share for models. The mapping is changed
        for this process; the returned assignment says what was chosen and why, and
        what was passed over.
        """
        chosen = self.plan(budget_bytes)
        CAPABILITY_TO_MODEL.update(chosen.mapping)
        return chosen

    def choice(self, capability: ModelCapability) -> Choice:
        """The choice by the registry's own figures; measures nothing, so on any thread."""
        return self._plan(declared_bytes, (capability,)).choices[0]

    def instead(self, found: Resolution, capability: ModelCapability) -> Resolution:
        """``found`` as this machine's plan has it: what would serve better here, if anything.

        What is mapped may be too large for it, or too slow; the team that is offered has another.
        """
        if not found.is_fallback or self._store.seems_here(found.wanted):
            return found  # it is here and cannot be used, which is what has to be told
        choice = self.choice(capability)
        if choice.model is None:
            lacks = {each.model for each in choice.rejected if each.deficit_bytes}
            is_too_large = found.wanted.model_path in lacks
            return Resolution(found.spec, found.spec) if is_too_large else found
        if choice.model == found.wanted.model_path:
            return found
        wanted = MODEL_REGISTRY[choice.model]
        if wanted.model_path == found.spec.model_path:
            return Resolution(found.spec, found.spec)
        advice = pasted("airunner", "models", "pull", wanted.model_path)
        return replace(found, wanted=wanted, advice=advice)

    def _plan(
        self,
        size_of: SizeOf,
        capabilities: Iterable[ModelCapability],
        budget_bytes: int | None = None,
    ) -> Assignment:
        by_engine = {}
        is_here = budget_bytes is None
        if budget_bytes is None:
            by_engine = {e.name: self._hardware.planned_budget(e.name) for e in self._engines}
            # Shown as the budget, and asked for where an entry's engine is not known.
            budget_bytes = next((by_engine[e.name] for e in self._engines if e.talks), 0)
        planned = auto_assign(
            MODEL_REGISTRY,
            budget_bytes,
            size_of,
            capabilities=capabilities,
            engine_budgets=by_engine,
            assigned=assigned_models(self._settings),
            refused=self._gate,
            pace_of=self._pace if is_here else lambda *_: UNKNOWN_PACE,
        )
        if not is_here:
            return planned
        choices = tuple(self._with_free_needed(choice) for choice in planned.choices)
        talking = next((e.name for e in self._engines if e.talks), "")
        return replace(planned, choices=choices, assumed=self._hardware.assumed(talking))

    def _with_free_needed(self, choice: Choice) -> Choice:
        if choice.model is None or choice.size_bytes is None:
            return choice
        engine = MODEL_REGISTRY[choice.model].engine
        needed = self._hardware.free_needed(engine, choice.size_bytes)
        return replace(choice, free_needed_bytes=needed)

    def _pace(self, spec: ModelSpec, size_bytes: int) -> Pace:
        """How fast it is, where the model would lie in RAM; a GPU is not asked about."""
        if self._hardware.has_accelerator(spec.engine):
            return UNKNOWN_PACE
        return pace_on_cpu(spec, size_bytes, self._hardware.n_threads)

    def _known_size(self, spec: ModelSpec) -> int | None:
        """A model whose file is damaged is passed over; it does not end the plan."""
        try:
            return self._size_of(spec)
        except WeightsError as error:
            if spec.model_path not in self._told:
                _log.warning("%s is passed over: %s", spec.model_path, error)
            self._told.add(spec.model_path)
            return None

    def _gate(self, spec: ModelSpec) -> str:
        """What stands between the user and a model that is not here."""
        return "" if self._store.seems_here(spec) else gate_of(spec)
