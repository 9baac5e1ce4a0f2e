"""A resource manager over the fake engine, with checks that every test ends with.

Not a test: what the tests of scheduling share.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from benchmarks.fake_engine import FakeLauncher

from airunner.engines.base import ChatRequest, LoadPlan
from airunner.events import Decided, Event, EventBus
from airunner.messages import Message, Usage
from airunner.models.memory.language import MemoryEstimate
from airunner.models.spec import ModelCapability, ModelSpec, Sampling
from airunner.resources.lease import Lease
from airunner.resources.manager import ModelResourceManager
from airunner.resources.parking import Lasting, open_parking_lot
from airunner.resources.sizing import Sized
from airunner.scheduling.effects import Effect
from airunner.scheduling.inputs import Input
from airunner.scheduling.ledger import DeviceBudget
from airunner.scheduling.scheduler import Scheduler

E = TypeVar("E", bound=Event)

SIZES = {"primary": 70, "coder": 60, "small": 20, "artist": 90, "giant": 500}


class FakeTeam:
    """Models of ``SIZES`` on devices with the given budgets, all in bytes."""

    def __init__(
        self,
        folder: Path,
        budgets: Mapping[str, int],
        *,
        queue_limit: int = 256,
        parking_bytes: int = 1 << 20,
        n_parallel: int = 1,
        kv_bytes_per_token: int = 10,
        rolls_back: bool = False,
        lasting: Lasting | None = None,
        **options: Any,
    ) -> None:
        self.sizes = dict(SIZES)
        self._kv_bytes_per_token = kv_bytes_per_token
        self._rolls_back = rolls_back
        self._folder = folder
        self._n_parallel = n_parallel
        self._budgets = [DeviceBudget(d, b) for d, b in budgets.items()]
        self._queue_limit = queue_limit
        self._steps: list[tuple[Input, Sequence[Effect]]] = []
        self.weights = folder / "weights"
        self.weights.write_bytes(b"")
        self.shm = folder / "shm"
        self.shm.mkdir(exist_ok=True)
        self.bus = EventBus()
        self.events: list[Event] = []
        self.bus.subscribe(self.events.append)
        self.launcher = FakeLauncher()
        self.lot = open_parking_lot(folder, parking_bytes, parking_bytes, self.shm, lasting)
        self._lasting = lasting
        self.manager = ModelResourceManager(
            scheduler=Scheduler(self._budgets, queue_limit),
            launchers={"llama_cpp": self.launcher},
            lot=self.lot,
            bus=self.bus,
            n_threads=8,
            recorder=lambda event, effects: self._steps.append((event, effects)),
            **options,
        )

    @property
    def journal(self) -> list[str]:
        """Every step of every model so far."""
        return self.launcher.journal

    def sized(self, model: str, key: str = "", sampling: Sampling | None = None) -> Sized:
        """A model of ``SIZES``; with ``key`` another entry whose weights are that load's."""
        load = key or model
        devices = [b.device for b in self._budgets]
        plan = {
            d: LoadPlan(load, self.weights, n_parallel=self._n_parallel, device=d) for d in devices
        }
        size = {d: MemoryEstimate(self.sizes[load], 0, 0, 0, exact=True) for d in devices}
        spec = ModelSpec(model, [ModelCapability.SUMMARIZATION], sampling=sampling or Sampling())
        return Sized(load, spec, plan, size, self._kv_bytes_per_token, rolls_back=self._rolls_back)

    def lease(
        self, model: str, owner: str = "turn", **options: Any
    ) -> AbstractAsyncContextManager[Lease]:
        """``manager.lease`` by name."""
        return self.manager.lease(self.sized(model), owner=owner, **options)

    async def use(self, model: str, text: str = "hello", owner: str = "turn") -> Usage:
        """One lease and one request of no conversation."""
        async with self.lease(model, owner) as lease:
            return await say(lease, text)

    async def talk(self, text: str, conversation: str = "chat", owner: str = "turn") -> Usage:
        """One request to the primary in a conversation."""
        async with self.lease("primary", owner) as lease:
            return await say(lease, text, conversation)

    def of(self, kind: type[E]) -> list[E]:
        """The events of one kind, in order."""
        return [e for e in self.events if isinstance(e, kind)]

    def decisions(self, *actions: str) -> list[tuple[str, str]]:
        """Actions and models of the decisions so far; only ``actions``, if any are named."""
        return [(e.action, e.model) for e in self.of(Decided) if not actions or e.action in actions]

    def state(self, model: str) -> str:
        """Where a model is in its lifecycle."""
        return next(m.state for m in self.manager.status().models if m.model == model)

    def check_books(self) -> None:
        """What is charged is what lives, byte for byte."""
        status = self.manager.status()
        held = {d.device: 0 for d in status.devices}
        for model in status.models:
            if model.held_bytes:
                held[model.device] += model.held_bytes
        assert held == {d.device: d.held_bytes for d in status.devices}
        charged = sorted(m.model for m in status.models if m.held_bytes)
        assert charged == sorted(self.launcher.alive)

    async def settle(self) -> None:
        """Wait until nothing moves, then check the books."""
        await self.manager.settled()
        self.check_books()

    async def close(self) -> None:
        """Close, and check that nothing is left and that the run replays to the same decisions."""
        await self.manager.close()
        assert self.launcher.alive == []
        assert all(w.stopped for w in self.launcher.workers), "a worker was not cleaned up after"
        assert self.launcher.closed
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, f"tasks are left: {left}"
        assert list(self.shm.iterdir()) == []
        if self._lasting is None:
            assert list((self._folder / "parked").iterdir()) == []
        again = Scheduler(self._budgets, self._queue_limit)
        assert all(again.step(event) == list(effects) for event, effects in self._steps)


@asynccontextmanager
async def fake_team(
    folder: Path,
    budgets: Mapping[str, int] | int = 100,
    *,
    primary: str | None = "primary",
    **options: Any,
) -> AsyncIterator[FakeTeam]:
    """A team for the body; by default one device, too small for primary and coder together."""
    team = FakeTeam(folder, {"cpu": budgets} if isinstance(budgets, int) else budgets, **options)
    if primary is not None:
        team.manager.set_primary(team.sized(primary))
    try:
        yield team
    finally:
        await team.close()


async def say(lease: Lease, text: str, conversation: str | None = None) -> Usage:
    """One request; what it cost."""
    request = ChatRequest([Message("user", text)], conversation=conversation)
    usage = None
    async for delta in lease.chat(request):
        usage = delta.usage or usage
    assert usage is not None
    return usage


async def until(condition: Callable[[], bool]) -> None:
    """Give way to other tasks until ``condition`` holds."""
    for _ in range(10_000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never became true")
