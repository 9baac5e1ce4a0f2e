"""What the native API does, as objects: its routes call them, and so does the page.

Owns putting them together, once for a server; each of them says what it does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from airunner.runtime.core import RuntimeCore
from airunner.runtime.drawing_orders import DrawingOrders
from airunner.runtime.drawings import Drawings
from airunner.runtime.gallery import Gallery
from airunner.runtime.home import downloads_file, drawings_file, starts_folder
from airunner.runtime.model_catalogue import ModelCatalogue
from airunner.runtime.model_finder import ModelFinder
from airunner.runtime.start_pictures import StartPictures
from airunner.runtime.stored_models import StoredModels
from airunner.runtime.team_offers import TeamOffers
from airunner.runtime.timeline import MemoryTimeline
from airunner.server.native.attachments import Attachments
from airunner.server.native.checkups import Checkups
from airunner.server.native.due_reminders import DueReminders
from airunner.server.native.event_log import EventLog
from airunner.server.native.key_ring import KeyRing
from airunner.server.native.mcp_entries import McpEntries
from airunner.server.native.permission_rules import PermissionRules
from airunner.server.native.placements import Placements
from airunner.server.native.remembered import Remembered
from airunner.server.native.saved_conversations import SavedConversations
from airunner.server.native.settings_service import SettingsService
from airunner.server.native.specialist_tasks import SpecialistTasks
from airunner.server.native.turns import Turns
from airunner.server.native.uploads import Uploads
from airunner.server.served_models import ServedModels
from airunner.weights.downloads import Downloads
from airunner.weights.hub_search import HubSearch

RETRY_WAITS_S = (15, 30, 60, 120, *(300,) * 20)
"""How long a download waits for the connection to come back: two hours in all."""

PREVIEWS = 8
"""About how many small pictures of its state a drawing gives, for a page to show."""


@dataclass(frozen=True, slots=True)
class Services:
    """See the module's description. Used on the loop that serves."""

    core: RuntimeCore
    models: ServedModels
    events: EventLog
    turns: Turns
    attachments: Attachments
    downloads: Downloads
    stored: StoredModels
    timeline: MemoryTimeline
    conversations: SavedConversations
    remembered: Remembered
    due: DueReminders
    settings: SettingsService
    placements: Placements
    rules: PermissionRules
    mcp: McpEntries
    keys: KeyRing
    checkups: Checkups
    uploads: Uploads
    gallery: Gallery
    drawings: Drawings
    starts: StartPictures
    orders: DrawingOrders
    tasks: SpecialistTasks
    catalogue: ModelCatalogue
    finder: ModelFinder
    team: TeamOffers

    @classmethod
    def over(cls, core: RuntimeCore, models: ServedModels, ending: asyncio.Event) -> Self:
        """The services of a running core; streams that only wait end when ``ending`` is set."""
        known, settings = core.settings, SettingsService(core)
        attachments = Attachments(core)
        catalogue = ModelCatalogue(known, core.store)
        downloads = Downloads(
            core.store,
            at_once=known.parallel_downloads,
            file=downloads_file(known),
            retry_waits_s=RETRY_WAITS_S,
        )
        downloads.restore()
        core.images.previews = PREVIEWS
        gallery, starts = Gallery(core.pictures, core.bus), StartPictures(starts_folder(known))
        drawings = Drawings(core.images, core.bus, drawings_file(known))
        drawings.restore()
        starts.keep_only(drawings.files)
        core.records.kept_files.keep_only(core.records.conversations.may_have)
        _at_end(ending, downloads)
        return cls(
            core=core,
            models=models,
            events=EventLog(core.bus, ending),
            turns=Turns(core, attachments),
            attachments=attachments,
            downloads=downloads,
            stored=StoredModels(core, downloads, catalogue),
            catalogue=catalogue,
            timeline=MemoryTimeline(core.manager.status, core.bus),
            conversations=SavedConversations(core),
            remembered=Remembered(core.records, core.bus),
            due=DueReminders(core.records, core.bus),
            settings=settings,
            placements=Placements(core, settings),
            rules=PermissionRules(core, settings),
            mcp=McpEntries(core),
            keys=KeyRing(known.home, core.bus),
            checkups=Checkups(core, settings, downloads),
            uploads=Uploads(known.files),
            gallery=gallery,
            drawings=drawings,
            starts=starts,
            tasks=SpecialistTasks(core),
            orders=DrawingOrders(core, gallery, starts, drawings),
            finder=ModelFinder(core, HubSearch(offline=known.offline)),
            team=TeamOffers(core, downloads, catalogue),
        )

    async def close(self, patience_s: float, hurry: Callable[[], bool]) -> None:
        """Let turns and drawings end, for so long or until ``hurry``; the rest says what it is."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.turns.close(patience_s, hurry))
            group.create_task(self.drawings.close(patience_s, hurry))
        self.starts.keep_only(self.drawings.files)

    async def load(self, model: str) -> None:
        """Load a model, or what serves ``capability:...``; returns when it is ready.

        Raises:
            AiRunnerError: see ``ModelTeam.lease``.
        """
        async with self.core.lease(self.models.wanted(model), returns=False):
            pass

    async def let_go(self, model: str) -> None:
        """Let an idle model leave memory, its conversations parked; one in use stays.

        Raises:
            UnknownModelError: there is no such model.
        """
        self.core.manager.unload(self.models.spec(model).model_path)
        await self.core.settle()


_closing: set[asyncio.Task[None]] = set()


def _at_end(ending: asyncio.Event, downloads: Downloads) -> None:
    """Have downloads, which go on where they were, stopped when the server is told to stop."""

    async def wait() -> None:
        await ending.wait()
        await asyncio.to_thread(downloads.close)

    task = asyncio.get_running_loop().create_task(wait())
    _closing.add(task)  # the loop itself keeps no task alive
    task.add_done_callback(_closing.discard)
