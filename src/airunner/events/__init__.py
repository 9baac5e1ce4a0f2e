"""What happened, as frozen values, and the bus that carries them.

Events are facts in the past tense; nobody decides anything from them. Sizes are
bytes, durations seconds.
"""

from airunner.events.bus import (
    EventBus,
)
from airunner.events.event import (
    Event,
)
from airunner.events.model_events import (
    BeginningKept,
    BeginningRestored,
    CacheLost,
    CacheProven,
    Decided,
    DownloadProgressed,
    FallbackChosen,
    ModelLoaded,
    ModelLoadFailed,
    ModelParked,
    ModelReleased,
    ModelRestored,
    ParkingFailed,
    ReadAheadEnded,
    ReadAheadStarted,
    SpecialistFailed,
    WorkerDied,
)
from airunner.events.record_events import (
    ConversationSwitched,
    ReminderDue,
)
from airunner.events.turn_events import (
    ExternalCallMade,
    GenerationFinished,
    HistoryTrimmed,
    ImageStepped,
    PermissionAsked,
    PermissionDecided,
    PictureSaved,
    TextStreamed,
    ToolCallFinished,
    ToolCallStarted,
    ToolProgressed,
    ToolRefused,
    ToolServerConnected,
    ToolServerFailed,
    TurnFinished,
    TurnStarted,
)

__all__ = [
    "BeginningKept",
    "BeginningRestored",
    "CacheLost",
    "CacheProven",
    "ConversationSwitched",
    "Decided",
    "DownloadProgressed",
    "Event",
    "EventBus",
    "ExternalCallMade",
    "FallbackChosen",
    "GenerationFinished",
    "HistoryTrimmed",
    "ImageStepped",
    "ModelLoadFailed",
    "ModelLoaded",
    "ModelParked",
    "ModelReleased",
    "ModelRestored",
    "ParkingFailed",
    "PermissionAsked",
    "PermissionDecided",
    "PictureSaved",
    "ReadAheadEnded",
    "ReadAheadStarted",
    "ReminderDue",
    "SpecialistFailed",
    "TextStreamed",
    "ToolCallFinished",
    "ToolCallStarted",
    "ToolProgressed",
    "ToolRefused",
    "ToolServerConnected",
    "ToolServerFailed",
    "TurnFinished",
    "TurnStarted",
    "WorkerDied",
]
