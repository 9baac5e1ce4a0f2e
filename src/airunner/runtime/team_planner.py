"""Which models suit this machine: the registry and the devices' budgets, put together.

Owns which budget counts. The choice itself is ``airunner.models.assign``; what a model
really takes is told by whoever can measure it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from airunner.components.llm.config.model_capabilities import CAPABILITY_TO_MODEL, MODEL_REGISTRY
from airunner.models.assign import Assignment, Choice, auto_assign, declared_bytes
from airunner.models.engine_traits import EngineTraits
from airunner.models.spec import ModelCapability, ModelSpec
from airunner.runtime.hardware import Hardware

SizeOf = Callable[[ModelSpec], int | None]


class TeamPlanner:
    """Plans for ``hardware`` and ``engines``.

    ``size_of`` tells the bytes of a model, ``None`` if unknown; ``assigned`` the models that
    the user wants, and ``refused`` why one cannot be had here, empty if it can.
    """

    def __init__(
        self,
        hardware: Hardware,
        engines: Iterable[EngineTraits],
        size_of: SizeOf,
        assigned: Callable[[], Mapping[ModelCapability, str]] = dict,
        refused: Callable[[ModelSpec], str] = lambda _: "",
    ) -> None:
        self._hardware, self._engines, self._size_of = hardware, tuple(engines), size_of
        self._assigned, self._refused = assigned, refused

    def plan(self, budget_bytes: int | None = None) -> Assignment:
        """The best team for ``budget_bytes``, by default for what the best devices offer."""
        return self._plan(self._size_of, tuple(ModelCapability), budget_bytes)

    def assign(self, budget_bytes: int | None = None) -> Assignment:
        """Map every capability to the best model that fits the budget under swapping.

        ``budget_bytes`` defaults to what the best devices offer. The mapping is changed
        for this process; the returned assignment says what was chosen and why, and
        what was passed over.
        """
        chosen = self.plan(budget_bytes)
        CAPABILITY_TO_MODEL.update(chosen.mapping)
        return chosen

    def choice(self, capability: ModelCapability) -> Choice:
        """The choice by the registry's own figures; measures nothing, so on any thread."""
        return self._plan(declared_bytes, (capability,)).choices[0]

    def _plan(
        self,
        size_of: SizeOf,
        capabilities: Iterable[ModelCapability],
        budget_bytes: int | None = None,
    ) -> Assignment:
        by_engine = {}
        if budget_bytes is None:
            by_engine = {e.name: self._hardware.planned_budget(e.name) for e in self._engines}
            # Shown as the budget, and asked for where an entry's engine is not known.
            budget_bytes = next((by_engine[e.name] for e in self._engines if e.talks), 0)
        return auto_assign(
            MODEL_REGISTRY,
            budget_bytes,
            size_of,
            capabilities=capabilities,
            engine_budgets=by_engine,
            assigned=self._assigned(),
            refused=self._refused,
        )
