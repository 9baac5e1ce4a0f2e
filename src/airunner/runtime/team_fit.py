"""Whether every model of the team fits into a device's budget under given settings.

Owns that question, in bytes and in words; loads nothing. A turn gives the primary back
before a tool asks for another model, so each has to fit alone, beside what is kept in
memory. What a load takes is each engine's planner's to say, from the weights' metadata.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from airunner.components.llm.config.model_capabilities import embedded_fallback
from airunner.config.byte_size import format_bytes
from airunner.config.settings import Settings
from airunner.engines.known import known_engines
from airunner.engines.registry import EngineRegistry
from airunner.errors import AiRunnerError, DoesNotFitError
from airunner.events import EventBus
from airunner.models.assign import declared_bytes
from airunner.models.catalog import Catalog
from airunner.models.spec import ModelCapability, ModelSpec
from airunner.resources.pins import check_pins
from airunner.resources.sizing import Sizer
from airunner.runtime.capability_names import capability_named, placed_capabilities
from airunner.runtime.file_models import assigned_models, open_catalog
from airunner.runtime.hardware import Hardware
from airunner.scheduling.roster import Roster
from airunner.weights.store import ModelStore, open_store

PRIMARY = ModelCapability.PRIMARY_CONVERSATION
BUDGET_SETTINGS = frozenset(
    {"max_memory", "reserve", "devices", "primary", "context", "parallel", "kv_type"}
    | {"keep_in_memory", "assign"}
)
"""The settings that decide whether it fits."""


@dataclass(frozen=True, slots=True)
class TooLarge:
    """A model that fits nowhere: what it takes at least, and the most there is, in bytes.

    ``capabilities`` are those it serves, ``kept`` the models whose staying in memory leaves
    it too little, and ``device`` the only one it may go to, if it was placed.
    """

    model: str
    capabilities: tuple[ModelCapability, ...]
    needed_bytes: int
    budget_bytes: int
    device: str = ""
    kept: tuple[str, ...] = ()

    @property
    def is_primary(self) -> bool:
        """It is the one that talks."""
        return PRIMARY in self.capabilities

    def __str__(self) -> str:
        serves = ", ".join(each.value.replace("_", " ") for each in self.capabilities)
        where = f"the budget of {self.device}" if self.device else "the largest budget"
        beside = f" beside {', '.join(self.kept)}, kept in memory" if self.kept else ""
        return (
            f"{self.model}, for {serves}, takes about {format_bytes(self.needed_bytes)}, and "
            f"{where} is {format_bytes(self.budget_bytes)}{beside}."
        )


class TeamFit:
    """The team under one set of settings, with the weights that are here."""

    def __init__(
        self,
        settings: Settings,
        engines: EngineRegistry,
        catalog: Catalog,
        store: ModelStore,
        hardware: Hardware,
    ) -> None:
        self._settings, self._engines, self._hardware = settings, engines, hardware
        self._catalog, self._store = catalog, store
        self._sizes: dict[str, Mapping[str, int]] = {}

    def serving(self, capability: ModelCapability) -> ModelSpec:
        """Who serves it; what cannot be read counts as absent.

        Raises:
            CatalogError, WeightsError: nothing is mapped or here, or a name is not registered.
        """
        if capability is PRIMARY and self._settings.primary is not None:
            return self._catalog.spec(self._settings.primary)
        here, fallback = self._store.seems_here, embedded_fallback(capability)
        return self._catalog.resolve(capability, here, fallback).spec

    def too_large(self) -> Iterator[TooLarge]:
        """Every model in use or assigned that fits nowhere, the primary first."""
        left, kept = self._left_by_kept()
        for (model, device), capabilities in self._placed().items():
            spec = self._catalog.spec(model)
            sizes = self._size_of(spec)
            usable = [d for d in sizes if device in ("", d)]
            if not usable or model in kept:
                continue
            if any(sizes[d] <= left[d] for d in usable):
                continue
            fits_alone = any(sizes[d] <= self._budgets[d] for d in usable)
            if fits_alone and PRIMARY in capabilities:
                continue  # ``kept_too_many`` tells
            room = left if fits_alone else self._budgets
            best = max(usable, key=lambda d: room[d] - sizes[d])
            beside = kept if fits_alone else ()
            yield TooLarge(model, capabilities, sizes[best], max(0, room[best]), device, beside)

    def kept_too_many(self) -> DoesNotFitError | None:
        """Why what is to be kept in memory does not fit beside the primary, if it does not."""
        names = self._kept()
        if not names:
            return None
        roster = Roster(self._hardware.device_budgets())
        with suppress(AiRunnerError):
            primary = self.serving(PRIMARY)
            roster.primary = primary.model_path
            roster.record(primary.model_path).size_bytes = dict(self._size_of(primary))
        try:
            check_pins(roster, {n: self._size_of(self._catalog.spec(n)) for n in names})
        except DoesNotFitError as error:
            return error
        except AiRunnerError:  # placed where there is no device: told elsewhere
            pass
        return None

    @cached_property
    def _budgets(self) -> Mapping[str, int]:
        return {each.device: each.budget_bytes for each in self._hardware.device_budgets()}

    def _placed(self) -> dict[tuple[str, str], tuple[ModelCapability, ...]]:
        """The models in use or assigned, each with where it may go, and what it serves."""
        devices = placed_capabilities(self._settings)
        wanted = assigned_models(self._settings)
        found: dict[tuple[str, str], tuple[ModelCapability, ...]] = {}
        for capability in sorted(self._catalog.mapping, key=lambda each: each is not PRIMARY):
            names = [wanted[capability]] if capability in wanted else []
            with suppress(AiRunnerError):  # nothing serves it, which is told when it is asked
                names.append(self.serving(capability).model_path)
            for name in dict.fromkeys(names):
                place = (name, devices.get(capability, ""))
                found[place] = (*found.get(place, ()), capability)
        return found

    def _kept(self) -> tuple[str, ...]:
        names: list[str] = []
        for each in self._settings.keep_in_memory:
            with suppress(AiRunnerError):
                capability = capability_named(each, self._settings, "keep_in_memory")
                names.append(self.serving(capability).model_path)
        return tuple(dict.fromkeys(names))

    def _left_by_kept(self) -> tuple[dict[str, int], tuple[str, ...]]:
        """What is left of each budget by models that stay in memory, and which these are."""
        left, kept = dict(self._budgets), self._kept()
        for name in kept:
            sizes = self._size_of(self._catalog.spec(name))
            if sizes:
                device = max(sizes, key=lambda d: left[d] - sizes[d])
                left[device] -= sizes[device]
        return left, kept

    def _size_of(self, spec: ModelSpec) -> Mapping[str, int]:
        """Bytes it takes at least, by the devices that it can go to; empty if nobody knows.

        Measured from its weights where they are here, else as its entry states.
        """
        if spec.model_path not in self._sizes:
            sizes = self._measured(spec)
            if sizes is None:
                stated = declared_bytes(spec)
                able = [d.id for d in self._hardware.devices if d.computes(spec.engine)]
                sizes = {} if stated is None else dict.fromkeys(able, stated)
            self._sizes[spec.model_path] = {d: n for d, n in sizes.items() if d in self._budgets}
        return self._sizes[spec.model_path]

    def _measured(self, spec: ModelSpec) -> Mapping[str, int] | None:
        with suppress(AiRunnerError, OSError):
            if not self._store.is_here(spec):
                return None
            path = self._store.path(spec) or Path(spec.model_path)
            return self._sizer.size(spec, path, self._budgets).demand.size_bytes
        return None

    @cached_property
    def _sizer(self) -> Sizer:
        return Sizer(self._hardware.devices, self._engines.planners(self._settings))


def budget_warning(settings: Settings) -> str:
    """What is wrong with the budget of ``settings``, in words; empty if the whole team fits."""
    engines = known_engines()
    with suppress(AiRunnerError, OSError):  # what else is wrong, the examination tells
        catalog = open_catalog(settings, engines.traits)
        store = open_store(settings.replace(offline=True), catalog, EventBus())
        fit = TeamFit(settings, engines, catalog, store, Hardware(settings, engines))
        for found in fit.too_large():
            fails = "Nothing" if found.is_primary else "Not every task"
            return f"{fails} can answer with this: {found}"
        if (error := fit.kept_too_many()) is not None:
            return str(error)
    return ""
