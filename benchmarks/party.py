"""A runtime of its own that holds one conversation, and what each generation cost it.

Owns how a benchmark talks like a user: the embedded weights under a native tool
template, an empty home, a budget that holds one model.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from airunner import Settings
from airunner.agent.conversation import Conversation
from airunner.components.llm.config.model_capabilities import (
    CAPABILITY_TO_MODEL,
    EMBEDDED_PRIMARY,
    EMBEDDED_SPECIALIST,
    MODEL_REGISTRY,
)
from airunner.engines.base import ChatRequest
from airunner.events import (
    CacheLost,
    Event,
    GenerationFinished,
    HistoryTrimmed,
    ModelLoaded,
)
from airunner.messages import Message
from airunner.models.spec import ModelCapability, ModelSpec
from airunner.runtime import Runtime
from airunner.tools.toolset import Toolset
from benchmarks.diary import story
from benchmarks.native_template import TOOL_TEMPLATE
from benchmarks.talk import ANSWER_TOKENS, GREEDY, PERMISSIONS, SYSTEM_PROMPT, Said

if TYPE_CHECKING:
    from benchmarks.slot_tokens import SlotReader, WatchedLlamaCpp

CONTEXT = 8192
MARGIN = 1.05
STEPS = 1
"""A call and an answer in each turn. The embedded model would go on searching for tools until
its context is full, and a history that has to be shortened is read again."""
PRIMARY = ModelCapability.PRIMARY_CONVERSATION
SPECIALIST = ModelCapability.PROMPT_ENHANCEMENT


@dataclass
class Step:
    """One generation. ``held_tokens`` is what the one before it left in the cache.

    ``other_tokens`` of them are in the prompt as the same text, but as other tokens, as far
    as the slot was read. ``turn`` counts from 1. ``ttft_s`` is from asking for the model
    until the engine began to decode: when a text is shown, but before the name of a call is
    complete. ``loaded`` says that the model came back for it. ``why`` is what was published
    as the reason, if less was re-used.
    """

    turn: int
    tool: str
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    held_tokens: int
    ttft_s: float
    loaded: bool
    why: str
    other_tokens: int = 0

    @property
    def could_reuse(self) -> int:
        """The tokens in the cache that the prompt may begin with: all but those said otherwise."""
        return min(self.held_tokens - self.other_tokens, self.prompt_tokens)

    @property
    def share(self) -> float:
        """The part that was re-used of what could be; 1 at a conversation's beginning."""
        possible = self.could_reuse
        return min(1.0, self.cached_tokens / possible) if possible else 1.0


@dataclass
class Party:
    """One runtime with the conversation that it holds.

    With a ``reader``, the slot is read after each generation; else it is taken to hold the
    prompt and the answer without its last token, which is drawn and never computed.
    """

    runtime: Runtime
    reader: SlotReader | None = None
    conversation: Conversation = field(default_factory=lambda: Conversation.begin(SYSTEM_PROMPT))
    events: list[Event] = field(default_factory=list)
    held_tokens: int = 0
    content: list[int] = field(default_factory=list)
    read: list[tuple[int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.runtime.bus.subscribe(self._note)

    def _note(self, event: Event) -> None:
        self.events.append(event)
        if self.reader is not None and isinstance(event, GenerationFinished):
            # The event loop waits meanwhile, and with it the next generation.
            before, self.content = self.content, self.reader.read(event.model)
            other = self.reader.other_tokens(
                event.model, before, self.content[: event.prompt_tokens]
            )
            self.read.append((len(self.content), other))

    def begin(self, system_prompt: str = SYSTEM_PROMPT) -> None:
        """Go on in a new conversation."""
        self.conversation, self.held_tokens = Conversation.begin(system_prompt), 0
        self.content = []

    def hear(self, number: int, said: Said) -> list[Step]:
        """Take one turn; its generations, in order."""
        if said.swap:
            self.use_specialist()
        self.events.clear()
        self.read.clear()
        choice = said.tool if said.tool and len(self.runtime.toolset) else "auto"
        for _ in self.runtime.turn(
            self.conversation, said.text, sampling=GREEDY, seed=1, tool_choice=choice
        ):
            pass
        steps: list[Step] = []
        loaded, why = said.swap, ""
        for event in self.events:
            match event:
                case ModelLoaded():
                    loaded = True
                case HistoryTrimmed():
                    why = f"{event.dropped_messages} old messages did not fit any more"
                case CacheLost():
                    why = event.reason
                case GenerationFinished():
                    steps.append(self._step(number, said, event, loaded, why))
                    loaded, why = False, ""
                case _:
                    pass
        return steps

    def _step(
        self, number: int, said: Said, done: GenerationFinished, loaded: bool, why: str
    ) -> Step:
        held, other = self.held_tokens, 0
        decode_s = getattr(done, "decode_s", 0.0)  # earlier revisions do not tell it
        self.held_tokens = done.prompt_tokens + done.completion_tokens - 1
        if self.reader is not None:
            assert self.read, "the slot could not be read"  # the bus tells of no error
            self.held_tokens, other = self.read.pop(0)
        return Step(
            turn=number,
            tool=said.tool,
            prompt_tokens=done.prompt_tokens,
            cached_tokens=done.cached_tokens,
            completion_tokens=done.completion_tokens,
            held_tokens=held,
            ttft_s=done.total_s - decode_s if decode_s else done.ttft_s,
            loaded=loaded,
            why=why,
            other_tokens=other,
        )

    def use_specialist(self) -> None:
        """Let a specialist take the memory, and wait until the primary is back."""
        answer = self.runtime.use_specialized_model(SPECIALIST, "Name a colour.", 8)
        assert answer is not None, "the specialist did not answer"
        self.runtime.settle()

    def overwrite(self) -> None:
        """Leave a text in the slot that begins like no conversation."""

        async def other() -> None:
            async with self.runtime.team.lease(PRIMARY, owner="benchmark") as lease:
                request = ChatRequest([Message("user", story(40, 1))], max_tokens=1)
                async for _ in lease.chat(request):
                    pass

        self.runtime.call(other())


def prepare(home: Path, engine: str = "llama_cpp") -> None:
    """Make the embedded weights a native primary and a specialist, used where they lie.

    ``engine`` computes the primary.
    """
    with Runtime(Settings.load({"home": home})) as runtime:
        paths = {
            name: str(runtime.store.fetch(MODEL_REGISTRY[name]))
            for name in (EMBEDDED_PRIMARY, EMBEDDED_SPECIALIST)
        }
    for name, capabilities, template in (
        (EMBEDDED_PRIMARY, [PRIMARY], TOOL_TEMPLATE),
        (EMBEDDED_SPECIALIST, MODEL_REGISTRY[EMBEDDED_SPECIALIST].capabilities, None),
    ):
        path = paths[name]
        MODEL_REGISTRY[path] = ModelSpec(
            path,
            list(capabilities),
            max_context=CONTEXT,
            supports_function_calling=template is not None,
            chat_template=template,
            engine=engine if template else "llama_cpp",
        )
        for capability in capabilities:
            CAPABILITY_TO_MODEL[capability] = path


@contextmanager
def opened(
    toolset: Toolset | None = None,
    *,
    parking: bool = True,
    engine: WatchedLlamaCpp | None = None,
) -> Iterator[Party]:
    """A party of its own, in an empty home, whose memory holds one of the two models.

    It has the built-in tools unless it is given others. ``engine`` reads the primary's slot.
    """
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder, "files")
        files.mkdir()
        for name in ("garden.txt", "trip.txt", "list.txt"):
            (files / name).write_text(f"This is {name}.\n", encoding="utf-8")
        settings = Settings.load(
            {
                "home": Path(folder, "home"),
                "files": files,
                "pictures": Path(folder, "pictures"),
                "context": CONTEXT,
                "max_tokens": ANSWER_TOKENS,
                "max_steps": STEPS,
                "permissions": PERMISSIONS,
                "offline": True,
            }
        )
        with Runtime(settings) as probe:
            sizes = [
                max(probe.call(probe.team.size(MODEL_REGISTRY[name])).demand.size_bytes.values())
                for name in {CAPABILITY_TO_MODEL[PRIMARY], CAPABILITY_TO_MODEL[SPECIALIST]}
            ]
        settings = settings.replace(max_memory=int(max(sizes) * MARGIN))
        if not parking:
            settings = settings.replace(parking_memory=0, parking_disk=0)
        with Runtime(settings, toolset=toolset) as runtime:
            yield Party(runtime, engine.reader if engine else None)
