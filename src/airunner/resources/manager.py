"""The ModelResourceManager: the sole owner of every load and every byte.

Takes requests, lets the scheduler decide, and has its decisions performed. It
decides nothing itself, and everything here runs on one event loop, so the
scheduler has one writer.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from typing import Any

from airunner.engines.base import Launcher
from airunner.errors import (
    DeviceNotFoundError,
    LeaseRefusedError,
    LeaseTimeoutError,
)
from airunner.events import Decided, EventBus, MemoryAwaited
from airunner.resources.lease import Lease
from airunner.resources.loaded_model import LoadedModel
from airunner.resources.loaded_models import LoadedModels, MissingBytes
from airunner.resources.memory_waits import wait_for_memory
from airunner.resources.parking import ParkingLot
from airunner.resources.pins import check_pins
from airunner.resources.readahead import Readahead, RoomMeter
from airunner.resources.refusals import error_of
from airunner.resources.sizing import Sized
from airunner.resources.status import DeviceStatus, ModelStatus, Status, waiting_at, waiting_in
from airunner.resources.visitor import current_visitor
from airunner.scheduling import inputs
from airunner.scheduling.effects import (
    Effect,
    Grant,
    Hold,
    Park,
    ReadAhead,
    Refuse,
    Restore,
    StartLoad,
    Stop,
)
from airunner.scheduling.inputs import Input
from airunner.scheduling.lifecycle import Lifecycle
from airunner.scheduling.scheduler import LOAD_ATTEMPTS, Scheduler

Recorder = Callable[[Input, Sequence[Effect]], None]
BudgetMeter = Callable[[Mapping[str, Sequence[int]]], Mapping[str, int]]
"""Given our workers' process ids by device: the budgets now, by device. Runs on a thread."""


class ModelResourceManager:
    """See the module's description.

    Args:
        scheduler: decides.
        launchers: start workers, by engine.
        lot: keeps the KV state of conversations out of memory.
        bus: receives every event.
        n_threads: CPU threads for all engines together.
        recorder: sees every input with its effects, for the run log.
        measure_budgets: the budgets now, by device; asked before each request
            that needs memory, because other programs use memory too.
        missing_bytes: measures what an ended worker did not give back.
        read_room: RAM that files may fill ahead of a load; without it none is read ahead.
        lease_timeout_s: the longest wait for a lease.
    """

    def __init__(
        self,
        *,
        scheduler: Scheduler,
        launchers: Mapping[str, Launcher[Any]],
        lot: ParkingLot,
        bus: EventBus,
        n_threads: int,
        recorder: Recorder,
        measure_budgets: BudgetMeter | None = None,
        missing_bytes: MissingBytes | None = None,
        read_room: RoomMeter | None = None,
        lease_timeout_s: float = 600.0,
    ) -> None:
        self._scheduler = scheduler
        self._lot = lot
        self._bus = bus
        self._measure_budgets = measure_budgets
        self._recorder = recorder
        self._lease_timeout_s = lease_timeout_s
        self._loaded = LoadedModels(
            launchers=launchers,
            lot=lot,
            bus=bus,
            n_threads=n_threads,
            report=self._apply,
            missing_bytes=missing_bytes,
            queue_limit=scheduler.queue_limit,
        )
        self._readahead = Readahead(bus, read_room)
        self._sized: dict[str, Sized] = {}
        self._answers: dict[str, asyncio.Future[LoadedModel]] = {}
        self._requests = itertools.count(1)
        self._closing = False

    @property
    def budgets(self) -> dict[str, int]:
        """The budget of every device, in bytes."""
        accounts = self._scheduler.roster.ledger.accounts
        return {device: account.budget_bytes for device, account in accounts.items()}

    @asynccontextmanager
    async def lease(
        self, sized: Sized, *, owner: str, returns: bool = True, timeout_s: float | None = None
    ) -> AsyncIterator[Lease]:
        """Wait for a model and hold it for the body; it is never evicted meanwhile.

        ``owner`` is the piece of work this is for. ``returns=False`` does not
        mark an evicted primary to be brought back.

        Raises:
            DoesNotFitError: it can never be placed.
            LeaseRefusedError, LeaseTimeoutError, LeaseDeadlockError: about the wait.
            LoadError, WeightsError: the model could not be loaded.
        """
        request = f"lease-{next(self._requests)}"
        loaded = await self._acquire(request, sized, owner, returns, timeout_s)
        try:
            yield Lease(sized.spec, loaded)
        finally:
            now_s, rebuild_s = time.monotonic(), loaded.states.rebuild_s
            self._apply(inputs.LeaseReturned(now_s=now_s, request=request, rebuild_s=rebuild_s))

    @contextmanager
    def series(self) -> Iterator[None]:
        """Several models are used one after another in the body.

        A primary that leaves for one of them comes back when the body ends,
        not between them, unless somebody asks for it meanwhile.
        """
        series = f"series-{next(self._requests)}"
        self._apply(inputs.SeriesBegan(now_s=time.monotonic(), series=series))
        try:
            yield
        finally:
            self._apply(inputs.SeriesEnded(now_s=time.monotonic(), series=series))

    @contextmanager
    def expecting(self, owner: str) -> Iterator[Callable[[Sized], None]]:
        """The body may say which models ``owner`` will probably ask for, in that order.

        A file may be read ahead for it, until the model loads or the body ends;
        nothing is loaded, charged or evicted.
        """

        def expect(sized: Sized) -> None:
            self._sized.setdefault(sized.key, sized)
            self._apply(inputs.Expected(now_s=time.monotonic(), owner=owner, demand=sized.demand))

        try:
            yield expect
        finally:
            self._readahead.forget(owner)

    def set_primary(self, sized: Sized) -> None:
        """Choose the model that is always brought back."""
        self._sized[sized.key] = sized
        self._apply(inputs.PrimaryChanged(now_s=time.monotonic(), demand=sized.demand))

    def pin(self, models: Iterable[Sized]) -> None:
        """Keep these models, and only these, from being evicted.

        Raises:
            DoesNotFitError: they do not fit beside the primary.
        """
        chosen = {sized.key: sized for sized in models}
        sizes = {key: sized.demand.size_bytes for key, sized in chosen.items()}
        check_pins(self._scheduler.roster, sizes)
        self._sized.update(chosen)
        self._apply(inputs.PinsChanged(now_s=time.monotonic(), keys=tuple(chosen)))

    def assign(self, sized: Sized, device: str | None) -> None:
        """Place a model on one device from its next load on; ``None`` leaves it to the scheduler.

        Raises:
            DeviceNotFoundError: there is no such device, or the model's engine cannot
                compute on it.
        """
        able = tuple(each for each in self.budgets if each in sized.plans)
        if device is not None and device not in able:
            raise DeviceNotFoundError(device, able)
        self._sized[sized.key] = sized
        self._apply(inputs.DeviceAssigned(now_s=time.monotonic(), key=sized.key, device=device))
        if device is not None and self._scheduler.roster.models[sized.key].device != device:
            self.unload(sized.key)

    def unload(self, key: str) -> None:
        """Let go of an idle model, its conversations parked. One in use is left alone."""
        self._apply(inputs.UnloadAsked(now_s=time.monotonic(), key=key))

    def remove(self, key: str) -> None:
        """A model's weights are deleted: what is parked of it goes too, unless it is loaded."""
        if self._loaded.find(key) is None:
            self._lot.drop_model(key)
            self._apply(inputs.ModelRemoved(now_s=time.monotonic(), key=key))

    async def unload_all(self, reason: str) -> bool:
        """Let go of every idle model, pinned or not; true if none is in memory then."""
        self._apply(inputs.PinsChanged(now_s=time.monotonic(), keys=()))
        for key, record in list(self._scheduler.roster.models.items()):
            if record.state.holds_memory:
                self._apply(inputs.UnloadAsked(now_s=time.monotonic(), key=key, reason=reason))
        await self.settled()
        return not any(r.state.holds_memory for r in self._scheduler.roster.models.values())

    def forget(self, conversation: str) -> None:
        """Drop every state of a conversation that was deleted."""
        self._loaded.forget(conversation)

    def status(self) -> Status:
        """Devices, models ever asked for, and who waits, as it is now; nothing is measured."""
        roster = self._scheduler.roster
        accounts = roster.ledger.accounts
        devices = tuple(
            DeviceStatus(a.device, a.budget_bytes, a.held_bytes, a.lost_bytes)
            for a in accounts.values()
        )
        models: list[ModelStatus] = []
        for record in roster.models.values():
            loaded = self._loaded.find(record.key)
            charges = accounts[record.device].charges if record.device else {}
            parked = self._lot.of_model(record.key)
            models.append(
                ModelStatus(
                    model=record.key,
                    state=str(record.state),
                    device=record.device,
                    held_bytes=charges.get(record.key, 0),
                    measured_bytes=None,
                    parked_bytes=sum(state.n_bytes for state in parked),
                    leases=len(record.leases),
                    pinned=record.pinned,
                    pid=loaded.worker.pid if loaded else None,
                    n_ctx=loaded.n_ctx if loaded else None,
                    parked_tokens=sum(state.tokens for state in parked),
                    parked_conversations=len(parked),
                )
            )
        waiting = waiting_in(roster, time.monotonic())
        for loaded in self._loaded:
            waiting += waiting_at(loaded.key, loaded.slots.queue())
        return Status(devices, tuple(models), waiting)

    def waiting(self) -> dict[str, int]:
        """How many requests wait, by model: for memory, or for one of the model's slots."""
        found = {loaded.key: loaded.slots.waiting for loaded in self._loaded}
        for waiter in self._scheduler.roster.queue:
            found[waiter.demand.key] = found.get(waiter.demand.key, 0) + 1
        return found

    async def measured_status(self) -> Status:
        """The same, with what each worker holds by the system's account."""
        status = self.status()
        workers = {loaded.key: loaded.worker for loaded in self._loaded}

        held = await asyncio.to_thread(
            lambda: {key: worker.memory_bytes() for key, worker in workers.items()}
        )
        models = (replace(m, measured_bytes=held.get(m.model)) for m in status.models)
        return replace(status, models=tuple(models))

    async def settled(self) -> None:
        """Return when nothing is being loaded, parked, restored or stopped."""
        await self._loaded.settled()

    async def close(self) -> None:
        """Refuse who waits, end every worker, remove what is parked and does not last."""
        self._closing = True
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(LeaseRefusedError("a model", "AI Runner is shutting down"))
        await self._readahead.close()
        await self._loaded.close()
        self._lot.close()

    # Asking.

    async def _acquire(
        self, request: str, sized: Sized, owner: str, returns: bool, timeout_s: float | None
    ) -> LoadedModel:
        if self._loaded.find(sized.key) is None and not self._closing:
            await self._remeasure()  # it takes memory, so what others took matters now
        if self._closing:
            raise LeaseRefusedError(sized.key, "AI Runner is shutting down")
        self._sized[sized.key] = sized
        answer: asyncio.Future[LoadedModel] = asyncio.get_running_loop().create_future()
        self._answers[request] = answer
        longest_s = self._lease_timeout_s if timeout_s is None else timeout_s
        try:
            self._apply(
                inputs.LeaseAsked(
                    now_s=time.monotonic(),
                    request=request,
                    owner=owner,
                    demand=sized.demand,
                    returns=returns,
                    priority=current_visitor().priority,
                )
            )
            async with asyncio.timeout(longest_s):
                return await answer
        except (asyncio.CancelledError, TimeoutError) as error:
            wait = self._memory_wait(request)
            # The grant may have come in the same instant; the scheduler takes either back.
            self._apply(inputs.LeaseCancelled(now_s=time.monotonic(), request=request))
            if isinstance(error, TimeoutError):
                held = (wait.models, wait.held_bytes) if wait else ()
                raise LeaseTimeoutError(sized.key, longest_s, *held) from None
            raise
        finally:
            del self._answers[request]

    async def _remeasure(self) -> None:
        if self._measure_budgets is None:
            return
        models = self.status().models
        pids = {d: [m.pid for m in models if m.device == d and m.pid] for d in self.budgets}
        # Asking a GPU's driver takes tens of milliseconds.
        measured = await asyncio.to_thread(self._measure_budgets, pids)
        accounts = self._scheduler.roster.ledger.accounts
        for device, budget_bytes in measured.items():
            if accounts[device].budget_bytes != budget_bytes:
                self._apply(
                    inputs.BudgetMeasured(
                        now_s=time.monotonic(), device=device, budget_bytes=budget_bytes
                    )
                )

    # Performing.

    def _apply(self, event: Input) -> None:
        effects = self._scheduler.step(event)
        self._recorder(event, effects)
        for effect in effects:
            self._bus.publish(
                Decided(
                    action=effect.action,
                    model=effect.key,
                    device=effect.device,
                    reason=effect.reason,
                    needed_bytes=effect.needed_bytes,
                    held_bytes=effect.held_bytes,
                    budget_bytes=effect.budget_bytes,
                    cause=effect.cause if isinstance(effect, Refuse) else "",
                )
            )
            if isinstance(effect, Hold):
                self._tell_of_wait(effect)
            if not self._closing:
                self._perform(effect)
        # A load reads from the same disk, and somebody waits for it.
        models = self._scheduler.roster.models.values()
        self._readahead.pause(any(m.state is Lifecycle.LOADING for m in models))

    def _tell_of_wait(self, held: Hold) -> None:
        wait = self._memory_wait(held.request, held.device)
        if wait is not None:
            self._bus.publish(wait)

    def _memory_wait(self, request: str, device: str = "") -> MemoryAwaited | None:
        roster, longest_s = self._scheduler.roster, self._lease_timeout_s
        return wait_for_memory(roster, request, time.monotonic(), longest_s, device)

    def _perform(self, effect: Effect) -> None:
        match effect:
            case StartLoad(key=key, device=device):
                self._readahead.stop(key, "the model is being loaded")
                attempt = self._scheduler.roster.models[key].attempts + 1
                self._loaded.load(self._sized[key], device, attempt < LOAD_ATTEMPTS)
            case ReadAhead(key=key, owner=owner):
                self._readahead.begin(key, self._sized[key].files, owner)
            case Restore(key=key):
                self._loaded.restore(key)
            case Park(key=key):
                self._loaded.park(key)
            case Stop(key=key, device=device):
                self._loaded.stop(key, device)
            case Grant(request=request, key=key):
                loaded = self._loaded.find(key)
                answer = self._answers.get(request)
                if answer is not None and loaded is not None and not answer.done():
                    answer.set_result(loaded)
            case Refuse(request=request):
                answer = self._answers.get(request)
                if answer is not None and not answer.done():
                    known = self._loaded.load_error(effect.key)
                    answer.set_exception(error_of(effect, known, tuple(self.budgets)))
