"""The team of models: who serves a capability here and now, and leases on them.

Resolves a capability to a model with weights on this machine, fetches the
embedded one when nothing else is there, sizes it, and leases it. Runs on the
runtime's event loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import (
    AsyncIterator,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from airunner.agent.team import Expect
from airunner.engines.descriptor import Variant
from airunner.errors import AiRunnerError, ForbiddenModelError, MissingWeightsError
from airunner.errors.pasted import pasted
from airunner.events import EventBus, FallbackChosen
from airunner.media import MediaSupport
from airunner.messages import MediaKind
from airunner.models.assign import Choice
from airunner.models.catalog import Catalog, Resolution
from airunner.models.spec import HubSource, ModelCapability, ModelSpec
from airunner.resources.lease import Lease
from airunner.resources.manager import ModelResourceManager
from airunner.resources.sizing import Sized, Sizer
from airunner.resources.status import Status
from airunner.resources.visitor import ANYTHING, current_visitor
from airunner.runtime.capability_names import CAPABILITY, TEAM
from airunner.runtime.survey import PRIMARY, for_conversations, is_spoilt, resolution, usable
from airunner.weights.store import ModelStore

_log = logging.getLogger(__name__)


class ModelTeam:
    """Who serves what; see the module's description.

    ``pins`` and ``assignments`` come from the settings and are applied before
    the first lease. ``planned`` tells which models suit a capability on this machine:
    a stand-in that is the best of them is nothing to be told of. Models are loaded and used
    within ``claim`` alone: see ``MemoryClaim``.
    """

    def __init__(
        self,
        *,
        catalog: Catalog,
        store: ModelStore,
        sizer: Sizer,
        manager: ModelResourceManager,
        bus: EventBus,
        primary: str | None,
        pins: Iterable[ModelCapability],
        assignments: Mapping[ModelCapability, str],
        planned: Callable[[ModelCapability], Choice],
        claim: Callable[[str], AbstractAsyncContextManager[None]],
    ) -> None:
        self._catalog = catalog
        self._store = store
        self._sizer = sizer
        self._manager = manager
        self._bus = bus
        self._primary = primary
        self._pins = tuple(pins)
        self._assignments: dict[ModelCapability, str | None] = dict(assignments)
        self._planned = planned
        self._claim = claim
        self._prepared = False
        self._preparing = asyncio.Lock()
        self._told: set[tuple[str, str]] = set()

    def choose_primary(self, name: str) -> ModelSpec:
        """Let a model answer from now on, whose weights are here; the registry keeps its own.

        Raises:
            AiRunnerError: see ``survey.for_conversations``.
        """
        spec = for_conversations(self._catalog, self._store, name)
        self._primary = spec.model_path
        return spec

    @asynccontextmanager
    async def lease(
        self,
        wanted: ModelCapability | str,
        *,
        owner: str,
        returns: bool = True,
        model: str | None = None,
        fetches: bool = True,
    ) -> AsyncIterator[Lease]:
        """Hold a model for the body: the one that serves a capability, or one by its name.

        ``model`` is a registered model to use for the capability instead of the one that
        is mapped. With ``fetches=False`` one that is asked for by its name has to be here.

        Raises:
            CatalogError, WeightsError, StorageError: no model could be found or fetched.
            ForbiddenModelError: the visitor may not use it.
            DoesNotFitError, LeaseError, LoadError: see ``ModelResourceManager.lease``.
        """
        path = None
        if not fetches and not isinstance(wanted, ModelCapability):
            path = self._path_here(self._catalog.spec(wanted))
        async with self._claim(owner):
            await self._prepare()
            if not isinstance(wanted, ModelCapability):
                sized = await self.size(self._catalog.spec(wanted), path)
            elif model is None:
                sized = await self._sized(wanted)
            else:
                sized = await self._sized_by_name(model, wanted)
            self.check_right(sized.spec)
            if wanted is PRIMARY:
                self._manager.set_primary(sized)
            async with self._manager.lease(sized, owner=owner, returns=returns) as lease:
                yield lease

    def check_right(self, spec: ModelSpec) -> None:
        """Return if the visitor may use a model, by any name that it goes by now.

        Raises:
            ForbiddenModelError: they may not.
        """
        visitor = current_visitor()
        if visitor.models != ANYTHING and not visitor.may_use(*self._names_of(spec.model_path)):
            raise ForbiddenModelError(spec.model_path, visitor.name)

    def _names_of(self, model: str) -> Iterator[str]:
        yield model
        for capability in self._catalog.mapping:
            with suppress(AiRunnerError):  # nothing serves it
                if self.resolution(capability).spec.model_path == model:
                    yield f"{CAPABILITY}{capability.value}"
                    if capability is PRIMARY:
                        yield TEAM

    def resolve(self, capability: ModelCapability, model: str | None = None) -> ModelSpec:
        """The model that a lease would get now; see ``resolution``."""
        return self.resolution(capability).spec if model is None else self._catalog.spec(model)

    def resolution(self, capability: ModelCapability) -> Resolution:
        """Which model serves a capability and why, without loading or fetching anything.

        Raises:
            UnmappedCapabilityError, UnknownModelError, MissingWeightsError.
        """
        return resolution(self._catalog, self._store, capability, self._primary)

    async def media_support(
        self, capability: ModelCapability, model: str | None = None
    ) -> MediaSupport:
        """Which pictures and recordings the model takes; see ``agent.team.Team``.

        Until its weights are here, what its entry in the registry says of it.
        """
        spec = self.resolve(capability, model)
        where = ""
        if model is None:
            where = " with --primary" if capability is PRIMARY else " in CAPABILITY_TO_MODEL"
        if usable(self._store, spec):
            takes = (await self.size(spec)).media
        else:
            takes = frozenset({"image"} if spec.supports_vision else ())
        return MediaSupport(spec.model_path, takes, self._media_advice(spec, capability, where))

    def _media_advice(
        self, spec: ModelSpec, capability: ModelCapability, where: str
    ) -> dict[MediaKind, str]:
        able = [
            other.model_path
            for other in self._catalog.registry.values()
            if other.supports_vision and capability in other.capabilities and other is not spec
        ]
        such = f", such as {able[0]}" if able else ""
        see = f"Choose a model that sees{where}{such}."
        if isinstance(spec.projector, HubSource):
            command = pasted("airunner", "models", "pull", spec.model_path)
            see = (
                f"The file that lets it see is not here: `{command}` "
                "fetches it; then start AI Runner anew."
            )
        elif spec.supports_vision:
            see = "Put its projector, a file named mmproj*.gguf, beside its weights."
        hear = f"Choose a model whose projector (mmproj*.gguf) encodes sound{where}."
        return {"image": see, "audio": hear}

    @contextmanager
    def expecting(self, *, owner: str) -> Iterator[Expect]:
        """See ``agent.team.Team``: what is expected may be read ahead, if it is here at all."""
        heard: set[ModelCapability] = set()
        errands: set[asyncio.Task[None]] = set()
        with self._manager.expecting(owner) as expect_model:

            def expect(capabilities: Sequence[ModelCapability]) -> None:
                new = [c for c in capabilities if c not in heard]
                heard.update(new)
                if new:
                    work = self._expect(new, expect_model)
                    errands.add(asyncio.get_running_loop().create_task(work))

            try:
                yield expect
            finally:
                for errand in errands:
                    errand.cancel()

    @contextmanager
    def series(self) -> Iterator[None]:
        """See ``ModelResourceManager.series``."""
        with self._manager.series():
            yield

    async def keep_in_memory(self, capabilities: Iterable[ModelCapability]) -> None:
        """Load these capabilities' models and never evict them; replaces an earlier choice.

        Raises:
            DoesNotFitError: they do not fit beside the primary.
        """
        async with self._claim("keep_in_memory"):
            chosen = list(capabilities)
            sized = [await self._sized(c) for c in chosen]
            if PRIMARY in self._catalog.mapping:
                self._manager.set_primary(await self._sized(PRIMARY))
            self._manager.pin(sized)
            self._pins = tuple(chosen)
            for one in sized:
                async with self._manager.lease(one, owner="keep_in_memory"):
                    pass

    async def leave_memory(self, reason: str) -> bool:
        """Take every model out of memory, parked; true if none is left there.

        For a time when nothing is leased. Models that are kept in memory come back with the
        next lease, whatever it is on.
        """
        self._prepared = False
        return await self._manager.unload_all(reason)

    async def assign_device(self, capability: ModelCapability, device: str | None) -> None:
        """Place a capability's model on one device; it moves there at its next load.

        Raises:
            DeviceNotFoundError: there is no such device.
        """
        self._manager.assign(await self._sized(capability), device)
        self._assignments[capability] = device

    @property
    def kept(self) -> tuple[ModelCapability, ...]:
        """The capabilities whose models stay loaded."""
        return self._pins

    def device_of(self, capability: ModelCapability) -> str | None:
        """The device that a capability's model was placed on; ``None`` is the scheduler's."""
        return self._assignments.get(capability)

    def status(self) -> Status:
        """What is loaded where, now."""
        return self._manager.status()

    async def size(self, spec: ModelSpec, path: Path | None = None) -> Sized:
        """Plans and memory estimates for a model.

        ``path`` is where its weights are, if that is known; else they are looked for, and
        fetched if need be.

        Raises:
            UnknownEngineError: its engine is none of those that there are.
        """
        path = path or await self._weights(spec)
        known = self._sizer.recall(spec, path, self._manager.budgets)
        if known is not None:
            return known
        return await asyncio.to_thread(self._sizer.size, spec, path, self._manager.budgets)

    async def variants(self, spec: ModelSpec) -> Sequence[tuple[str, int, Variant]]:
        """Ways to load a model, each with its device and that device's budget in bytes.

        The weights are fetched if needed; see ``size`` for what is raised.
        """
        sized = await self.size(spec)
        found = self._sizer.variants(sized, await self._weights(spec))
        budgets = self._manager.budgets
        return [(device, budgets[device], way) for device, ways in found.items() for way in ways]

    async def _prepare(self) -> None:
        if self._prepared:
            return
        async with self._preparing:
            if self._prepared:
                return
            for capability, device in list(self._assignments.items()):
                await self.assign_device(capability, device)
            if self._pins:
                await self.keep_in_memory(self._pins)
            self._prepared = True

    async def _expect(
        self, capabilities: Sequence[ModelCapability], expect_model: Callable[[Sized], None]
    ) -> None:
        for capability in capabilities:
            try:
                spec = self.resolution(capability).spec
                if usable(self._store, spec):  # fetching can wait until somebody needs it
                    expect_model(await self.size(spec))
            except (AiRunnerError, OSError) as error:
                # Whoever asks for the model hears of it.
                _log.debug("%s is not read ahead: %s", capability.value, error)

    async def _sized(self, capability: ModelCapability) -> Sized:
        resolution = self.resolution(capability)
        self._tell(capability, resolution)
        return await self.size(resolution.spec)

    async def _sized_by_name(self, model: str, capability: ModelCapability) -> Sized:
        return await self.size(self._catalog.spec_for(capability, model))

    async def _weights(self, spec: ModelSpec) -> Path:
        path = self._path(spec)
        return path if path is not None else await asyncio.to_thread(self._store.fetch, spec)

    def _path_here(self, spec: ModelSpec) -> Path:
        if (path := self._path(spec)) is None:
            raise MissingWeightsError(spec.model_path)
        return path

    def _path(self, spec: ModelSpec) -> Path | None:
        needs_none = self._catalog.engine(spec).weights is None
        return Path(spec.model_path) if needs_none else self._store.path(spec)

    def _tell(self, capability: ModelCapability, resolution: Resolution) -> None:
        if not resolution.is_fallback:
            return
        wanted, chosen = resolution.wanted.model_path, resolution.spec.model_path
        told = FallbackChosen(
            capability=capability.value,
            wanted=wanted,
            chosen=chosen,
            advice=resolution.advice,
            reason=resolution.reason,
        )
        if is_spoilt(self._store, resolution.wanted):
            self._bus.publish(told)  # each time: who asks may be another program than before
        elif (wanted, chosen) not in self._told:
            self._told.add((wanted, chosen))
            choice = self._planned(capability)
            if choice.model == chosen:
                return
            # What is mapped may be refused here, or slow.
            wanted = choice.model or wanted
            advice = pasted("airunner", "models", "pull", wanted)
            self._bus.publish(replace(told, wanted=wanted, advice=advice, reason=""))
