"""A resource manager over real workers and the embedded weights, checked for leaks at the end.

Not a test: what the tests of faults share.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TypeVar

import psutil
from tests.children import Children

from airunner.devices.device import Device
from airunner.engines.base import ChatRequest
from airunner.engines.llama_cpp.launcher import LocalLauncher
from airunner.engines.llama_cpp.planner import LoadOptions, PlannableGguf
from airunner.engines.silence import SilenceLimits
from airunner.events import Event, EventBus
from airunner.messages import Message, Usage
from airunner.models.files.gguf import read_gguf
from airunner.models.spec import ModelCapability, ModelSpec
from airunner.resources.lease import Lease
from airunner.resources.manager import ModelResourceManager
from airunner.resources.parking import open_parking_lot
from airunner.resources.sizing import Sized, Sizer
from airunner.scheduling.ledger import DeviceBudget
from airunner.scheduling.scheduler import Scheduler

E = TypeVar("E", bound=Event)

ONE_MODEL_BYTES = 260_000_000
TWO_MODELS_BYTES = 900_000_000
CONTEXT = 1024
ANSWER_TOKENS = 16
WAIT_S = 300.0


class RealTeam:
    """The embedded primary and its specialist on one device that holds one of them at a time."""

    def __init__(
        self,
        folder: Path,
        primary: Path,
        specialist: Path,
        budget_bytes: int,
        lot_bytes: int,
        limits: SilenceLimits | None = None,
    ) -> None:
        self.folder = folder
        self.shm = folder / "shm"
        self.shm.mkdir(parents=True, exist_ok=True)
        self.bus = EventBus()
        self.events: list[Event] = []
        self.bus.subscribe(self.events.append)
        self._budget = {"cpu": budget_bytes}
        device = Device("cpu", "cpu", "CPU", None, None)
        options = LoadOptions(CONTEXT, parallel=1, kv_type="f16")
        planners = {"llama_cpp": lambda path: PlannableGguf(read_gguf(path), options)}
        self._sizer = Sizer([device], planners)
        self.launcher = LocalLauncher(folder / "run", limits=limits)
        self.manager = ModelResourceManager(
            scheduler=Scheduler([DeviceBudget("cpu", budget_bytes)]),
            launchers={"llama_cpp": self.launcher},
            lot=open_parking_lot(folder, lot_bytes, lot_bytes, self.shm),
            bus=self.bus,
            n_threads=2,
            recorder=lambda event, effects: None,
        )
        self.primary = self.size("primary", primary)
        self.specialist = self.size("specialist", specialist)
        self.manager.set_primary(self.primary)
        self.messages: list[Message] = []

    def size(self, name: str, path: Path) -> Sized:
        """Any weights file, ready to be leased."""
        spec = ModelSpec(name, [ModelCapability.SUMMARIZATION], max_context=8192)
        return self._sizer.size(spec, path, self._budget)

    def lease(self, sized: Sized, owner: str = "turn") -> AbstractAsyncContextManager[Lease]:
        """``manager.lease``."""
        return self.manager.lease(sized, owner=owner)

    async def talk(self, text: str) -> tuple[str, Usage]:
        """The next turn of the one conversation, greedy: the answer and its cost.

        A turn that fails leaves the conversation as it was.
        """
        asked = [*self.messages, Message("user", text)]
        async with self.lease(self.primary) as lease:
            answer, usage = await ask(lease, asked, conversation="chat")
        self.messages = [*asked, Message("assistant", answer)]
        return answer, usage

    async def swap(self) -> None:
        """The specialist answers, and the primary comes back."""
        async with self.lease(self.specialist, owner="tool") as lease:
            answer, _ = await ask(lease, [Message("user", "Say hello.")])
            assert answer
        await self.manager.settled()

    def of(self, kind: type[E]) -> list[E]:
        """The events of one kind, in order."""
        return [e for e in self.events if isinstance(e, kind)]

    def state(self, model: str) -> str:
        """Where a model is in its lifecycle."""
        return next(m.state for m in self.manager.status().models if m.model == model)

    def pid(self, model: str) -> int:
        """The process that holds a model."""
        pid = next(m.pid for m in self.manager.status().models if m.model == model)
        assert pid is not None
        return pid

    def state_files(self) -> list[Path]:
        """Everything in the parking folders except their locks."""
        tiers = (self.shm, self.folder / "parked")
        files = [f for tier in tiers for f in tier.rglob("*") if f.is_file()]
        return [f for f in files if f.name != "in-use"]


async def ask(
    lease: Lease, messages: list[Message], conversation: str | None = None
) -> tuple[str, Usage]:
    """One greedy request: the whole text, and what it cost."""
    request = ChatRequest(
        messages, max_tokens=ANSWER_TOKENS, temperature=0.0, conversation=conversation
    )
    text, usage = "", None
    async for delta in lease.chat(request):
        text += delta.text
        usage = delta.usage or usage
    assert usage is not None
    return text, usage


@asynccontextmanager
async def real_team(
    folder: Path,
    weights: tuple[Path, Path],
    budget_bytes: int = ONE_MODEL_BYTES,
    lot_bytes: int = 1 << 30,
    limits: SilenceLimits | None = None,
) -> AsyncIterator[RealTeam]:
    """A team for the body; afterwards no process, file or descriptor of it is left."""
    children, descriptors = Children(), open_descriptors()
    team = RealTeam(folder, *weights, budget_bytes, lot_bytes, limits)
    try:
        yield team
    finally:
        await team.manager.close()
    assert children() == set(), "a process was left"
    await until(lambda: open_descriptors() <= descriptors)
    assert team.state_files() == []
    left = [*team.shm.iterdir(), *(folder / "parked").iterdir()]
    if (folder / "run").exists():
        left += (folder / "run").iterdir()
    assert left == [], "folders were left"


def open_descriptors() -> int:
    """How many files, sockets and pipes this process has open."""
    return psutil.Process().num_fds()


async def until(condition: Callable[[], bool]) -> None:
    """Return when ``condition`` holds; fail after a generous while."""
    ends = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < ends, "it never became true"
        await asyncio.sleep(0.002)
