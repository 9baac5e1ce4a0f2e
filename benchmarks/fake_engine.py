"""An engine that computes nothing, for testing scheduling only.

Owns in-process stand-ins for the launcher, the worker and the model of
``engines.base``. They never sleep and decide nothing by chance: a test closes a
gate and the work stops there until it opens the gate again. Nothing here proves
that a real engine loads, answers, saves or restores; tests of such claims use
the real one.

Tokens are the words of a prompt. A slot's state is the list of its words, so
what a request finds cached, and what a saved file brings back, follow from the
conversation as they do in a real engine.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from airunner.engines.base import ChatRequest, Chunk, LoadPlan, SlotState, WorkerExit
from airunner.engines.beginning import leading_system
from airunner.engines.openai_form import complete_by_chat
from airunner.errors import StorageError, WorkerDiedError
from airunner.media import in_words
from airunner.messages import Delta, Message, ToolSchema, Usage

_FIRST_PID = 1 << 24
"""Above every real process id, so that no test can meet a real process by mistake."""


class Gate:
    """A place that work passes through; while it is closed, whoever arrives waits there."""

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self._open.set()
        self._arrived = asyncio.Event()

    def close(self) -> None:
        """Stop whoever arrives from now on."""
        self._open.clear()
        self._arrived.clear()

    def open(self) -> None:
        """Let everybody through."""
        self._open.set()

    async def reached(self) -> None:
        """Return when somebody stands before the closed gate."""
        await self._arrived.wait()

    async def passed(self) -> None:
        """Go through, or wait until the gate opens."""
        if not self._open.is_set():
            self._arrived.set()
        await self._open.wait()


@dataclass(slots=True)
class Script:
    """How one model behaves; a test changes it at any time.

    Attributes:
        answer: the text a request is answered with.
        memory_bytes: what a worker says it holds, ``None`` for "cannot be known".
        load_s: how long a load claims to have taken.
        load_errors: raised by the next loads, one each.
        save_error: raised by every save while set, after which no file is left.
        restore_error: raised by every restore while set.
        read_error: raised by every reading of a beginning while set.
        forgets: a restore reports success and brings nothing back.
        loading, answering, reading, saving, restoring, stopping: the gates of these steps.
            A request is stopped between its first word and the others.
    """

    answer: Callable[[ChatRequest], str] = lambda _: "a fake answer"
    memory_bytes: int | None = None
    load_s: float = 1.0
    load_errors: list[Exception] = field(default_factory=list)
    save_error: Exception | None = None
    restore_error: Exception | None = None
    read_error: Exception | None = None
    forgets: bool = False
    loading: Gate = field(default_factory=Gate)
    answering: Gate = field(default_factory=Gate)
    reading: Gate = field(default_factory=Gate)
    saving: Gate = field(default_factory=Gate)
    restoring: Gate = field(default_factory=Gate)
    stopping: Gate = field(default_factory=Gate)


class FakeModel:
    """Implements ``engines.base.ChatModel``."""

    def __init__(
        self, plan: LoadPlan, script: Script, journal: list[str], death: asyncio.Future[WorkerExit]
    ) -> None:
        self._plan = plan
        self._script = script
        self._journal = journal
        self._death = death
        self._slots: dict[int, list[str]] = {}

    @property
    def plan(self) -> LoadPlan:
        """What was loaded, and how."""
        return self._plan

    async def chat(self, request: ChatRequest, slot: int) -> AsyncGenerator[Delta, None]:
        """Stream the scripted answer word by word."""
        self._note("chat")
        self._check_alive()
        prompt = _words(request.messages, request.tools)
        pairs = zip(self._slots.get(slot, []), prompt, strict=False)
        cached = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))
        self._slots[slot] = prompt
        answer = self._script.answer(request).split()[: request.max_tokens]
        for index, word in enumerate(answer):
            if index == 1:
                await self._pass(self._script.answering)
            self._slots[slot] = [*self._slots[slot], word]
            yield Delta(text=word if index == 0 else f" {word}")
        usage = Usage(len(prompt), cached, len(answer), prompt_s=0.0, decode_s=0.0)
        yield Delta(finish_reason="stop", usage=usage)

    def complete(
        self, request: ChatRequest, body: Mapping[str, Any], slot: int
    ) -> AsyncGenerator[Chunk, None]:
        """The same in chunks."""
        return complete_by_chat(self, request, slot)

    async def count_tokens(self, messages: Sequence[Message], tools: Sequence[ToolSchema]) -> int:
        """The words of all tools and messages."""
        self._check_alive()
        return len(_words(messages, tools))

    async def read_beginning(self, request: ChatRequest, slot: int) -> int:
        """Put the words of the tools and the leading system messages into a slot."""
        self._note("read")
        self._slots[slot] = []
        await self._pass(self._script.reading)
        if self._script.read_error is not None:
            raise self._script.read_error
        self._slots[slot] = _words(leading_system(request.messages), request.tools)
        return len(self._slots[slot])

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """The number of words of each text, as a vector."""
        self._check_alive()
        return [[float(len(text.split()))] for text in texts]

    async def save_slot(self, slot: int, target: Path) -> SlotState:
        """Write a slot's words to a file."""
        self._note("save")
        await self._pass(self._script.saving)
        if self._script.save_error is not None:
            raise self._script.save_error
        words = self._slots.get(slot, [])
        return SlotState(len(words), _write_words(target, words), seconds=0.0)

    async def restore_slot(self, slot: int, source: Path) -> SlotState:
        """Read a slot's words from a file."""
        self._note("restore")
        await self._pass(self._script.restoring)
        if self._script.restore_error is not None:
            raise self._script.restore_error
        words = _read_words(source)
        self._slots[slot] = [] if self._script.forgets else words
        return SlotState(len(words), len(json.dumps(words)), seconds=0.0)

    async def _pass(self, gate: Gate) -> None:
        """Go through a gate, unless the worker dies first."""
        passage = asyncio.create_task(gate.passed())
        either: list[asyncio.Future[Any]] = [passage, self._death]
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            passage.cancel()
        self._check_alive()

    def _check_alive(self) -> None:
        if self._death.done():
            raise WorkerDiedError(self._plan.model, self._death.result().exit_code)

    def _note(self, step: str) -> None:
        self._journal.append(f"{step} {self._plan.model}")


class FakeWorker:
    """Implements ``engines.base.Worker``; ``stopped`` says whether somebody ended it properly."""

    def __init__(self, plan: LoadPlan, script: Script, journal: list[str], pid: int) -> None:
        self.pid = pid
        self.load_s = script.load_s
        self.stopped = False
        self._script = script
        self._journal = journal
        self._death: asyncio.Future[WorkerExit] = asyncio.get_running_loop().create_future()
        self.model = FakeModel(plan, script, journal, self._death)

    @property
    def alive(self) -> bool:
        """Whether the pretended process runs."""
        return not self._death.done()

    def die(self, exit_code: int = -9) -> None:
        """End as if killed."""
        self._death.set_result(WorkerExit(exit_code))

    async def wait(self) -> WorkerExit:
        """Return when the worker was stopped or died."""
        return await asyncio.shield(self._death)

    async def stop(self) -> None:
        """End the worker; more than once is harmless."""
        await self._script.stopping.passed()
        if not self.stopped:
            self._journal.append(f"stop {self.model.plan.model}")
        self.stopped = True
        if self.alive:
            self._death.set_result(WorkerExit(0))

    def memory_bytes(self) -> int | None:
        """What the script says, as long as the worker lives."""
        return self._script.memory_bytes if self.alive else None

    def peak_memory_bytes(self) -> int | None:
        """The same, for nothing here grows."""
        return self.memory_bytes()


class FakeLauncher:
    """Implements ``engines.base.Launcher``.

    ``journal`` is every step of every model in the order it was asked for:
    ``"load qwen"``, ``"chat qwen"``, ``"save qwen"``, ``"stop qwen"``, ``"restore qwen"``,
    and ``"read qwen"`` for the beginning of its conversations.
    """

    def __init__(self) -> None:
        self.journal: list[str] = []
        self.plans: list[LoadPlan] = []
        self.workers: list[FakeWorker] = []
        self.closed = False
        self._scripts: dict[str, Script] = {}

    def script(self, model: str) -> Script:
        """How ``model`` behaves, to be changed by the test."""
        return self._scripts.setdefault(model, Script())

    def worker(self, model: str) -> FakeWorker:
        """The worker that was started last for ``model``."""
        return next(w for w in reversed(self.workers) if w.model.plan.model == model)

    @property
    def alive(self) -> list[str]:
        """Models whose workers live, in the order of their start."""
        return [w.model.plan.model for w in self.workers if w.alive]

    async def launch(self, plan: LoadPlan) -> FakeWorker:
        """Start a worker, or fail as the script says."""
        script = self.script(plan.model)
        self.journal.append(f"load {plan.model}")
        self.plans.append(plan)
        await script.loading.passed()
        if script.load_errors:
            raise script.load_errors.pop(0)
        worker = FakeWorker(plan, script, self.journal, _FIRST_PID + len(self.workers))
        self.workers.append(worker)
        return worker

    async def close(self) -> None:
        """Note that nothing more will be asked for."""
        self.closed = True


def _words(messages: Sequence[Message], tools: Sequence[ToolSchema]) -> list[str]:
    texts = [f"{tool.name} {tool.description}" for tool in tools]
    return [
        word for text in (*texts, *(in_words(m.content) for m in messages)) for word in text.split()
    ]


def _write_words(target: Path, words: list[str]) -> int:
    try:
        return target.write_text(json.dumps(words), encoding="utf-8")
    except OSError as error:
        target.unlink(missing_ok=True)
        raise StorageError(target, error.strerror or str(error)) from error


def _read_words(source: Path) -> list[str]:
    words: list[str] = json.loads(source.read_text(encoding="utf-8"))
    return words
