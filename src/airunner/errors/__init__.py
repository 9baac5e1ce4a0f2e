"""Every exception AI Runner raises on purpose.

::

    AiRunnerError
    ├── SettingsError              a flag, variable or file entry has an unusable value
    ├── CatalogError
    │   ├── UnknownModelError      a name that is not in MODEL_REGISTRY
    │   ├── UnknownEngineError     a name that no engine has
    │   ├── InvalidEngineError     an engine that cannot be registered
    │   ├── UnknownCapabilityError   a name that no capability has
    │   ├── ModelNotAddedError     something that cannot be registered as a model
    │   ├── UnsuitedModelError     a model that was chosen for what it does not do
    │   ├── UnmappedCapabilityError   a capability that no model serves
    │   └── InvalidCatalogError    the registry contradicts itself
    ├── WeightsError
    │   ├── MissingWeightsError    nothing on disk, and no source tried or allowed
    │   ├── CorruptWeightsError    truncated, damaged, or not the format it claims
    │   ├── UnsupportedArchitectureError
    │   ├── DownloadError          a source failed, or delivered other bytes than promised
    │   └── HubError               a hub that was searched gave no answer
    ├── StorageError               a disk or memory file system is full or read-only
    ├── MediaError                 a file that cannot be part of a message
    ├── ServerError
    │   ├── ServerRunningError     a second server for the same home folder
    │   ├── ServerStoppedError     an answer that a server broke off when it was stopped
    │   ├── ServerGoneError        the server that this program uses ended, or does not answer
    │   ├── PortTakenError         another program listens there
    │   ├── KeysError              a key's name that is taken, unknown or unusable, or a bad file
    │   ├── NoKeysError            listening beyond this machine while there is no key
    │   ├── MissingPackageError    the server, or a part of it, is an extra that is not installed
    │   ├── ForbiddenModelError    a model that the request's key does not allow
    │   ├── NotAManagerError       a key that may not do what is the owner's
    │   ├── UnknownResponseError   a response that is not kept
    │   ├── BodyRefusedError       a request's body that says what cannot be
    │   └── HungUpError            the client that waited for an answer has gone
    ├── RecordError
    │   ├── UnknownRecordError     nothing is kept under this id
    │   ├── UnusableRecordError    something that cannot be kept as it is asked for
    │   ├── ConversationBusyError  a second turn in a conversation that has one
    │   └── PictureUnreadableError   a picture of the gallery that is damaged or too large
    ├── DeviceNotFoundError
    ├── DoesNotFitError            no placement exists; carries the byte deficit
    ├── EngineError
    │   ├── EngineBuildError       a build of an engine that cannot be installed or used here
    │   ├── LoadError              a worker could not load its model
    │   │   └── LoadTimeoutError   it was still loading when its time was over
    │   ├── WorkerDiedError        a worker's process ended by itself
    │   │   ├── SharedContextFullError  or broke off answers that filled it together
    │   │   └── WorkerSilentError  or said nothing for so long that it was ended
    │   ├── GenerationError        the engine refused or broke off a request
    │   ├── ContextOverflowError   the prompt is longer than the loaded context
    │   ├── MediaNotSupportedError   a picture or recording for a model that takes none
    │   ├── ImageRequestError      a size, scheduler, adapter or picture that cannot be used
    │   └── BlackImageError        the picture came out as NaN and was not saved
    ├── LeaseError
    │   ├── LeaseRefusedError      the queue is full, or the runtime is shutting down
    │   ├── LeaseTimeoutError
    │   ├── MemoryHeldError        another process of the same home folder holds the memory
    │   ├── LeaseEndedError        the lease is not held any more
    │   └── LeaseDeadlockError     waiting could never end: the waiter holds what it waits for
    └── ToolError
        ├── UnknownToolError
        ├── InvalidToolError       a function that cannot become a tool
        ├── ToolArgumentsError     arguments that do not match the tool's schema
        ├── ToolDeniedError        the user, or a rule of theirs, did not allow the call
        ├── ToolServerError        an MCP server is down, or its configuration is unusable
        ├── ToolRetryError         raised by a tool: the model may try again, with this hint
        ├── ToolFailedError        raised by a tool, or for it: trying again will not help
        └── ToolTimeoutError

Those about tools are in ``tools``, those of the server in ``server``, those about what is kept
in ``records``, those about waiting in ``leases``, those
of workers in ``workers``; everybody imports all of them from here.

Each message says what happened and what to do next; the fields carry the same
facts for programs. Constructors neither log nor look anything up.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from airunner.errors.base import AiRunnerError as AiRunnerError
from airunner.errors.base import in_short, meant
from airunner.errors.catalog import CatalogError as CatalogError
from airunner.errors.catalog import InvalidCatalogError as InvalidCatalogError
from airunner.errors.catalog import InvalidEngineError as InvalidEngineError
from airunner.errors.catalog import ModelNotAddedError as ModelNotAddedError
from airunner.errors.catalog import UnknownCapabilityError as UnknownCapabilityError
from airunner.errors.catalog import UnknownEngineError as UnknownEngineError
from airunner.errors.catalog import UnknownModelError as UnknownModelError
from airunner.errors.catalog import UnmappedCapabilityError as UnmappedCapabilityError
from airunner.errors.catalog import UnsuitedModelError as UnsuitedModelError
from airunner.errors.leases import LeaseDeadlockError as LeaseDeadlockError
from airunner.errors.leases import LeaseEndedError as LeaseEndedError
from airunner.errors.leases import LeaseError as LeaseError
from airunner.errors.leases import LeaseRefusedError as LeaseRefusedError
from airunner.errors.leases import LeaseTimeoutError as LeaseTimeoutError
from airunner.errors.leases import MemoryHeldError as MemoryHeldError
from airunner.errors.pasted import pasted
from airunner.errors.records import ConversationBusyError as ConversationBusyError
from airunner.errors.records import PictureUnreadableError as PictureUnreadableError
from airunner.errors.records import RecordError as RecordError
from airunner.errors.records import UnknownRecordError as UnknownRecordError
from airunner.errors.records import UnusableRecordError as UnusableRecordError
from airunner.errors.server import BodyRefusedError as BodyRefusedError
from airunner.errors.server import ForbiddenModelError as ForbiddenModelError
from airunner.errors.server import HungUpError as HungUpError
from airunner.errors.server import KeysError as KeysError
from airunner.errors.server import MissingPackageError as MissingPackageError
from airunner.errors.server import NoKeysError as NoKeysError
from airunner.errors.server import NotAManagerError as NotAManagerError
from airunner.errors.server import PortTakenError as PortTakenError
from airunner.errors.server import ServerError as ServerError
from airunner.errors.server import ServerGoneError as ServerGoneError
from airunner.errors.server import ServerRunningError as ServerRunningError
from airunner.errors.server import ServerStoppedError as ServerStoppedError
from airunner.errors.server import UnknownResponseError as UnknownResponseError
from airunner.errors.storage_advice import storage_advice
from airunner.errors.tools import InvalidToolError as InvalidToolError
from airunner.errors.tools import ToolArgumentsError as ToolArgumentsError
from airunner.errors.tools import ToolDeniedError as ToolDeniedError
from airunner.errors.tools import ToolError as ToolError
from airunner.errors.tools import ToolFailedError as ToolFailedError
from airunner.errors.tools import ToolRetryError as ToolRetryError
from airunner.errors.tools import ToolServerError as ToolServerError
from airunner.errors.tools import ToolTimeoutError as ToolTimeoutError
from airunner.errors.tools import UnknownToolError as UnknownToolError
from airunner.errors.workers import EngineError as EngineError
from airunner.errors.workers import LoadError as LoadError
from airunner.errors.workers import LoadTimeoutError as LoadTimeoutError
from airunner.errors.workers import SharedContextFullError as SharedContextFullError
from airunner.errors.workers import WorkerDiedError as WorkerDiedError
from airunner.errors.workers import WorkerSilentError as WorkerSilentError


class SettingsError(AiRunnerError):
    """A value that cannot be used; ``origin`` is the flag, variable or file it came from."""

    def __init__(self, name: str, value: object, origin: str, problem: str) -> None:
        self.name, self.value, self.origin, self.problem = name, value, origin, problem
        super().__init__(f"{name[:80]}={in_short(value)} (from {origin}): {problem}")


class WeightsError(AiRunnerError):
    """Base of errors about model files."""


class MissingWeightsError(WeightsError):
    """The model's file is not on this machine and was not fetched."""

    def __init__(
        self, model: str, looked_at: Sequence[Path | str] = (), *, advice: str = ""
    ) -> None:
        self.model, self.looked_at = model, tuple(looked_at)
        self.advice = advice or f"`{pasted('airunner', 'models', 'pull', model)}` fetches them."
        where = f" (looked at {', '.join(str(p) for p in self.looked_at)})" if looked_at else ""
        super().__init__(f"The weights of {model} are not on this machine{where}. {self.advice}")


FETCH_AGAIN_ADVICE = (
    "Put a whole copy in its place; a model that AI Runner fetched: remove it and fetch it again."
)
UNREADABLE_ADVICE = "See that it is a file on this disk which this user may read."


class CorruptWeightsError(WeightsError):
    """A model file is truncated, damaged, or not what its name claims."""

    def __init__(self, path: Path | str, problem: str, *, advice: str = FETCH_AGAIN_ADVICE) -> None:
        self.path, self.problem, self.advice = Path(path), problem, advice
        super().__init__(f"{path} is not a usable model file: {problem}. {advice}")


class UnsupportedArchitectureError(WeightsError):
    """The file is sound, but its architecture is not one the engine can run."""

    def __init__(
        self,
        path: Path | str,
        architecture: str,
        *,
        advice: str = "A newer engine build may; otherwise choose another model.",
    ) -> None:
        self.path, self.architecture, self.advice = Path(path), architecture, advice
        super().__init__(
            f"{path} has architecture {architecture!r}, which this engine cannot run. {advice}"
        )


DownloadCause = Literal["", "unreachable", "denied", "not_found", "damaged", "cancelled"]
"""Why a download failed, for programs; empty where it is none of these."""


class DownloadError(WeightsError):
    """A source failed or delivered something else than promised."""

    def __init__(self, model: str, source: str, problem: str, cause: DownloadCause = "") -> None:
        self.model, self.source, self.problem, self.cause = model, source, problem, cause
        where = "" if source == model else f" from {source}"
        super().__init__(f"Could not fetch {model}{where}: {problem}")


class HubError(WeightsError):
    """A hub that was searched gave no answer; ``hub`` is its address."""

    def __init__(self, hub: str, problem: str, cause: DownloadCause = "") -> None:
        self.hub, self.problem, self.cause = hub, problem, cause
        super().__init__(f"No search at {hub}: {problem}.")


class StorageError(AiRunnerError):
    """Bytes could not be written. ``needed_bytes`` is ``None`` when unknown.

    ``advice`` follows from the system's words for ``problem``, where none is given.
    """

    def __init__(
        self,
        path: Path | str,
        problem: str,
        needed_bytes: int | None = None,
        *,
        advice: str = "",
    ) -> None:
        advice = advice or storage_advice(problem)
        self.path, self.problem, self.needed_bytes = Path(path), problem, needed_bytes
        need = f" ({needed_bytes:,} bytes needed)" if needed_bytes is not None else ""
        super().__init__(f"Cannot write {path}{need}: {problem}. {advice}")


class MediaError(AiRunnerError):
    """A file that cannot be part of a message: unreadable, too large, or no picture."""

    def __init__(self, name: Path | str, problem: str) -> None:
        self.name, self.problem = str(name), problem
        super().__init__(f"{name} cannot be sent to a model: {problem}.")


class DeviceNotFoundError(AiRunnerError):
    """A device name that this machine does not have."""

    def __init__(self, device: str, available: Sequence[str]) -> None:
        self.device, self.available = device, tuple(available)
        hint = meant(device.casefold(), self.available)
        super().__init__(
            f"No device {device!r} here;{hint} there is {', '.join(self.available) or 'none'}. "
            "`airunner doctor` shows how devices were found."
        )


class DoesNotFitError(AiRunnerError):
    """No placement of a model exists, whatever is evicted.

    All figures are bytes on ``device``, the device that came closest.
    ``free_bytes`` is what could be made free by evicting everything evictable.
    """

    def __init__(
        self,
        model: str,
        device: str,
        needed_bytes: int,
        free_bytes: int,
        budget_bytes: int,
        advice: str = "",
    ) -> None:
        self.model, self.device = model, device
        self.needed_bytes, self.free_bytes, self.budget_bytes = (
            needed_bytes,
            free_bytes,
            budget_bytes,
        )
        self.advice = advice or (
            "Close other programs, raise --max-memory, lower --context, choose a smaller "
            "quantization, or release a pinned model."
        )
        super().__init__(
            f"{model} needs {needed_bytes:,} bytes on {device}, where at most {free_bytes:,} of a "
            f"budget of {budget_bytes:,} can be made free: {self.deficit_bytes:,} too few. "
            f"{self.advice}"
        )

    @property
    def deficit_bytes(self) -> int:
        """How many more bytes the device would have to offer."""
        return max(0, self.needed_bytes - self.free_bytes)


class EngineBuildError(EngineError):
    """A build of an engine that cannot be had, or does not start, or sees no GPU here.

    ``tried`` is false where it could not be fetched, so that nothing is known of it.
    """

    def __init__(self, build: str, problem: str, *, tried: bool = True) -> None:
        self.build, self.problem, self.tried = build, problem, tried
        super().__init__(f"The engine's build {build} cannot be used: {problem}.")


class GenerationError(EngineError):
    """The engine refused a request or broke off in the middle of it."""

    def __init__(self, model: str, problem: str) -> None:
        self.model, self.problem = model, problem
        super().__init__(f"{model} could not answer: {problem}")


class ContextOverflowError(EngineError):
    """The prompt does not fit into the context the model was loaded with (both in tokens).

    ``most_ctx`` is the longest that the model can be loaded with, where that is known. The
    words are those by which Claude Code, opencode and others know that they have to make the
    conversation shorter, and by how much.
    """

    def __init__(
        self, model: str, prompt_tokens: int, n_ctx: int, most_ctx: int | None = None
    ) -> None:
        self.model, self.prompt_tokens, self.n_ctx = model, prompt_tokens, n_ctx
        self.most_ctx = most_ctx
        told = f"The prompt is too long: {prompt_tokens} tokens > {n_ctx} maximum. "
        told += f"It exceeds the available context size of {model}"
        if most_ctx is not None and n_ctx >= most_ctx:
            told += ", which takes no more. Shorten it, or use a model of a longer context."
        else:
            told += ". Shorten it, or raise --context."
        super().__init__(told)


class MediaNotSupportedError(EngineError):
    """A message holds a picture or a recording, and the model takes none.

    ``kind`` is ``"image"`` or ``"audio"``; ``advice`` is what to do, in a sentence.
    """

    def __init__(self, model: str, kind: str, advice: str) -> None:
        self.model, self.kind, self.advice = model, kind, advice
        lack = "see pictures" if kind == "image" else "hear recordings"
        super().__init__(f"{model} cannot {lack}. {advice}")


class ImageRequestError(EngineError):
    """Something asked of an image model that it cannot do; ``problem`` says what would work."""

    def __init__(self, model: str, problem: str) -> None:
        self.model, self.problem = model, problem
        super().__init__(f"{model} cannot draw that: {problem}")


class BlackImageError(EngineError):
    """A drawing whose values were not numbers (NaN), which would be a black picture."""

    def __init__(self, model: str, dtype: str) -> None:
        self.model, self.dtype = model, dtype
        super().__init__(
            f"{model} computed no usable picture in {dtype}. Try another seed or fewer "
            "steps; if it stays, compute in a wider type (image_dtype=float32)."
        )
