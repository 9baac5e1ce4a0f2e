"""The runtime: the core for blocking code, on an event loop in a thread of its own.

Owns that thread, and the only global of the product, the runtime that
``LLMModelManager()`` and the tools share. What is done is the core's.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import threading
from collections.abc import (
    AsyncGenerator,
    Callable,
    Coroutine,
    Generator,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from airunner.agent.approvals import Answer
from airunner.agent.conversation import Conversation
from airunner.agent.specialist import SpecialistRequest
from airunner.agent.tool_call import Outcome
from airunner.config.settings import Settings
from airunner.engines.image import Drawn, ImageRequest
from airunner.errors import GenerationError
from airunner.events import Event
from airunner.loop_thread import LoopBridge, LoopThread
from airunner.messages import Content
from airunner.models.assign import Assignment
from airunner.models.catalog import Resolution
from airunner.models.spec import ModelCapability, ModelSpec, Sampling
from airunner.resources.status import Status
from airunner.runtime.attached import AttachedRuntime
from airunner.runtime.attaching import attach
from airunner.runtime.core import RuntimeCore
from airunner.runtime.model_sheet import model_list, model_sheet
from airunner.runtime.specialist_face import SpecialistFace
from airunner.tools.api import SpecialistHandle
from airunner.tools.tool import Tool
from airunner.tools.toolset import Toolset

T = TypeVar("T")
R = TypeVar("R", "Runtime", AttachedRuntime)
_log = logging.getLogger(__name__)


class Runtime(SpecialistFace):
    """A ``RuntimeCore`` whose methods block, and may be called from any thread.

    Takes and raises what ``RuntimeCore`` does.

    Attributes:
        settings: what it was made with.
        bus: carries the events of every model; ``bus.subscribe(function)`` hears them.
        records: saved conversations, notes, facts and reminders.
        pictures: the folder of what was drawn.
        catalog: the registered models.
        store: their weights.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        toolset: Toolset | None = None,
        tools: Iterable[Tool | Callable[..., Any]] = (),
        command: str = "",
    ) -> None:
        self._face(RuntimeCore(settings, toolset=toolset, tools=tools, command=command))
        self._thread: LoopThread | None = LoopThread("airunner")
        self._loop: LoopBridge = self._thread
        self._loop.call(self.core.__aenter__())

    def _face(self, core: RuntimeCore) -> None:
        self.core = core
        self.settings, self.bus, self.engines = core.settings, core.bus, core.engines
        self.catalog, self.store, self.hardware = core.catalog, core.store, core.hardware
        self.manager, self.sizer, self.team = core.manager, core.sizer, core.team
        self.records, self.pictures = core.records, core.pictures
        self._closing = threading.Lock()
        self.closed = False

    @classmethod
    def over(cls, core: RuntimeCore) -> Runtime:
        """The blocking face of a core that is entered on a loop already; closing it closes nothing.

        For other threads than that loop's.
        """
        runtime = cls.__new__(cls)
        runtime._face(core)
        runtime._thread = None
        runtime._loop = core.bridge
        return runtime

    @staticmethod
    def shared() -> AnyRuntime:
        """The process's runtime, begun on first use and closed at exit.

        It is attached to the server of the home folder, if one runs.
        """
        global _shared
        with _sharing:
            if _shared is None or _shared.closed:
                settings = Settings.load()
                found = attach(settings)
                for line in found.remarks if found else ():
                    _log.warning("%s", line)
                _shared = found or Runtime(settings)
                atexit.register(_shared.close)
            return _shared

    @staticmethod
    def share(runtime: R) -> R:
        """Make ``runtime`` the one that ``shared`` returns, until it is closed."""
        global _shared
        with _sharing:
            _shared = runtime
            atexit.register(runtime.close)
            return runtime

    # Conversation.

    def turn(
        self,
        conversation: Conversation,
        content: Content,
        *,
        sampling: Sampling | None = None,
        seed: int | None = None,
        may_ask: bool = False,
        tool_choice: str = "auto",
    ) -> Generator[Event, None, None]:
        """Run one turn; yields its events as they happen. Closing the generator cancels it.

        Takes and raises what ``RuntimeCore.turn`` does.
        """
        turn = self.core.turn(
            conversation,
            content,
            sampling=sampling,
            seed=seed,
            may_ask=may_ask,
            tool_choice=tool_choice,
        )
        return self._loop.iterate(turn)

    def answer(self, question: str, answer: Answer) -> bool:
        """Answer a ``PermissionAsked`` by its question; false if it is no longer open."""
        return self.core.answer(question, answer)

    # Tools.

    @property
    def toolset(self) -> Toolset:
        """Every tool that the primary may call; waits for the MCP servers on first use."""
        return self._loop.call(self.core.agent()).toolset

    @property
    def core_tools(self) -> tuple[str, ...]:
        """The tools that every prompt shows; the others are found by ``search_tools``."""
        return tuple(tool.name for tool in self._loop.call(self.core.agent()).block.tools)

    def call_tool(
        self, name: str, arguments: Mapping[str, Any], *, by_user: bool = False
    ) -> Outcome:
        """Run one tool outside of any turn; see ``AgentLoop.call_tool``."""
        return self._loop.call(self.core.call_tool(name, arguments, by_user=by_user))

    async def run_tool(
        self, name: str, arguments: Mapping[str, Any], *, by_user: bool = False
    ) -> Outcome:
        """The same for callers with an event loop of their own; cancelling it cancels the call."""
        work = self.core.call_tool(name, arguments, by_user=by_user)
        return await asyncio.wrap_future(self._loop.submit(work))

    # Specialised models.

    def series(self) -> AbstractContextManager[None]:
        """Use several models in the body; the primary returns once, when it ends."""
        return self.core.specialists.series()

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector per text, from the model for ``EMBEDDING``; see ``SpecialistDesk.embed``."""
        return self.core.specialists.embed(texts)

    # Pictures.

    def draw(
        self, request: ImageRequest, *, model: str | None = None
    ) -> Generator[Event, None, Drawn]:
        """Draw and save; yields events meanwhile, returns what was drawn; see ``RuntimeCore.draw``.

        Closing the generator cancels within one step and leaves no file.
        """
        for item in self._loop.iterate(self.core.draw(request, model=model)):
            if isinstance(item, Drawn):
                return item
            yield item
        raise GenerationError("the image model", "the drawing ended without a picture")

    # What is known of models.

    def model_list(self) -> dict[str, Any]:
        """Every registered model in a line, and who serves each capability: JSON-ready values."""
        return model_list(self.core)

    def model_sheet(self, name: str) -> dict[str, Any]:
        """One model in full, as JSON-ready values; its memory too, where its weights are here.

        Raises:
            UnknownModelError: it is not registered.
            WeightsError: the weights are here and unusable.
        """
        return self._loop.call(model_sheet(self.core, name))

    # Memory.

    def keep_in_memory(self, capabilities: Iterable[ModelCapability]) -> None:
        """Load these capabilities' models and never evict them; replaces an earlier choice.

        Raises:
            DoesNotFitError: they do not fit beside the primary.
        """
        self._loop.call(self.core.keep_in_memory(capabilities))

    def assign_device(self, capability: ModelCapability, device: str | None) -> None:
        """Place a capability's model on one device from its next load on; ``None`` lets go.

        Raises:
            DeviceNotFoundError: there is no such device.
        """
        self._loop.call(self.core.assign_device(capability, device))

    def auto_assign(self, budget_bytes: int | None = None) -> Assignment:
        """Map every capability to the best model that fits; see ``TeamPlanner.assign``."""
        return self._loop.call(self.core.auto_assign(budget_bytes))

    def plan(self, budget_bytes: int | None = None) -> Assignment:
        """What ``auto_assign`` would choose, without changing anything."""
        return self._loop.call(self.core.plan(budget_bytes))

    def choose_primary(self, name: str) -> ModelSpec:
        """Let a model of the registry answer from now on; see ``ModelTeam.choose_primary``."""
        return self.team.choose_primary(name)

    def resolve(self, capability: ModelCapability) -> Resolution:
        """Which model serves a capability here and now."""
        return self.core.resolve(capability)

    def status(self) -> Status:
        """What is loaded where, now."""
        return self._loop.call(self.core.status())

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine that uses ``team`` or ``manager`` on the runtime's loop, and wait."""
        return self._loop.call(work)

    def settle(self) -> None:
        """Return when nothing is being loaded, parked, restored or stopped."""
        self._loop.call(self.core.settle())

    def close(self) -> None:
        """End every worker and remove what was parked. Safe to call twice."""
        with self._closing:
            if self.closed:
                return
            self.closed = True
            if self._thread is not None:
                self._loop.call(self.core.close())
                self._thread.close()

    def _use(self, asked: SpecialistRequest, required: bool) -> str | None:
        return self.core.specialists.use(asked, required=required)

    async def _ause(self, asked: SpecialistRequest, required: bool) -> str | None:
        work = self.core.specialists.answer(asked, required=required)
        return await asyncio.wrap_future(self._loop.submit(work))

    def _stream(self, asked: SpecialistRequest) -> Generator[str, None, None]:
        return self.core.specialists.stream(asked)

    def _astream(self, asked: SpecialistRequest) -> AsyncGenerator[str, None]:
        return self.core.specialists.astream(asked)

    def _load(
        self, capability: ModelCapability, returns: bool, required: bool
    ) -> SpecialistHandle | None:
        return self.core.specialists.load_specialized_model(capability, returns, required=required)


AnyRuntime = Runtime | AttachedRuntime
"""A runtime of this process, or the server's; both do the same."""

_shared: AnyRuntime | None = None
_sharing = threading.Lock()
