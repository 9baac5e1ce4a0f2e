"""The runtime: settings in, a working team of models out.

Builds every part once and connects them. Owns the only global of the product,
the runtime that ``LLMModelManager()`` and the tools share.
"""

from __future__ import annotations

import asyncio
import atexit
import sys
import threading
from collections.abc import Coroutine, Generator, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Self, TypeVar
from uuid import uuid4

from airunner.agent.approvals import Answer
from airunner.agent.conversation import Conversation
from airunner.agent.loop import AgentLoop
from airunner.agent.tool_call import Outcome
from airunner.components.llm.config.model_capabilities import (
    CAPABILITY_TO_MODEL,
    MODEL_REGISTRY,
)
from airunner.config.settings import Settings
from airunner.engines.descriptor import Variant
from airunner.engines.image import Drawn, ImageRequest
from airunner.engines.known import known_engines
from airunner.errors import AiRunnerError, GenerationError
from airunner.events import Event, EventBus
from airunner.guided.tool_calling import GuidedToolCalling
from airunner.loop_thread import LoopThread
from airunner.models.assign import Assignment, declared_bytes
from airunner.models.catalog import Catalog, Resolution
from airunner.models.spec import ModelCapability, ModelSpec, Sampling
from airunner.pictures import PicturesFolder
from airunner.records.records import Records
from airunner.resources.manager import ModelResourceManager
from airunner.resources.parking import open_parking_lot
from airunner.resources.run_log import RunLog
from airunner.resources.session_folder import SessionFolder, sweep_stale_folders
from airunner.resources.sizing import Sizer
from airunner.resources.status import Status
from airunner.runtime.capability_names import capability_named
from airunner.runtime.hardware import Hardware
from airunner.runtime.home import records_file, runs_folder
from airunner.runtime.image_service import ImageService
from airunner.runtime.specialists import SpecialistDesk, SpecialistHandle
from airunner.runtime.system import RuntimeSystem
from airunner.runtime.team import ModelTeam
from airunner.runtime.team_planner import TeamPlanner
from airunner.runtime.tool_supply import ToolSupply
from airunner.scheduling.scheduler import Scheduler
from airunner.tools.facilities import Facilities
from airunner.tools.files_folder import FilesFolder
from airunner.tools.permissions import Permissions
from airunner.tools.toolset import Toolset
from airunner.weights.store import ModelStore

T = TypeVar("T")

MEMORY_FILE_SYSTEM = Path("/dev/shm")
"""Where parked state lies in host memory; where it does not exist, disk serves alone."""


class Runtime:
    """A team of models under one set of settings. Every method may be called from any thread.

    Args:
        settings: default: flags, environment and file as ``Settings.load`` finds them.
        toolset: what the primary may call; default: the built-in tools, those of installed
            packages and those of MCP servers, which are started when first needed.
        command: what the run log says this run was; default: the program's name.

    Raises:
        InvalidCatalogError: the registry contradicts itself.
        SettingsError, DeviceNotFoundError: a setting names something that does not exist.
        StorageError: the home folder cannot be written.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        toolset: Toolset | None = None,
        command: str = "",
    ) -> None:
        self.settings = settings or Settings.load()
        self.bus = EventBus()
        self.engines = known_engines()
        self.catalog = Catalog(MODEL_REGISTRY, CAPABILITY_TO_MODEL, self.engines.traits)
        self.catalog.validate()
        self.store = ModelStore(
            self.settings.home, self.catalog, self.bus, offline=self.settings.offline
        )
        self.hardware = Hardware(self.settings, self.engines)
        self._loop = LoopThread("airunner")
        self._closing = threading.Lock()
        self._closed = False
        try:
            self._build(command or Path(sys.argv[0]).name, toolset)
        except BaseException:
            self._loop.close()
            raise

    def _build(self, command: str, toolset: Toolset | None) -> None:
        settings = self.settings
        pins = [
            capability_named(name, settings, "keep_in_memory") for name in settings.keep_in_memory
        ]
        assignments = {capability_named(c, settings, "assign"): d for c, d in settings.assign}
        for device in assignments.values():
            self.hardware.report.find(device)
        self._supply = ToolSupply(settings, self.bus)
        budgets = self.hardware.device_budgets()
        self._log = RunLog(runs_folder(settings), budgets, settings.queue_limit, command)
        self.bus.subscribe(self._log.record_event)
        run_parent = settings.home / "run"
        sweep_stale_folders(run_parent)
        self._run_folder = SessionFolder(run_parent)
        try:
            lot = open_parking_lot(
                settings.home, settings.parking_memory, settings.parking_disk, MEMORY_FILE_SYSTEM
            )
        except BaseException:
            self._run_folder.close()
            raise
        launchers = {
            name: engine.launcher(settings, self._run_folder.path)
            for name, engine in self.engines.items()
        }
        self.manager = ModelResourceManager(
            scheduler=Scheduler(budgets, settings.queue_limit),
            launchers=launchers,
            lot=lot,
            bus=self.bus,
            n_threads=self.hardware.n_threads,
            measure_budgets=lambda: self.hardware.measure_budgets(self._worker_pids),
            missing_bytes=self.hardware.missing_bytes,
            read_room=lambda: self.hardware.read_room(self.manager.status()),
            recorder=self._log.record_step,
            lease_timeout_s=settings.lease_timeout_s,
        )
        self._planner = TeamPlanner(self.hardware, self.engines.traits.values(), self._size_of)
        planners = {name: engine.planner(settings) for name, engine in self.engines.items()}
        self.sizer = Sizer(self.hardware.devices, planners)
        self.team = ModelTeam(
            catalog=self.catalog,
            store=self.store,
            sizer=self.sizer,
            manager=self.manager,
            bus=self.bus,
            primary=settings.primary,
            pins=pins,
            assignments=assignments,
            planned=self._planner.choice,
        )
        self.records = Records(records_file(settings))
        self.pictures = PicturesFolder(settings.pictures)
        self._studio = ImageService(self.team, self.bus, self.pictures, launchers)
        self._desk = SpecialistDesk(self._loop, self.team, self.bus, self._studio)
        system = RuntimeSystem(
            catalog=self.catalog,
            store=self.store,
            resolve=self.team.resolution,
            status=self.status,
            bus=self.bus,
            settings=settings,
        )
        self._facilities = Facilities(FilesFolder(settings.files), self.records, system)
        self._given_tools = toolset
        self._equipping = threading.Lock()
        self._equipped: AgentLoop | None = None

    @property
    def _agent(self) -> AgentLoop:
        """The agent loop, made on first use: most commands need no tools and no servers."""
        with self._equipping:
            if self._equipped is None:
                if self._closed:
                    raise AiRunnerError("AI Runner has been shut down; start it again.")
                settings, given = self.settings, self._given_tools
                tools = self._supply.open() if given is None else given
                self._equipped = AgentLoop(
                    self.team,
                    tools,
                    tool_calling={"guided": GuidedToolCalling},
                    bus=self.bus,
                    specialists=self._desk,
                    facilities=self._facilities,
                    permissions=Permissions(settings.permissions),
                    core_tools=settings.core_tools,
                    max_steps=settings.max_steps,
                    tool_timeout_s=settings.tool_timeout_s,
                    answer_tokens=settings.max_tokens,
                )
            return self._equipped

    @classmethod
    def shared(cls) -> Runtime:
        """The process's runtime, started on first use and closed at exit."""
        global _shared
        with _sharing:
            if _shared is None or _shared._closed:
                _shared = cls()
                atexit.register(_shared.close)
            return _shared

    @classmethod
    def share(cls, runtime: Runtime) -> Runtime:
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
        text: str,
        *,
        sampling: Sampling | None = None,
        seed: int | None = None,
        may_ask: bool = False,
        tool_choice: str = "auto",
    ) -> Generator[Event, None, None]:
        """Run one turn; yields its events as they happen. Closing the generator cancels it.

        With ``may_ask``, every ``PermissionAsked`` among them has to be answered
        by ``answer``, which the turn waits for. Without it, a call that would be
        asked about is denied. ``tool_choice`` is ``"auto"``, ``"none"``,
        ``"required"``, or a tool's name: the tool that is called before the model
        goes on as it likes.

        Raises:
            UnknownToolError: there is no such tool.
        """
        turn = self._agent.run_turn(
            conversation,
            text,
            sampling=sampling,
            seed=seed,
            may_ask=may_ask,
            tool_choice=tool_choice,
        )
        return self._loop.iterate(turn)

    def answer(self, question: str, answer: Answer) -> bool:
        """Answer a ``PermissionAsked`` by its question; false if it is no longer open."""
        return self._agent.answer(question, answer)

    # Tools.

    @property
    def toolset(self) -> Toolset:
        """Every tool that the primary may call; waits for the MCP servers on first use."""
        return self._agent.toolset

    @property
    def core_tools(self) -> tuple[str, ...]:
        """The tools that every prompt shows; the others are found by ``search_tools``."""
        return tuple(tool.name for tool in self._agent.block.tools)

    def call_tool(
        self, name: str, arguments: Mapping[str, Any], *, by_user: bool = False
    ) -> Outcome:
        """Run one tool outside of any turn; see ``AgentLoop.call_tool``."""
        return self._loop.call(self._agent.call_tool(name, arguments, by_user=by_user))

    async def run_tool(
        self, name: str, arguments: Mapping[str, Any], *, by_user: bool = False
    ) -> Outcome:
        """The same for callers with an event loop of their own; cancelling it cancels the call."""
        work = self._agent.call_tool(name, arguments, by_user=by_user)
        return await asyncio.wrap_future(self._loop.submit(work))

    # Specialised models.

    def use_specialized_model(
        self, capability: ModelCapability, prompt: str, max_tokens: int = 512
    ) -> str | None:
        """See ``SpecialistDesk.use_specialized_model``."""
        return self._desk.use_specialized_model(capability, prompt, max_tokens)

    def load_specialized_model(
        self, capability: ModelCapability, return_to_primary: bool = True
    ) -> SpecialistHandle | None:
        """See ``SpecialistDesk.load_specialized_model``."""
        return self._desk.load_specialized_model(capability, return_to_primary)

    def series(self) -> AbstractContextManager[None]:
        """See ``SpecialistDesk.series``."""
        return self._desk.series()

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """See ``SpecialistDesk.embed``."""
        return self._desk.embed(texts)

    # Pictures.

    def draw(
        self, request: ImageRequest, *, model: str | None = None
    ) -> Generator[Event, None, Drawn]:
        """Draw and save; yields every event meanwhile and returns what was drawn.

        ``model`` is a registered image model instead of the one that is mapped.
        Closing the generator cancels within one step and leaves no file.

        Raises:
            AiRunnerError: see ``ImageService.draw``.
        """
        owner = f"draw-{uuid4().hex[:8]}"
        for item in self._loop.iterate(self._studio.follow(request, owner=owner, model=model)):
            if isinstance(item, Drawn):
                return item
            yield item
        raise GenerationError("the image model", "the drawing ended without a picture")

    # Memory.

    def keep_in_memory(self, capabilities: Iterable[ModelCapability]) -> None:
        """See ``ModelTeam.keep_in_memory``."""
        self._loop.call(self.team.keep_in_memory(capabilities))

    def assign_device(self, capability: ModelCapability, device: str | None) -> None:
        """See ``ModelTeam.assign_device``."""
        self._loop.call(self.team.assign_device(capability, device))

    def auto_assign(self, budget_bytes: int | None = None) -> Assignment:
        """See ``TeamPlanner.assign``."""
        return self._planner.assign(budget_bytes)

    def plan(self, budget_bytes: int | None = None) -> Assignment:
        """What ``auto_assign`` would choose, without changing anything."""
        return self._planner.plan(budget_bytes)

    def resolve(self, capability: ModelCapability) -> Resolution:
        """Which model serves a capability here and now."""
        return self.team.resolution(capability)

    def variants(self, spec: ModelSpec) -> Sequence[tuple[str, int, Variant]]:
        """See ``ModelTeam.variants``."""
        return self._loop.call(self.team.variants(spec))

    def status(self) -> Status:
        """What is loaded where, now."""

        async def look() -> Status:
            return self.team.status()

        return self._loop.call(look())

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine that uses ``team`` or ``manager`` on the runtime's loop, and wait."""
        return self._loop.call(work)

    def settle(self) -> None:
        """Return when nothing is being loaded, parked, restored or stopped."""
        self._loop.call(self.manager.settled())

    def close(self) -> None:
        """End every worker and remove what was parked. Safe to call twice."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
            self._loop.call(self.manager.close())
            self._loop.call(self._desk.close())
            self._loop.close()
            with self._equipping:
                self._supply.close()
            self.records.close()
            self._run_folder.close()
            self._log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _worker_pids(self, device: str) -> list[int]:
        models = self.manager.status().models
        return [m.pid for m in models if m.device == device and m.pid is not None]

    def _size_of(self, spec: ModelSpec) -> int | None:
        if not self.store.is_here(spec):
            return declared_bytes(spec)
        sized = self._loop.call(self.team.size(spec))
        return max(sized.demand.size_bytes.values(), default=None)


_shared: Runtime | None = None
_sharing = threading.Lock()
