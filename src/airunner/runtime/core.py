"""The core: settings in, a working team of models on the caller's event loop.

Builds every part once and connects them. Owns no thread: everything here runs on the
loop that entered it, which a server shares with its requests, so what takes long is
done beside it. The blocking face is ``airunner.runtime.runtime``.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from pathlib import Path
from typing import Any, Self

from airunner.agent.approvals import Answer
from airunner.agent.conversation import Conversation
from airunner.agent.loop import AgentLoop
from airunner.agent.tool_call import Outcome
from airunner.agent.turn_request import TurnRequest, given_or_drawn
from airunner.config.settings import Settings
from airunner.engines.image import Drawn, ImageRequest
from airunner.engines.known import known_engines
from airunner.events import CatalogChanged, ConversationChanged, Event, EventBus, SetupChanged
from airunner.loop_thread import LoopBridge, ended
from airunner.messages import Content
from airunner.models.assign import Assignment, declared_bytes
from airunner.models.catalog import Resolution
from airunner.models.spec import ModelCapability, ModelSpec, Sampling
from airunner.pictures import PicturesFolder
from airunner.records.records import Records
from airunner.resources.known_conversations import KnownConversations
from airunner.resources.lease import Lease
from airunner.resources.manager import ModelResourceManager
from airunner.resources.parking import Lasting, open_parking_lot, remove_states
from airunner.resources.run_log import RunLog
from airunner.resources.scope import current_owner
from airunner.resources.session_folder import swept_session_folder
from airunner.resources.sizing import Sizer
from airunner.resources.status import Status
from airunner.runtime.capability_names import kept_capabilities, placed_capabilities
from airunner.runtime.file_models import open_catalog
from airunner.runtime.hardware import Hardware
from airunner.runtime.home import MEMORY_FILE_SYSTEM, records_file, runs_folder, workers_folder
from airunner.runtime.image_models import ImageModels
from airunner.runtime.image_service import ImageService
from airunner.runtime.memory_claim import MemoryClaim
from airunner.runtime.specialists import SpecialistDesk
from airunner.runtime.system import RuntimeSystem
from airunner.runtime.team import ModelTeam
from airunner.runtime.team_planner import TeamPlanner
from airunner.runtime.tool_supply import ToolSupply
from airunner.scheduling.scheduler import Scheduler
from airunner.tools.facilities import Facilities
from airunner.tools.files_folder import FilesFolder
from airunner.tools.permissions import Permissions
from airunner.tools.tool import Tool, as_tool
from airunner.tools.toolset import Toolset
from airunner.weights.store import open_store


class RuntimeCore:
    """A team of models under one set of settings, for ``async with``, on one event loop.

    What is ``async`` here, and ``team`` and ``manager``, is used on that loop alone;
    ``bridge`` is the way there for other threads. Making the object looks at the machine and
    its home folder, which is best done before the loop serves anybody; it loads nothing.

    Args:
        settings: default: flags, environment and file as ``Settings.load`` finds them.
        toolset: what the primary may call; default: the built-in tools, those of installed
            packages and those of MCP servers, which are started when first needed.
        tools: more tools beside those, as ``@tool`` makes them, or plain functions.
        command: what the run log says this run was; default: the program's name.
        serves: clients ask, several at once, which ``parallel`` then heeds where it is ``auto``.

    Raises:
        InvalidCatalogError: the registry contradicts itself.
        SettingsError, DeviceNotFoundError: a setting names something that does not exist.
        StorageError: the home folder is full. One that this user may not write is told when
            a model is to be loaded.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        toolset: Toolset | None = None,
        tools: Iterable[Tool | Callable[..., Any]] = (),
        command: str = "",
        serves: bool = False,
    ) -> None:
        self.settings = settings = settings or Settings.load()
        self.bus = EventBus()
        self.engines = known_engines()
        self.catalog = open_catalog(settings, self.engines.traits)
        self.catalog.validate()
        self.store = open_store(settings, self.catalog, self.bus)
        self.hardware = Hardware(settings, self.engines)
        # Refused before anything is opened or made.
        pins, assignments = kept_capabilities(settings), placed_capabilities(settings)
        for device in assignments.values():
            self.hardware.report.find(device)
        self.supply = ToolSupply(settings, self.bus)
        self.permissions = Permissions(settings.permissions)
        budgets = self.hardware.device_budgets()
        command = command or Path(sys.argv[0]).name
        self._log = RunLog(runs_folder(settings), budgets, settings.queue_limit, command)
        self.bus.subscribe(self._log.record_event)
        self._run_folder = swept_session_folder(workers_folder(settings))
        self.bridge = LoopBridge()
        self.records = Records(records_file(settings), on_delete=self.forget)
        self.known = KnownConversations()
        lasting = Lasting(self.known, self.records.conversations.may_have)
        try:
            lot = open_parking_lot(
                settings.home,
                settings.parking_memory,
                settings.parking_disk,
                MEMORY_FILE_SYSTEM,
                lasting if settings.keep_parked else None,
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
            measure_budgets=self.hardware.measure_budgets,
            missing_bytes=self.hardware.missing_bytes,
            read_room=lambda: self.hardware.read_room(self.manager.status()),
            recorder=self._log.record_step,
            lease_timeout_s=settings.lease_timeout_s,
        )
        traits = self.engines.traits.values()
        self._planner = TeamPlanner(self.hardware, traits, self._size_of, settings, self.store)
        one_alone = settings.parallel == "auto" and not serves
        planned = settings.replace(parallel=1) if one_alone else settings
        self.sizer = Sizer(self.hardware.devices, self.engines.planners(planned))
        self._claim = MemoryClaim(
            settings.home,
            runs_folder(settings),
            self.bus,
            settings.lease_timeout_s,
            lambda: self.team.leave_memory("another process waits for the memory"),
        )
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
            claim=self._claim.use,
        )
        self.pictures = PicturesFolder(settings.pictures)
        image_models = ImageModels(self.catalog, self.store, self.team)
        self.images = ImageService(self.team, image_models, self.bus, self.pictures, launchers)
        self.specialists = SpecialistDesk(self.bridge, self.team, self.bus, self.images)
        system = RuntimeSystem(
            catalog=self.catalog,
            store=self.store,
            resolve=self.team.resolution,
            status=lambda: self.bridge.call(self.status()),
            bus=self.bus,
            settings=settings,
        )
        self._facilities = Facilities(FilesFolder(settings.files), self.records, system)
        self._given_tools, self._more_tools = toolset, Toolset(map(as_tool, tools))
        self._agent: asyncio.Task[AgentLoop] | None = None
        self._closing = asyncio.Lock()
        self._closed = False

    async def __aenter__(self) -> Self:
        self.bridge.open(asyncio.get_running_loop())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    # Models, as they are.

    def lease(
        self,
        wanted: ModelCapability | str,
        *,
        owner: str | None = None,
        returns: bool = True,
        fetches: bool = True,
    ) -> AbstractAsyncContextManager[Lease]:
        """Hold a model in memory for the body: what serves a capability, or one by its name.

        ``Lease.chat`` asks it; ``Lease.served`` is where its engine can be asked directly.
        ``owner`` is the piece of work that the lease is for: what one owner holds can make
        it impossible for the same one to get another model, which is then refused.
        ``returns=False`` leaves a primary that has to go for this away until it is asked for.
        ``fetches=False`` refuses a model by its name whose weights are not here.

        Raises:
            AiRunnerError: see ``ModelTeam.lease``.
        """
        owner = owner or current_owner("lease")
        return self.team.lease(wanted, owner=owner, returns=returns, fetches=fetches)

    async def embed(self, texts: Sequence[str], *, model: str | None = None) -> list[list[float]]:
        """One vector per text, from the model that serves ``EMBEDDING``, or ``model``.

        Raises:
            AiRunnerError: the model could not be used; see ``ModelTeam.lease``.
        """
        return await self.specialists.vectors(texts, model)

    def draw(
        self, request: ImageRequest, *, model: str | None = None
    ) -> AsyncGenerator[Event | Drawn, None]:
        """Draw and save; yields every event meanwhile and at last what was drawn.

        ``model`` is a registered image model instead of the one that is mapped.
        Closing the iterator cancels within one step and leaves no file.

        Raises:
            AiRunnerError: see ``ImageService.draw``.
        """
        return self.images.follow(request, owner=current_owner("draw"), model=model)

    # The agent.

    async def turn(
        self,
        conversation: Conversation,
        content: Content,
        *,
        sampling: Sampling | None = None,
        seed: int | None = None,
        may_ask: bool = False,
        tool_choice: str = "auto",
    ) -> AsyncGenerator[Event, None]:
        """Run one turn; yields its events as they happen. Closing the iterator cancels it.

        ``content`` is what the user says: a text, or parts with pictures among them.
        With ``may_ask``, every ``PermissionAsked`` among them has to be answered
        by ``answer``, which the turn waits for. Without it, a call that would be
        asked about is denied. ``tool_choice`` is ``"auto"``, ``"none"``,
        ``"required"``, or a tool's name: the tool that is called before the model
        goes on as it likes.

        Raises:
            UnknownToolError: there is no such tool.
        """
        agent = await self.agent()
        request = TurnRequest(
            content,
            sampling=sampling or Sampling(),
            seed=given_or_drawn(seed),
            tool_choice=tool_choice,
        )
        async with aclosing(agent.run(conversation, request, may_ask=may_ask)) as events:
            async for event in events:
                yield event

    def answer(self, question: str, answer: Answer) -> bool:
        """Answer a ``PermissionAsked`` by its question; false if it is no longer open.

        From any thread.
        """
        agent = self._agent
        return agent is not None and agent.done() and agent.result().answer(question, answer)

    async def call_tool(
        self, name: str, arguments: Mapping[str, Any], *, by_user: bool = False
    ) -> Outcome:
        """Run one tool outside of any turn; see ``AgentLoop.call_tool``."""
        return await (await self.agent()).call_tool(name, arguments, by_user=by_user)

    async def agent(self) -> AgentLoop:
        """The agent loop with its tools, made on first use: most callers need neither.

        Waits for the MCP servers.

        Raises:
            InvalidToolError: a given tool has a name that is taken.
        """
        if self._closed:
            raise ended()
        if self._agent is None:
            self._agent = asyncio.create_task(asyncio.to_thread(self._equip))
        making = self._agent
        try:
            return await asyncio.shield(making)
        finally:
            if making.done() and (making.cancelled() or making.exception()):
                self._agent = None  # the next to ask tries again

    # Memory.

    async def keep_in_memory(self, capabilities: Iterable[ModelCapability]) -> None:
        """See ``ModelTeam.keep_in_memory``."""
        await self.team.keep_in_memory(capabilities)
        self.bus.publish(SetupChanged(what="placement"))

    async def assign_device(self, capability: ModelCapability, device: str | None) -> None:
        """See ``ModelTeam.assign_device``."""
        await self.team.assign_device(capability, device)
        self.bus.publish(SetupChanged(what="placement"))

    async def plan(self, budget_bytes: int | None = None) -> Assignment:
        """What ``auto_assign`` would choose, without changing anything."""
        return await asyncio.to_thread(self._planner.plan, budget_bytes)

    async def auto_assign(self, budget_bytes: int | None = None) -> Assignment:
        """See ``TeamPlanner.assign``."""
        chosen = await asyncio.to_thread(self._planner.assign, budget_bytes)
        self.bus.publish(CatalogChanged(models=(), capabilities=tuple(chosen.mapping)))
        return chosen

    def advise(self, capability: ModelCapability) -> Resolution:
        """As ``resolve``, with what the plan has for this machine as the wanted one."""
        return self._planner.instead(self.resolve(capability), capability)

    def resolve(self, capability: ModelCapability) -> Resolution:
        """Which model serves a capability here and now. From any thread."""
        return self.team.resolution(capability)

    async def status(self) -> Status:
        """What is loaded where, now."""
        return await self.manager.measured_status()

    def forget(self, conversation: str) -> None:
        """The user has deleted a conversation; from any thread."""
        self.bridge.soon(lambda: self.manager.forget(conversation))
        # Another process may have parked it.
        remove_states(self.settings.home, MEMORY_FILE_SYSTEM, conversation)
        self.bus.publish(ConversationChanged(conversation=conversation, what="deleted"))

    async def settle(self) -> None:
        """Return when nothing is being loaded, parked, restored or stopped."""
        await self.manager.settled()

    async def close(self) -> None:
        """End every worker, and leave only what was parked of conversations that last.

        Whoever waits for a model is refused, and generations in progress break off. Safe to
        call twice.
        """
        async with self._closing:
            if self._closed:
                return
            self._closed = True
            await self.manager.close()
            await self.specialists.close()
            self._claim.release()
            await self.bridge.end()
            # Not beside the loop: there are no more threads while the interpreter ends.
            self.supply.close()
            if self._agent is not None:
                await asyncio.gather(self._agent, return_exceptions=True)
            self.records.close()
            self._run_folder.close()
            self._log.close()

    def _equip(self) -> AgentLoop:
        # Its tables of words take a tenth of a second to compile, and most commands run no turn.
        from airunner.guided.tool_calling import GuidedToolCalling

        settings, given = self.settings, self._given_tools
        return AgentLoop(
            self.team,
            (self.supply.open() if given is None else given) + self._more_tools,
            tool_calling={"guided": GuidedToolCalling},
            bus=self.bus,
            specialists=self.specialists,
            facilities=self._facilities,
            permissions=self.permissions,
            core_tools=settings.core_tools,
            max_steps=settings.max_steps,
            tool_timeout_s=settings.tool_timeout_s,
            answer_tokens=settings.max_tokens,
        )

    def _size_of(self, spec: ModelSpec) -> int | None:
        """For the planner, which is not on the loop."""
        if not self.store.is_here(spec):
            return declared_bytes(spec)
        sized = self.bridge.call(self.team.size(spec))
        return max(sized.demand.size_bytes.values(), default=None)
