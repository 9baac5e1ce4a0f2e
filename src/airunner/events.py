"""What happened, as frozen values, and the bus that carries them.

Owns every event type and the synchronous bus. Events are facts in the past
tense; nobody decides anything from them. Sizes are bytes, durations seconds.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Base of all events. ``at_s`` is Unix time."""

    at_s: float = field(default_factory=time.time)

    @property
    def kind(self) -> str:
        """The event's name in JSON: the class name in snake case."""
        name = type(self).__name__
        return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")

    def as_json(self) -> dict[str, Any]:
        """The event as JSON-ready values, ``kind`` first."""
        return {"kind": self.kind, **asdict(self)}


# Models and memory


@dataclass(frozen=True, slots=True, kw_only=True)
class FallbackChosen(Event):
    """A mapped model's weights are absent, so the embedded model answers instead."""

    capability: str
    wanted: str
    chosen: str
    advice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadProgressed(Event):
    """Bytes of weights arrived; ``total_bytes`` is ``None`` if the source does not say."""

    model: str
    done_bytes: int
    total_bytes: int | None
    step: str = "download"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided(Event):
    """The scheduler decided something, with the figures it decided on."""

    action: str
    model: str
    device: str
    reason: str
    needed_bytes: int = 0
    held_bytes: int = 0
    budget_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelLoaded(Event):
    """A worker has its model ready."""

    model: str
    device: str
    predicted_bytes: int
    measured_bytes: int | None
    load_s: float
    n_ctx: int | None
    n_threads: int
    pid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelLoadFailed(Event):
    """A model did not load. ``will_retry`` says whether another attempt follows."""

    model: str
    device: str
    problem: str
    will_retry: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelParked(Event):
    """A model's conversations were saved before it leaves memory."""

    model: str
    conversations: int
    tokens: int
    parked_bytes: int
    park_s: float
    tier: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkingFailed(Event):
    """A conversation's KV state could not be kept; its prompt will be processed again."""

    model: str
    conversation: str
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelReleased(Event):
    """A worker is gone. ``missing_bytes`` did not come back and count against the budget.

    ``peak_bytes`` is the most it ever held, ``None`` if that cannot be known.
    """

    model: str
    device: str
    released_bytes: int
    missing_bytes: int
    stop_s: float
    peak_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRestored(Event):
    """Parked state was put back. The engine's claim; ``CacheProven`` or ``CacheLost`` follows."""

    model: str
    conversation: str
    tokens: int
    restore_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheProven(Event):
    """The first request after a restore re-used the restored tokens."""

    model: str
    conversation: str
    cached_tokens: int
    prompt_tokens: int
    restored_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheLost(Event):
    """Parked state did not serve; the prompt was processed again. ``reason`` says why."""

    model: str
    conversation: str
    cached_tokens: int
    restored_tokens: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerDied(Event):
    """A worker's process ended by itself."""

    model: str
    exit_code: int | None
    log: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecialistFailed(Event):
    """A specialised model could not be used; the caller was given ``None``."""

    capability: str
    model: str
    problem: str


# The turn


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnStarted(Event):
    """The agent loop took up a user's message."""

    turn: str
    conversation: str
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TextStreamed(Event):
    """A piece of the answer. ``reasoning`` marks thinking, not for the final text."""

    turn: str
    text: str
    reasoning: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationFinished(Event):
    """One generation of a model ended, with what it cost."""

    turn: str
    model: str
    conversation: str
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    ttft_s: float
    total_s: float
    finish_reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallStarted(Event):
    """A tool is about to run with these arguments."""

    turn: str
    call: str
    tool: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PermissionAsked(Event):
    """A tool call waits for the user; ``question`` is what the answer must name."""

    turn: str
    call: str
    question: str
    tool: str
    permission: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PermissionDecided(Event):
    """A call was asked about, or denied: by the ``user``, a ``rule``, or as ``nobody`` could say.

    ``question`` is empty where none was asked.
    """

    turn: str
    call: str
    question: str
    tool: str
    allowed: bool
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolProgressed(Event):
    """A tool says how far it is."""

    turn: str
    call: str
    tool: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallFinished(Event):
    """A tool returned, or failed with ``problem``. ``truncated`` says the result was shortened."""

    turn: str
    call: str
    tool: str
    result: str
    problem: str
    seconds: float
    truncated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageStepped(Event):
    """An image model finished one denoising step. ``owner`` is the work it is for."""

    model: str
    owner: str
    step: int
    steps: int
    preview_png: bytes | None = field(default=None, repr=False)

    def as_json(self) -> dict[str, Any]:
        """As every event's, without the pixels."""
        return {"kind": self.kind} | {k: v for k, v in asdict(self).items() if k != "preview_png"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureSaved(Event):
    """A picture lies in the pictures folder. ``settings`` is what it was drawn with."""

    model: str
    owner: str
    path: str
    width: int
    height: int
    seconds: float
    settings: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolRefused(Event):
    """A tool from outside (an MCP server, an installed package) is not offered."""

    origin: str
    tool: str
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolServerConnected(Event):
    """An MCP server runs and offers ``tools`` tools."""

    server: str
    tools: int
    connect_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolServerFailed(Event):
    """An MCP server did not start, died or hung; a later call of its tools starts it again."""

    server: str
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryTrimmed(Event):
    """Old messages were left out so that the prompt fits the context."""

    turn: str
    dropped_messages: int
    n_ctx: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnFinished(Event):
    """The turn ended: ``answered``, ``step_limit``, ``cancelled`` or ``failed``."""

    turn: str
    outcome: str
    text: str
    steps: int
    total_s: float
    problem: str = ""


Listener = Callable[[Event], None]


class EventBus:
    """Delivers each event to every listener at once, in the order of subscription.

    Listeners run on the publisher's thread and must be quick. One that raises
    is dropped after its error is handed to ``on_listener_error``: a broken
    observer never breaks the work it observes.
    """

    def __init__(self, on_listener_error: Callable[[Exception], None] | None = None) -> None:
        self._listeners: dict[int, Listener] = {}
        self._ids = itertools.count()
        self._lock = threading.Lock()
        self._on_listener_error = on_listener_error

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Add a listener; the returned function removes it."""
        with self._lock:
            key = next(self._ids)
            self._listeners[key] = listener

        def unsubscribe() -> None:
            with self._lock:
                self._listeners.pop(key, None)

        return unsubscribe

    def publish(self, event: Event) -> None:
        """Hand ``event`` to every listener."""
        with self._lock:
            listeners = list(self._listeners.items())
        for key, listener in listeners:
            try:
                listener(event)
            except Exception as error:
                with self._lock:
                    self._listeners.pop(key, None)
                if self._on_listener_error is not None:
                    self._on_listener_error(error)
