"""Events about models, memory and weights."""

from __future__ import annotations

from airunner.events.event import Event


class FallbackChosen(Event):
    """A mapped model's weights are absent, so the embedded model answers instead.

    ``reason`` is set where they are here and cannot be used, and ``advice`` then tells why.
    """

    capability: str
    wanted: str
    chosen: str
    advice: str
    reason: str = ""


class MemoryAwaited(Event):
    """What is asked for waits for memory that others hold. Only whoever waits is told.

    Attributes:
        owner: the work that waits.
        model: what it asked for; empty where nothing of it is known yet.
        holder: the id of another process of the same home folder that holds the memory; 0
            where requests to the same process do.
        command: what that process is, such as ``airunner chat``; empty if it is not known.
        models: what is held, by others than whoever waits.
        held_bytes: how much that is, 0 if it is not known.
        since_s: when they began to hold it, as Unix time.
        wait_s: about how long it takes, in seconds; ``None`` as long as nobody can say.
        longest_s: after how long the wait is given up.
        is_stopped: whether the holder is stopped, as Ctrl-Z does: it gives nothing up then.
    """

    owner: str
    model: str
    holder: int
    command: str
    models: tuple[str, ...]
    held_bytes: int
    since_s: float | None
    wait_s: float | None
    longest_s: float
    is_stopped: bool = False


class DownloadProgressed(Event):
    """Bytes of weights arrived; ``total_bytes`` is ``None`` if the source does not say.

    ``bytes_per_s`` is how fast they come, and ``left_s`` when all will be here; ``None`` as
    long as nobody can say.
    """

    model: str
    done_bytes: int
    total_bytes: int | None
    step: str = "download"
    bytes_per_s: float | None = None
    left_s: float | None = None


class DownloadChanged(Event):
    """A download of the queue is ``queued``, ``running``, ``paused``, ``done``, ``failed``,
    ``cancelled`` or ``forgotten`` now.

    ``task`` is ``fetch`` or ``verify``; ``place`` is 1 for the next one to begin, ``None`` if
    it does not wait; ``problem`` is what went wrong, in words.
    """

    model: str
    task: str
    state: str
    place: int | None = None
    problem: str = ""


class Decided(Event):
    """The scheduler decided something, with the figures it decided on.

    ``cause`` is the kind of a refusal, empty for everything else.
    """

    action: str
    model: str
    device: str
    reason: str
    needed_bytes: int = 0
    held_bytes: int = 0
    budget_bytes: int = 0
    cause: str = ""


class SlotAwaited(Event):
    """A request waits until the loaded model has answered others; told again as it moves up.

    ``ahead`` of them are served first, 0 once the wait is over, and ``wait_s`` is about how
    long that takes, in seconds; ``None`` as long as nobody can say. Only whoever waits is told.
    """

    model: str
    conversation: str
    ahead: int
    wait_s: float | None


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


class ReadAheadStarted(Event):
    """A model's file is being read into the page cache, because the model may be loaded soon."""

    model: str
    file_bytes: int


class ReadAheadEnded(Event):
    """Reading ahead ended after ``read_bytes``; ``reason`` says why early, empty if all was read.

    Pages that were in the cache already count as read.
    """

    model: str
    read_bytes: int
    file_bytes: int
    read_s: float
    reason: str


class ModelLoadFailed(Event):
    """A model did not load. ``will_retry`` says whether another attempt follows."""

    model: str
    device: str
    problem: str
    will_retry: bool


class ModelParked(Event):
    """A model's conversations were saved before it leaves memory."""

    model: str
    conversations: int
    tokens: int
    parked_bytes: int
    park_s: float
    tier: str


class ParkingFailed(Event):
    """A conversation's KV state could not be kept; its prompt will be processed again."""

    model: str
    conversation: str
    problem: str


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


class ModelRestored(Event):
    """Parked state was put back. The engine's claim; ``CacheProven`` or ``CacheLost`` follows."""

    model: str
    conversation: str
    tokens: int
    restore_s: float


class BeginningKept(Event):
    """The beginning that all conversations of the same settings share was computed and saved.

    ``seconds`` is how long both took; ``n_bytes`` is the size of the file.
    """

    model: str
    tokens: int
    n_bytes: int
    seconds: float


class BeginningRestored(Event):
    """A new conversation was given the kept beginning; ``CacheProven`` or ``CacheLost`` follows."""

    model: str
    conversation: str
    tokens: int
    restore_s: float


class CacheProven(Event):
    """The first request after a restore re-used the restored tokens."""

    model: str
    conversation: str
    cached_tokens: int
    prompt_tokens: int
    restored_tokens: int


class CacheLost(Event):
    """State that was parked, kept or still in its slot did not serve; ``reason`` says why.

    ``restored_tokens`` is how many tokens that state had; all but ``cached_tokens`` of
    the prompt were processed again.
    """

    model: str
    conversation: str
    cached_tokens: int
    restored_tokens: int
    reason: str


class WorkerDied(Event):
    """A worker's process ended by itself."""

    model: str
    exit_code: int | None
    log: str


class CatalogChanged(Event):
    """Models were registered or taken out, their weights too, or capabilities assigned to others.

    ``models`` are those that came or went, ``capabilities`` those that others serve now.
    """

    models: tuple[str, ...]
    capabilities: tuple[str, ...]


class SetupChanged(Event):
    """Somebody changed how the server is set up: ``settings``, ``permissions``, ``mcp``, ``keys``.

    Or ``placement``: which capabilities stay in memory, or on which device one is placed.
    """

    what: str


class SpecialistFailed(Event):
    """A specialised model could not be used; the caller was given ``None``."""

    capability: str
    model: str
    problem: str
