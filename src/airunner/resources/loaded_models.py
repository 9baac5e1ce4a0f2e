"""The models in memory, and how they come and go.

Performs the scheduler's work on workers: load, restore, park, stop; notices a
worker that ends by itself; reports what came of it as scheduler inputs.
Decides nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import Any

from airunner.devices.threads import threads_for_engine
from airunner.engines.base import Launcher, Worker
from airunner.engines.slots import IDLE_SHARE, SlotTable
from airunner.errors import AiRunnerError, LoadError, LoadTimeoutError, WeightsError
from airunner.events import (
    EventBus,
    ModelLoaded,
    ModelLoadFailed,
    ModelReleased,
    WorkerDied,
)
from airunner.resources.beginnings import Beginnings
from airunner.resources.cache_proof import CacheProof
from airunner.resources.keeping import keep_for_the_next, parked_event
from airunner.resources.lease import conversations_of, shared_tokens_of
from airunner.resources.loaded_model import LoadedModel
from airunner.resources.parking import ParkingLot
from airunner.resources.saved_state import ParkedState
from airunner.resources.sizing import Sized
from airunner.resources.slot_states import SlotStates
from airunner.scheduling import inputs
from airunner.scheduling.inputs import Input

MissingBytes = Callable[[str, int], int]
"""Given a device and the process id of a worker that has ended: bytes it still holds there."""


@dataclass(kw_only=True, slots=True)
class LoadedModels:
    """See the module's description.

    Attributes:
        launchers: start workers, by engine.
        lot: keeps what is parked.
        bus: receives the events.
        n_threads: CPU threads for all engines together.
        report: takes the outcome of each effect.
        missing_bytes: measures what a worker did not give back; runs on a thread.
        queue_limit: how many requests may wait for a slot of one model.
    """

    launchers: Mapping[str, Launcher[Any]]
    lot: ParkingLot
    bus: EventBus
    n_threads: int
    report: Callable[[Input], None]
    missing_bytes: MissingBytes | None
    queue_limit: int
    _loaded: dict[str, LoadedModel] = field(default_factory=dict)
    _loads: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _errors: dict[str, AiRunnerError] = field(default_factory=dict)
    _hopeless_beginnings: set[str] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _endings: set[asyncio.Task[None]] = field(default_factory=set)
    _watchers: set[asyncio.Task[None]] = field(default_factory=set)

    def find(self, key: str) -> LoadedModel | None:
        """A model in memory, or ``None``."""
        return self._loaded.get(key)

    def __iter__(self) -> Iterator[LoadedModel]:
        """Every model in memory."""
        return iter(self._loaded.values())

    def load_error(self, key: str) -> AiRunnerError | None:
        """Why a model's last load failed."""
        return self._errors.get(key)

    def load(self, sized: Sized, device: str, will_retry: bool) -> None:
        """Start a worker; LoadFinished or LoadFailed follows."""
        self._loads[sized.key] = self._spawn(self._load(sized, device, will_retry))

    def restore(self, key: str) -> None:
        """Put parked conversations back, as many as there are slots; RestoreFinished follows."""
        self._spawn(self._restore(self._loaded[key]))

    def park(self, key: str) -> None:
        """Save the conversations of a model; ParkFinished follows."""
        self._spawn(self._park(self._loaded[key]))

    def stop(self, key: str, device: str) -> None:
        """End a worker, loaded or loading; StopFinished follows."""
        self._spawn(self._stop(key, device), self._endings)

    def forget(self, conversation: str) -> None:
        """Drop every state of a conversation that was deleted."""
        for loaded in self._loaded.values():
            loaded.forget(conversation)
        self.lot.drop_everywhere(conversation)

    async def settled(self) -> None:
        """Return when nothing is being loaded, parked, restored or stopped."""
        while under_way := self._tasks | self._endings:
            await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)

    async def close(self) -> None:
        """Break off everything, keep the conversations that last, and end every worker."""
        tasks = self._tasks | self._watchers
        for task in tasks:
            task.cancel()
        # A stop that is broken off would leave its worker behind.
        await asyncio.gather(*tasks, *self._endings, return_exceptions=True)
        async with AsyncExitStack() as stack:
            for launcher in self.launchers.values():
                stack.push_async_callback(launcher.close)
            stack.push_async_callback(self._end_workers)
            await keep_for_the_next(self.lot, self._loaded.values(), self.bus)

    async def _end_workers(self) -> None:
        loaded, self._loaded = list(self._loaded.values()), {}
        await asyncio.gather(*(r.worker.stop() for r in loaded))

    async def _load(self, sized: Sized, device: str, will_retry: bool) -> None:
        live = [r.plan.n_threads for r in self._loaded.values()]
        n_threads = threads_for_engine(self.n_threads, live)
        launcher = self.launchers[sized.spec.engine]
        try:
            worker = await launcher.launch(replace(sized.plans[device], n_threads=n_threads))
        except Exception as error:  # engines are anybody's, and somebody waits for an answer
            self._load_failed(sized.key, device, error, will_retry)
            return
        loaded = self._loaded_model(sized, worker)
        self._loaded[sized.key] = loaded
        self._errors.pop(sized.key, None)
        predicted_bytes = sized.demand.size_bytes[device]
        measured_bytes = worker.memory_bytes()
        self.bus.publish(
            ModelLoaded(
                model=sized.key,
                device=device,
                predicted_bytes=predicted_bytes,
                measured_bytes=measured_bytes,
                load_s=worker.load_s,
                n_ctx=loaded.n_ctx,
                n_threads=n_threads,
                pid=worker.pid,
            )
        )
        self._spawn(self._watch(loaded), self._watchers)
        held_bytes = max(predicted_bytes, measured_bytes or 0)
        self.report(
            inputs.LoadFinished(
                now_s=time.monotonic(), key=sized.key, held_bytes=held_bytes, load_s=worker.load_s
            )
        )

    def _loaded_model(self, sized: Sized, worker: Worker) -> LoadedModel:
        plan, proof = worker.model.plan, CacheProof(sized.key, self.bus)
        slots = SlotTable(conversations_of(plan), shared_tokens=shared_tokens_of(plan))
        states = SlotStates(
            key=sized.key,
            model=worker.model,
            slots=slots,
            lot=self.lot,
            bus=self.bus,
            kv_bytes_per_token=sized.kv_bytes_per_token,
            beginnings=Beginnings(
                sized.key,
                self.lot,
                self.bus,
                proof,
                sized.kv_bytes_per_token,
                sized.rolls_back,
                self._hopeless_beginnings,
            ),
            proof=proof,
        )
        return LoadedModel(
            key=sized.key,
            worker=worker,
            slots=slots,
            states=states,
            bus=self.bus,
            queue_limit=self.queue_limit,
        )

    def _load_failed(self, key: str, device: str, error: Exception, will_retry: bool) -> None:
        known = error if isinstance(error, AiRunnerError) else LoadError(key, str(error))
        # What never came to an end may not do so another time either: one more is enough.
        is_second = all(isinstance(e, LoadTimeoutError) for e in (known, self._errors.get(key)))
        retryable = not isinstance(known, WeightsError) and not is_second
        self._errors[key] = known
        self.bus.publish(
            ModelLoadFailed(
                model=key, device=device, problem=str(known), will_retry=retryable and will_retry
            )
        )
        self.report(
            inputs.LoadFailed(
                now_s=time.monotonic(), key=key, problem=str(known), retryable=retryable
            )
        )

    async def _restore(self, loaded: LoadedModel) -> None:
        # The conversations that somebody came back to first; of those, the latest. The one
        # used last is brought in last, for it to be the last to make room.
        states = sorted(self.lot.of_model(loaded.key), key=lambda state: not state.continued)
        room = shared_tokens_of(loaded.plan)
        chosen = list[ParkedState]()
        for state in states[: conversations_of(loaded.plan)]:
            idle = sum(each.tokens for each in chosen[1:]) + state.tokens
            if room is None or not chosen or idle <= room // IDLE_SHARE:
                chosen.append(state)
        for state in reversed(chosen):
            async with loaded.slots.hold(state.name, tokens=state.tokens) as claim:
                restored = await loaded.states.restore(state, claim.slot)
            if not restored:
                loaded.slots.forget(state.name)
        if self._is_current(loaded):
            self.report(inputs.RestoreFinished(now_s=time.monotonic(), key=loaded.key))

    async def _park(self, loaded: LoadedModel) -> None:
        began_s = time.monotonic()
        saved = [
            await loaded.states.save(each.conversation, each.slot, each.continued)
            for each in loaded.slots.residents()
        ]
        states = [state for state in saved if state is not None]
        if states:
            self.bus.publish(parked_event(loaded.key, states, time.monotonic() - began_s))
        if self._is_current(loaded):
            parked_bytes = self.lot.parked_bytes(loaded.key)
            self.report(
                inputs.ParkFinished(
                    now_s=time.monotonic(), key=loaded.key, parked_bytes=parked_bytes
                )
            )

    async def _stop(self, key: str, device: str) -> None:
        began_s = time.monotonic()
        load = self._loads.pop(key, None)
        if load is not None and not load.done():
            load.cancel()
            await asyncio.gather(load, return_exceptions=True)
        loaded = self._loaded.pop(key, None)
        held_bytes = missing_bytes = 0
        peak_bytes = None
        if loaded is not None:
            peak_bytes = loaded.worker.peak_memory_bytes()
            held_bytes = loaded.worker.memory_bytes() or 0
            await loaded.worker.stop()
            if self.missing_bytes is not None:
                pid = loaded.worker.pid
                missing_bytes = await asyncio.to_thread(self.missing_bytes, device, pid)
        self.bus.publish(
            ModelReleased(
                model=key,
                device=device,
                released_bytes=held_bytes - missing_bytes,
                missing_bytes=missing_bytes,
                stop_s=time.monotonic() - began_s,
                peak_bytes=peak_bytes,
            )
        )
        self.report(
            inputs.StopFinished(now_s=time.monotonic(), key=key, missing_bytes=missing_bytes)
        )

    async def _watch(self, loaded: LoadedModel) -> None:
        ended = await loaded.worker.wait()
        if not self._is_current(loaded):
            return
        del self._loaded[loaded.key]
        self.bus.publish(WorkerDied(model=loaded.key, exit_code=ended.exit_code, log=ended.log))
        self.report(
            inputs.WorkerLost(
                now_s=time.monotonic(),
                key=loaded.key,
                problem=f"exit code {ended.exit_code}",
                parked_bytes=self.lot.parked_bytes(loaded.key),
            )
        )
        # The process is gone, but not the connections to it.
        self._spawn(loaded.worker.stop(), self._endings)

    def _is_current(self, loaded: LoadedModel) -> bool:
        return self._loaded.get(loaded.key) is loaded

    def _spawn(
        self, work: Coroutine[Any, Any, None], tasks: set[asyncio.Task[None]] | None = None
    ) -> asyncio.Task[None]:
        kept = self._tasks if tasks is None else tasks
        task = asyncio.get_running_loop().create_task(work)
        kept.add(task)
        task.add_done_callback(kept.discard)
        return task
