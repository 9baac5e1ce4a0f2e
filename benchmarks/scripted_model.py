"""A model that does what it is told, at the speed that it is told: for measuring the page.

Owns an engine without weights on the fake workers of ``fake_engine``. What the
user says is the script: ``write 8000 at 100`` writes so many characters at so many tokens
a second, ``think 2`` thinks first for so many seconds, ``use add {"a": 1}`` calls a tool,
``fail``, ``cut`` and ``hang`` end an answer in other ways, and of ``die`` a worker dies at
the end of it, once. All else is repeated.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from airunner.components.llm.config.model_capabilities import CAPABILITY_TO_MODEL, MODEL_REGISTRY
from airunner.config.settings import Settings
from airunner.devices.device import Device
from airunner.engines.base import ChatRequest, LoadPlan, Plan, WorkerExit
from airunner.engines.descriptor import EngineDescriptor, Plannable, Planner, Variant
from airunner.engines.known import register_engine
from airunner.errors import GenerationError
from airunner.messages import Delta, FinishReason, ToolCall, Usage
from airunner.models.engine_traits import EngineTraits
from airunner.models.memory.language import MemoryEstimate
from airunner.models.spec import ModelCapability, ModelSpec
from airunner.tools.call_tool import CALL_TOOL
from benchmarks.fake_engine import FakeLauncher, FakeModel, FakeWorker

MODEL = "scripted/model"
CHARACTERS_A_TOKEN = 4
MODEL_BYTES = 2_100_000_000
_USUAL_RATE = 400.0
_CALL = re.compile(r"use (\w+)(?: (\{.*\}))?", re.DOTALL)
_CONSTANT = re.compile(r'"(?:const": |enum": \[)"(\w+)"')
_PICTURE = re.compile(r"\d{4}-\d\d-\d\d \S+ \S+\.png")

PARAGRAPH = (
    "A **swap** keeps the conversation, whoever holds it: the engine's count of cached tokens "
    "proves it, in every answer. Bytes are predicted from the *metadata* of a file.\n\n"
)
_PIECES = (
    "## What happens\n\n",
    *[PARAGRAPH] * 3,
    "- one model talks\n- others draw, translate and summarise\n- all of them share the memory\n\n",
    "```python\n"
    + "".join(f"def step_{n}(value: int) -> int:\n    return value + {n}\n\n\n" for n in range(12))
    + "```\n\n",
    "| model | bytes |\n|---|---|\n| primary | 2,100,000,000 |\n| artist | 1,200,000,000 |\n\n",
    "The energy is $E = mc^2$, as everybody knows.\n\n",
)


def long_text(characters: int) -> str:
    """Markdown of exactly so many characters: paragraphs, lists, code, tables, formulas."""
    text, pieces = "", itertools.cycle(_PIECES)
    while len(text) < characters:
        text += next(pieces)
    return text[:characters]


class ScriptedModel(FakeModel):
    """See the module's description."""

    async def chat(self, request: ChatRequest, slot: int) -> AsyncGenerator[Delta, None]:
        """Do as the last user's message says; what a tool returned is told."""
        last = request.messages[-1]
        said = next((m.text for m in reversed(request.messages) if m.role == "user"), "")
        call = _CALL.search(said)
        if last.role != "tool" and request.tool_choice not in ("auto", "none"):
            named = _PICTURE.search(said)
            which: dict[str, Any] = {"picture": named[0]} if named else {}
            if request.tool_choice == CALL_TOOL:
                told = _CONSTANT.findall(json.dumps(request.json_schema))
                which = {"name": next(n for n in told if n != CALL_TOOL), "arguments": which}
            yield Delta(tool_name=request.tool_choice)
            forced = ToolCall("", request.tool_choice, which)
            yield Delta(tool_calls=(forced,), finish_reason="tool_calls", usage=Usage(9, 0, 1))
            return
        finish: FinishReason = "length" if re.search(r"\bcut\b", said) else "stop"
        if call and last.role != "tool":
            arguments = json.loads(call[2] or "{}")
            yield Delta(tool_name=call[1])
            calls = (ToolCall("", call[1], arguments),)
            yield Delta(tool_calls=calls, finish_reason="tool_calls", usage=Usage(9, 0, 1))
            return
        if thinks := re.search(r"\bthink (\d+(?:\.\d+)?)", said):
            yield Delta(reasoning="The user wants something. ")
            await asyncio.sleep(float(thinks[1]))
            yield Delta(reasoning="So be it.")
        text = f"The tool said: {last.text}" if last.role == "tool" else f"You said: {said}"
        if wanted := re.search(r"\bwrite (\d+)", said):
            text = long_text(int(wanted[1]))
        rate = re.search(r"\bat (\d+)", said)
        async for piece in _spoken(text, float(rate[1]) if rate else _USUAL_RATE):
            yield Delta(text=piece)
        if re.search(r"\bfail\b", said):
            raise GenerationError(self.plan.model, "it was told to fail")
        if re.search(r"\bhang\b", said):
            await asyncio.Event().wait()
        if re.search(r"\bdie\b", said) and (mark := f"died of {said}") not in self._journal:
            self._journal.append(mark)
            self._death.set_result(WorkerExit(-9))
            self._check_alive()
        tokens = -(-len(text) // CHARACTERS_A_TOKEN)
        yield Delta(finish_reason=finish, usage=Usage(20, 12, tokens, 0.1, tokens / _USUAL_RATE))


async def _spoken(text: str, tokens_a_second: float) -> AsyncGenerator[str, None]:
    clock = asyncio.get_running_loop().time
    began_s = clock()
    for number, at in enumerate(range(0, len(text), CHARACTERS_A_TOKEN), 1):
        yield text[at : at + CHARACTERS_A_TOKEN]
        await asyncio.sleep(max(0.0, began_s + number / tokens_a_second - clock()))


class _Worker(FakeWorker):
    def __init__(self, plan: LoadPlan, launcher: FakeLauncher, pid: int) -> None:
        script = launcher.script(plan.model)
        super().__init__(plan, script, launcher.journal, pid)
        self.model = ScriptedModel(plan, script, launcher.journal, self._death)


class _Launcher(FakeLauncher):
    async def launch(self, plan: LoadPlan) -> FakeWorker:
        worker = _Worker(plan, self, (1 << 24) + len(self.workers))
        self.workers.append(worker)
        return worker


@dataclass(frozen=True)
class _Weights:
    files: tuple[Path, ...] = ()
    kv_bytes_per_token: int = 1000
    rolls_back: bool = True
    estimate: MemoryEstimate = field(
        default_factory=lambda: MemoryEstimate(MODEL_BYTES, 0, 0, 0, exact=True)
    )

    def plan(
        self, spec: ModelSpec, device: Device, budget_bytes: int
    ) -> tuple[Plan, MemoryEstimate]:
        plan = LoadPlan(spec.model_path, Path(spec.model_path), n_ctx=32_768, device=device.id)
        return plan, self.estimate

    def variants(
        self, spec: ModelSpec, device: Device, plan: Plan, estimate: MemoryEstimate
    ) -> Sequence[Variant]:
        return [Variant("as it is", {}, estimate, chosen=True)]


class Scripted(EngineDescriptor):
    """The engine; see the module's description."""

    traits = EngineTraits(
        name="scripted",
        capabilities=frozenset({ModelCapability.PRIMARY_CONVERSATION}),
        weights=None,
    )
    library = "scripted"
    work = "conversation"

    def planner(self, settings: Settings) -> Planner:
        """Nothing is read."""

        def read(_: Path) -> Plannable:
            return _Weights()

        return read

    def launcher(self, settings: Settings, run_dir: Path) -> Any:
        """Starts nothing but objects."""
        return _Launcher()


def register_scripted(name: str = MODEL) -> None:
    """Let the scripted model be the primary of this process."""
    register_engine(Scripted())
    for each in _names(name):
        MODEL_REGISTRY[each] = ModelSpec(
            each,
            [ModelCapability.PRIMARY_CONVERSATION],
            max_context=32_768,
            supports_function_calling=True,
            supports_thinking=True,
            engine="scripted",
        )
    CAPABILITY_TO_MODEL[ModelCapability.PRIMARY_CONVERSATION] = name


def _names(name: str) -> Iterator[str]:
    yield name
    yield f"{name}-other"
