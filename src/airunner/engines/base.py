"""What an engine offers, whichever library computes.

Owns the protocols and the plain values that cross them. An engine object lives
in the parent process and speaks to a worker; it never imports a model library.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar, runtime_checkable

from airunner.config.settings import KvType
from airunner.engines.image import ImageModel, ImagePlan
from airunner.engines.worker_answer import WorkerAnswer
from airunner.messages import Delta, MediaKind, Message, ToolSchema

AUTO_CONTEXT = 8192
"""The context that ``auto`` stands for at least, where the memory allows it, in tokens."""
AUTO_SLOTS = 4
"""The most conversations that a model decodes together where ``parallel`` is ``auto``."""
CONTEXT_FULL = "Context size has been exceeded."
"""What llama.cpp's server says to all whom it answers when the context that they share is full."""
PlanT = TypeVar("PlanT", contravariant=True)
Chunk = dict[str, Any]
"""One chunk of a streamed chat completion, as OpenAI's API has it."""


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """Everything a worker must know to load one model.

    Attributes:
        model: the registry's name, for messages.
        path: the weights file (the first part, if split).
        n_ctx: the longest context of one conversation, in tokens.
        n_parallel: slots, that is conversations decoded together.
        kv_unified: the slots share ``n_ctx`` tokens of KV cache; else each has as many.
        n_batch: logical batch, in tokens. Cancelling waits for the batch in work; see
            ``engines.llama_cpp.batches``.
        n_ubatch: physical batch, in tokens; sizes the compute buffer.
        kv_type_k: type of the keys in the KV cache.
        kv_type_v: type of the values.
        n_threads: CPU threads for this engine.
        device: device id such as ``"cpu"``, ``"cpu:1"`` or ``"cuda:0"``.
        gpu_index: index of the GPU on its backend, ``None`` to compute on the CPU.
        embedding: load as an embedder instead of a chat model.
        chat_template: Jinja template that replaces the file's own.
        yarn_context: original context for YaRN scaling, or ``None`` for no scaling.
        mmproj: the file that lets the model see or hear, or ``None``.
        media: the kinds of ``messages.MediaKind`` that it takes with that.
        most_ctx: the longest context that the model can be loaded with; ``None`` if unknown.
        mapped: memory-map the weights rather than read them. Not for a file whose
            weights the engine repacks: beside the copy the mapping stays resident,
            measured as 1.13 GB for a file of 0.5 GB.
    """

    model: str
    path: Path
    n_ctx: int = 4096
    n_parallel: int = 1
    kv_unified: bool = False
    n_batch: int = 512
    n_ubatch: int = 512
    kv_type_k: KvType = "f16"
    kv_type_v: KvType = "f16"
    n_threads: int = 1
    device: str = "cpu"
    gpu_index: int | None = None
    embedding: bool = False
    chat_template: str | None = None
    yarn_context: int | None = None
    most_ctx: int | None = None
    mmproj: Path | None = None
    media: tuple[MediaKind, ...] = ()
    mapped: bool = True

    @property
    def kv_streams(self) -> int:
        """How many KV caches of ``n_ctx`` tokens the engine allocates."""
        return 1 if self.kv_unified else self.n_parallel


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One generation.

    At most one of ``json_schema`` and ``grammar`` (GBNF) constrains the text. With
    a ``tool_choice`` that wants a call, ``json_schema`` is that of the call as a
    whole, an object of ``name``, a constant, and ``arguments``, or ``anyOf`` such; by
    default it is made of ``tools``. ``allowed_tools`` names those of them that may be
    called, ``None`` stands for all: the others are shown and that is all.
    ``conversation`` names the conversation whose KV state may be reused and
    parked; ``None`` is a request that leaves nothing behind.
    Sampling fields left ``None`` take the model's defaults.
    """

    messages: Sequence[Message]
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repeat_penalty: float | None = None
    seed: int | None = None
    stop: Sequence[str] = ()
    tools: Sequence[ToolSchema] = ()
    tool_choice: str = "auto"
    allowed_tools: Collection[str] | None = None
    json_schema: Mapping[str, Any] | None = None
    grammar: str | None = None
    thinking: bool | None = None
    conversation: str | None = None


@dataclass(frozen=True, slots=True)
class SlotState:
    """A slot's KV state written to or read from a file."""

    tokens: int
    n_bytes: int
    seconds: float


class Displaced(NamedTuple):
    """A slot that has to be emptied; the conversation in it, ``None`` if it is nobody's.

    ``continued`` is whether somebody has come back to that one.
    """

    slot: int
    conversation: str | None
    continued: bool


@dataclass(frozen=True, slots=True)
class SlotClaim:
    """A slot handed to a conversation.

    ``displaced`` is the conversation whose state is still in the slot and will
    be overwritten; ``continued`` is whether somebody has come back to that one.
    ``resident`` is true when the slot already holds this one. ``crowded_out`` are other
    slots, whose tokens the shared context has no room for any more.
    """

    slot: int
    resident: bool
    displaced: str | None = None
    continued: bool = field(default=False, compare=False)
    crowded_out: tuple[Displaced, ...] = ()


class ChatModel(Protocol):
    """A loaded language model."""

    @property
    def plan(self) -> LoadPlan:
        """What was loaded, and how."""
        ...

    def chat(self, request: ChatRequest, slot: int) -> AsyncGenerator[Delta, None]:
        """Stream an answer computed in ``slot``.

        Closing the generator cancels the generation within one token.

        Raises:
            GenerationError: the engine refused the request or broke off.
            ContextOverflowError: the prompt is longer than the loaded context.
            WorkerDiedError: the worker is gone.
        """
        ...

    def complete(
        self, request: ChatRequest, body: Mapping[str, Any], slot: int
    ) -> AsyncGenerator[Chunk, None]:
        """Stream the chunks of a chat completion that a client asked for.

        ``body`` is what it sent, as OpenAI's API has it, and ``request`` the same as far as
        we have words for it. An engine that speaks the API itself uses ``body``; one that
        does not, uses ``engines.openai_form.complete_by_chat``. The first chunk says who
        speaks. The last one has a ``finish_reason`` and the ``usage``. Otherwise like ``chat``.
        """
        ...

    async def count_tokens(self, messages: Sequence[Message], tools: Sequence[ToolSchema]) -> int:
        """Tokens of the prompt that ``messages`` would become under the model's template."""
        ...

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector per text; only for models loaded with ``embedding``."""
        ...

    async def read_beginning(self, request: ChatRequest, slot: int) -> int:
        """Compute in ``slot`` what every conversation of ``request``'s settings begins with.

        That is the prompt that its leading system messages, tools and thinking switch
        become, up to where the first user message can change a token. Returns its
        length in tokens, and leaves exactly these in the slot; 0 if there are none.

        Raises:
            GenerationError, ContextOverflowError, WorkerDiedError: see ``chat``.
        """
        ...

    async def save_slot(self, slot: int, target: Path) -> SlotState:
        """Write a slot's KV state to ``target``; on failure no file is left.

        Raises:
            StorageError: the file could not be written.
        """
        ...

    async def restore_slot(self, slot: int, source: Path) -> SlotState:
        """Read a slot's KV state back. The engine's word is not proof: see the next ``Usage``."""
        ...


@runtime_checkable
class Served(Protocol):
    """A loaded model whose worker can be asked directly, in the form that its engine has."""

    def ask(
        self, path: str, body: Mapping[str, Any], n_tokens: int = 0
    ) -> AbstractAsyncContextManager[WorkerAnswer]:
        """Post ``body`` to ``path`` there, for a response that has begun.

        Neither the slots nor the parking see what is asked so.
        ``n_tokens`` is how long the prompt may be; a worker that is silent for longer than
        that explains is ended.

        Raises:
            WorkerDiedError: the worker is gone, or was ended.
        """
        ...


@runtime_checkable
class SharesContext(Protocol):
    """A loaded model whose slots may share one KV cache; see ``LoadPlan.kv_unified``."""

    async def erase_slot(self, slot: int) -> None:
        """Give back the tokens that a slot holds; nobody computes in it.

        Raises:
            GenerationError, WorkerDiedError: see ``ChatModel.chat``.
        """
        ...


@runtime_checkable
class ApiModel(Protocol):
    """A loaded model whose engine takes clients' requests as they come.

    A last message of the assistant's is the beginning of the answer, where its chat template
    allows that.
    """

    async def enforces(self, parameters: Mapping[str, Any]) -> bool:
        """Whether calls of its own accord match ``parameters``, a schema, in any case."""
        ...


Plan = LoadPlan | ImagePlan
"""What a worker of any kind is told to load."""


@dataclass(slots=True)
class WorkerExit:
    """How a worker's process ended. ``exit_code`` is negative for a signal."""

    exit_code: int | None
    log: str = ""


class Worker(Protocol):
    """A process that holds one loaded model."""

    @property
    def model(self) -> ChatModel | ImageModel:
        """The model in it."""
        ...

    @property
    def pid(self) -> int:
        """The process that holds the memory."""
        ...

    @property
    def load_s(self) -> float:
        """How long the engine took to load the model."""
        ...

    async def wait(self) -> WorkerExit:
        """Return when the process has ended, for whatever reason."""
        ...

    async def stop(self) -> None:
        """End the process and return when it is gone. Safe to call twice."""
        ...

    def memory_bytes(self) -> int | None:
        """Memory the process holds on its device now; ``None`` if it cannot be known."""
        ...

    def peak_memory_bytes(self) -> int | None:
        """The most the process has held so far; ``None`` if it cannot be known."""
        ...


class Launcher(Protocol[PlanT]):
    """Something that turns a plan into a running worker."""

    async def launch(self, plan: PlanT) -> Worker:
        """Start a worker and return once its model is ready; cancelling kills it.

        Raises:
            MissingWeightsError, CorruptWeightsError, UnsupportedArchitectureError:
                about the file.
            LoadError: anything else.
        """
        ...

    async def close(self) -> None:
        """Release everything held in reserve, such as a pre-imported spare process."""
        ...


@runtime_checkable
class Preparable(Protocol):
    """A launcher whose library takes long to import, and can be imported ahead of a launch."""

    @property
    def prepared_bytes(self) -> int:
        """RAM that a prepared process holds at most."""
        ...

    def prepare(self) -> None:
        """Start a process that imports the library, for the next launch. Returns at once."""
        ...

    def dismiss(self) -> None:
        """End what ``prepare`` started, if no launch has used it. Returns at once."""
        ...
