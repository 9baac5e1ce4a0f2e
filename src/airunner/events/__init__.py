"""What happened, as frozen values, and the bus that carries them.

Events are facts in the past tense; nobody decides anything from them. Sizes are
bytes, durations seconds.
"""

# ruff: noqa: I001 - sorted, each event would be imported by a statement of its own.
from airunner.events.bus import EventBus as EventBus
from airunner.events.event import Event as Event
from airunner.events.model_events import (
    BeginningKept as BeginningKept,
    BeginningRestored as BeginningRestored,
    CacheLost as CacheLost,
    CacheProven as CacheProven,
    CatalogChanged as CatalogChanged,
    Decided as Decided,
    DownloadChanged as DownloadChanged,
    DownloadProgressed as DownloadProgressed,
    FallbackChosen as FallbackChosen,
    MemoryAwaited as MemoryAwaited,
    ModelLoaded as ModelLoaded,
    ModelLoadFailed as ModelLoadFailed,
    ModelParked as ModelParked,
    ModelReleased as ModelReleased,
    ModelRestored as ModelRestored,
    ParkingFailed as ParkingFailed,
    ReadAheadEnded as ReadAheadEnded,
    ReadAheadStarted as ReadAheadStarted,
    SetupChanged as SetupChanged,
    SlotAwaited as SlotAwaited,
    SpecialistFailed as SpecialistFailed,
    WorkerDied as WorkerDied,
)
from airunner.events.turn_events import (
    ConversationChanged as ConversationChanged,
    ConversationSwitched as ConversationSwitched,
    DrawingChanged as DrawingChanged,
    CallStreamed as CallStreamed,
    ExternalCallMade as ExternalCallMade,
    GenerationFinished as GenerationFinished,
    HistoryTrimmed as HistoryTrimmed,
    ImageStepped as ImageStepped,
    PermissionAsked as PermissionAsked,
    PermissionDecided as PermissionDecided,
    PictureDeleted as PictureDeleted,
    PictureSaved as PictureSaved,
    RememberedChanged as RememberedChanged,
    ReminderDue as ReminderDue,
    TextStreamed as TextStreamed,
    ToolCallFinished as ToolCallFinished,
    ToolCallStarted as ToolCallStarted,
    ToolProgressed as ToolProgressed,
    ToolRefused as ToolRefused,
    ToolServerChanged as ToolServerChanged,
    ToolServerConnected as ToolServerConnected,
    ToolServerFailed as ToolServerFailed,
    TurnFinished as TurnFinished,
    TurnStarted as TurnStarted,
)
from airunner.events.turn_wait import TurnWait as TurnWait
