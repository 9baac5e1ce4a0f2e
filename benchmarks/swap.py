"""What a swap costs: the primary leaves for a specialist's turn and comes back.

For conversations of several lengths, in the same run and on the same weights:

* **never left**: the next answer's time to first token (TTFT) when the primary stayed;
* **parked**: from the specialist's last token to the primary's first, with its KV
  state parked and restored;
* **forgotten**: the same without parking, as a router that only swaps models does;
* **hidden**: the TTFT when the tool works on for a while after its specialist is
  done, so that the primary's return overlaps that work.

Each trial also compares the greedy answer with the one given without leaving. The
prompts are measured without tools, and with those that every prompt of a model with
native tool calling shows; ``--tools with`` measures the latter alone. Rows that are not
measured stay as they were stored.

Run: ``python -m benchmarks.swap [--trials 20] [--lengths 500 2000 full]``

The models are the embedded ones, or with ``--full-size`` random weights in the
shape of an 8B primary and a 3B specialist, for a GPU:
``python -m benchmarks.swap --full-size --device cuda:0 --llama-server llama-server``
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from airunner.agent.tool_calling.tool_block import ToolBlock
from airunner.components.llm.config.model_capabilities import (
    CAPABILITY_TO_MODEL,
    EMBEDDED_PRIMARY,
    EMBEDDED_SPECIALIST,
    MODEL_REGISTRY,
    ModelCapability,
)
from airunner.config.settings import Settings
from airunner.engines.base import ChatRequest, LoadPlan
from airunner.engines.llama_cpp.launcher import LocalLauncher
from airunner.events import CacheProven, Event, ModelLoaded, ModelParked, ModelRestored
from airunner.messages import Message, ToolSchema
from airunner.models.spec import ModelSpec
from airunner.resources.lease import Lease
from airunner.runtime import Runtime
from benchmarks.diary import story
from benchmarks.machine import describe_machine
from benchmarks.memory import GPU_SHAPES, embedded_model
from benchmarks.native_template import TOOL_TEMPLATE
from benchmarks.random_gguf import write_random_gguf
from benchmarks.results_file import read_results, write_results

E = TypeVar("E", bound=Event)

PRIMARY = ModelCapability.PRIMARY_CONVERSATION
SPECIALIST = ModelCapability.PROMPT_ENHANCEMENT
ANSWER_TOKENS = 24
TOOL_WORK_S = 1.5
CONTEXT = 8192
MARGIN = 1.05
TOOL_TOKENS = 1700  # of the built-in tools' block, with the tokenizer of SmolLM2
FULL_SIZE = {PRIMARY: "qwen3-8b", SPECIALIST: "qwen2-3b"}


@dataclass
class Trial:
    """One conversation. Durations are seconds."""

    prompt_tokens: int
    never_left_s: float
    parked_s: float
    hidden_ttft_s: float
    cached_share: float
    identical: bool
    reload_s: float
    park_s: float
    restore_s: float


@dataclass
class Setup:
    """The two models by their names in the registry, and where they run."""

    home: Path
    primary: str = EMBEDDED_PRIMARY
    specialist: str = EMBEDDED_SPECIALIST
    device: str = ""
    llama_server: Path | None = None
    tools: bool = False

    def settings(self, **more: object) -> Settings:
        """What a runtime is opened with; ``more`` on top."""
        chosen = {"home": self.home, "context": CONTEXT, "llama_server": self.llama_server}
        if self.device:
            chosen["devices"] = self.device
        return Settings.load({**chosen, **more})


@dataclass
class Bench:
    """A runtime, the tools that its prompts show, and the events that it published."""

    runtime: Runtime
    tools: tuple[ToolSchema, ...]
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.runtime.bus.subscribe(self.events.append)

    def last(self, kind: type[E]) -> E:
        """The newest event of a kind."""
        return next(e for e in reversed(self.events) if isinstance(e, kind))


def opening(length_tokens: int, seed: int) -> list[Message]:
    """The first exchange of a conversation; the answer is fixed, so that prompts compare."""
    text = story(length_tokens, seed)
    return [
        Message("system", "You answer questions about a diary."),
        Message("user", f"Read this diary.\n{text}"),
        Message("assistant", "I have read it. What would you like to know?"),
    ]


FOLLOW_UP = Message("user", "Who appears in the diary, and what did they do?")


async def answer(
    lease: Lease,
    messages: list[Message],
    tools: tuple[ToolSchema, ...],
    conversation: str,
    began_s: float,
    tokens: int,
) -> tuple[str, float, int, int]:
    """What was said, the time from ``began_s`` to its first token, cached and prompt tokens.

    A call is said, too: its name when it is known, and at the end its arguments.
    """
    text, ttft_s, cached, prompt = "", 0.0, 0, 0
    request = ChatRequest(
        messages,
        tools=tools,
        max_tokens=tokens,
        temperature=0.0,
        repeat_penalty=1.0,
        seed=1,
        conversation=conversation,
    )
    async for delta in lease.chat(request):
        said = delta.text + delta.tool_name
        said += "".join(f"{call.name}{dict(call.arguments)}" for call in delta.tool_calls)
        if said and not text:
            ttft_s = time.perf_counter() - began_s
        text += said
        if delta.usage is not None:
            cached, prompt = delta.usage.cached_tokens, delta.usage.prompt_tokens
    return text, ttft_s, cached, prompt


async def ask(
    bench: Bench,
    messages: list[Message],
    conversation: str,
    tokens: int = ANSWER_TOKENS,
    began_s: float | None = None,
) -> tuple[str, float, int, int]:
    start_s = time.perf_counter() if began_s is None else began_s
    async with bench.runtime.team.lease(PRIMARY, owner="benchmark") as lease:
        return await answer(lease, messages, bench.tools, conversation, start_s, tokens)


async def consult(runtime: Runtime) -> float:
    """One specialist turn; returns the moment of its last token."""
    async with runtime.team.lease(SPECIALIST, owner="benchmark") as lease:
        request = ChatRequest([Message("user", "Name a colour.")], max_tokens=8, temperature=0.0)
        async for _ in lease.chat(request):
            pass
        return time.perf_counter()


async def one_trial(bench: Bench, length: int, seed: int) -> Trial:
    begun = opening(length, seed)
    asked = [*begun, FOLLOW_UP]
    name = f"stay-{seed}"
    await ask(bench, begun[:2], name, tokens=1)
    # Once more, as below: the last token is then computed alone in every case, and
    # greedy answers can be compared to the letter.
    await ask(bench, begun[:2], name, tokens=1)
    stayed, never_left_s, _, prompt = await ask(bench, asked, name)

    async def left_and_back(conversation: str, pause_s: float) -> tuple[str, float, int]:
        # The slot still holds the same text, so this only rewinds it to the first exchange.
        await ask(bench, begun[:2], conversation, tokens=1)
        done_s = await consult(bench.runtime)
        if pause_s:
            await asyncio.sleep(pause_s)
            done_s = time.perf_counter()
        text, ttft_s, cached, _ = await ask(bench, asked, conversation, began_s=done_s)
        return text, ttft_s, cached

    text, parked_s, cached = await left_and_back(f"left-{seed}", 0.0)
    proven = bench.last(CacheProven)
    loaded, parked = bench.last(ModelLoaded), bench.last(ModelParked)
    restored = bench.last(ModelRestored)
    overlapped, hidden_s, _ = await left_and_back(f"work-{seed}", TOOL_WORK_S)
    return Trial(
        prompt_tokens=prompt,
        never_left_s=never_left_s,
        parked_s=parked_s,
        hidden_ttft_s=hidden_s,
        cached_share=cached / proven.restored_tokens,
        identical=text == stayed and overlapped == stayed,
        reload_s=loaded.load_s,
        park_s=parked.park_s,
        restore_s=restored.restore_s,
    )


async def forgotten(bench: Bench, length: int, seed: int) -> float:
    """TTFT after a return when nothing was parked."""
    begun = opening(length, seed)
    await ask(bench, begun[:2], f"forgotten-{seed}", tokens=1)
    done_s = await consult(bench.runtime)
    _, ttft_s, cached, _ = await ask(
        bench, [*begun, FOLLOW_UP], f"forgotten-{seed}", began_s=done_s
    )
    # The tools' part is read before the rest, in the same request, and then counts as cached.
    most_cached = TOOL_TOKENS if bench.tools else 0
    assert cached <= most_cached, "something was parked after all"
    return ttft_s


async def bare_load_s(runtime: Runtime, setup: Setup, run_dir: Path) -> tuple[float, float]:
    """Seconds to start a worker and load the primary with nothing prepared, and the load alone."""
    sized = await runtime.team.size(MODEL_REGISTRY[setup.primary])
    launcher = LocalLauncher(run_dir, setup.llama_server, spare=False)
    plan = next(iter(sized.plans.values()))
    assert isinstance(plan, LoadPlan)
    began_s = time.perf_counter()
    worker = await launcher.launch(plan)
    whole_s = time.perf_counter() - began_s
    load_s = worker.load_s
    await worker.stop()
    await launcher.close()
    return whole_s, load_s


def shown_tools(runtime: Runtime) -> tuple[ToolSchema, ...]:
    """The block of tools in every prompt of a model with native tool calling."""
    return ToolBlock(runtime.toolset, runtime.core_tools).schemas


def open_runtime(setup: Setup, *, parking: bool) -> Runtime:
    """A budget that holds either model but not both."""
    quota = {} if parking else {"parking_memory": 0, "parking_disk": 0}
    with Runtime(setup.settings()) as probe:
        sizes = [
            max(probe.call(probe.team.size(MODEL_REGISTRY[m])).demand.size_bytes.values())
            for m in (setup.primary, setup.specialist)
        ]
    return Runtime(setup.settings(max_memory=int(max(sizes) * MARGIN)).replace(**quota))


def measure(setup: Setup, length: int, trials: int, forgotten_trials: int) -> dict[str, object]:
    """All figures for one conversation length."""
    with open_runtime(setup, parking=True) as runtime:
        bench = Bench(runtime, shown_tools(runtime) if setup.tools else ())
        runtime.call(consult(runtime))  # warms the page cache of both files
        done = [runtime.call(one_trial(bench, length, seed)) for seed in range(trials)]
        with tempfile.TemporaryDirectory() as scratch:
            loads = [runtime.call(bare_load_s(runtime, setup, Path(scratch))) for _ in range(3)]
    with open_runtime(setup, parking=False) as runtime:
        bench = Bench(runtime, bench.tools)
        runtime.call(consult(runtime))
        lost = [
            runtime.call(forgotten(bench, length, 1000 + seed)) for seed in range(forgotten_trials)
        ]

    def median(values: list[float]) -> float:
        return statistics.median(values)

    never_left = median([t.never_left_s for t in done])
    parked = median([t.parked_s for t in done])
    hidden_ttft = median([t.hidden_ttft_s for t in done])
    start, load = (median([pair[i] for pair in loads]) for i in (0, 1))
    return {
        "tools": len(bench.tools),
        "prompt_tokens": round(median([t.prompt_tokens for t in done])),
        "trials": trials,
        "never_left_ttft_s": never_left,
        "bare_start_and_load_s": start,
        "bare_load_s": load,
        "parked_ttft_s": parked,
        "forgotten_ttft_s": median(lost),
        "ttft_when_tool_works_on_s": hidden_ttft,
        "tool_work_s": TOOL_WORK_S,
        "hidden_s": parked - hidden_ttft,
        "parked_over_never_left_plus_load": parked / (never_left + load),
        "parked_over_never_left_plus_start_and_load": parked / (never_left + start),
        "forgotten_over_parked": median(lost) / parked,
        "least_cached_share": min(t.cached_share for t in done),
        "identical_answers": sum(t.identical for t in done),
        "park_s": median([t.park_s for t in done]),
        "reload_s": median([t.reload_s for t in done]),
        "restore_s": median([t.restore_s for t in done]),
    }


def write_full_size(folder: Path) -> list[str]:
    """Write random models of full size, make them the team's, and return their names."""
    names = []
    for capability, shape in FULL_SIZE.items():
        path = write_random_gguf(folder / f"{shape}.gguf", GPU_SHAPES[shape], embedded_model())
        MODEL_REGISTRY[str(path)] = ModelSpec(str(path), [capability], max_context=CONTEXT)
        CAPABILITY_TO_MODEL[capability] = str(path)
        names.append(str(path))
    return names


def measured(tools: str, lengths: list[str]) -> list[tuple[bool, str]]:
    """The rows to measure: whether with tools, and the length."""
    ways = {"with": [True], "without": [False], "both": [False, True]}[tools]
    return [(way, length) for way in ways for length in lengths]


def merged(name: str, row: dict[str, Any]) -> list[dict[str, Any]]:
    """The stored rows, with ``row`` in the place of the one that it measures anew."""

    def place(each: dict[str, Any]) -> tuple[str, bool]:
        return each["length"], bool(each.get("tools"))

    rows = {place(each): each for each in (read_results(name) or {"rows": []})["rows"]}
    return list({**rows, place(row): row}.values())


def main() -> None:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=20, help="at 2,000 tokens; fewer elsewhere")
    parser.add_argument("--lengths", nargs="+", default=["500", "2000", "full"])
    parser.add_argument("--tools", choices=("with", "without", "both"), default="both")
    parser.add_argument("--home", type=Path, default=None)
    parser.add_argument("--full-size", action="store_true", help="random weights, 8B and 3B")
    parser.add_argument("--device", default="", help="where both run (default: the best)")
    parser.add_argument("--llama-server", type=Path, help="use this binary (default: the bundled)")
    options = parser.parse_args()
    machine = describe_machine(options.llama_server, gpu=options.device.startswith("cuda"))
    with tempfile.TemporaryDirectory() as folder:
        setup = Setup(
            options.home or Settings.load().home,
            device=options.device,
            llama_server=options.llama_server,
        )
        if options.full_size:
            setup.primary, setup.specialist = write_full_size(Path(folder))
        name = "full_size_swap" if options.full_size else "swap"
        for tools, wanted in measured(options.tools, options.lengths):
            setup.tools = tools
            MODEL_REGISTRY[setup.primary].chat_template = TOOL_TEMPLATE if tools else None
            length = CONTEXT - 500 if wanted == "full" else int(wanted)
            if tools and wanted == "full":
                length -= TOOL_TOKENS
            trials = {"2000": options.trials, "full": min(2, options.trials)}.get(
                wanted, min(3, options.trials)
            )
            day = datetime.now(UTC).date().isoformat()
            figures = measure(setup, length, trials, min(2, trials))
            row = {"length": wanted, "measured_on": day, **figures}
            print(
                "\n".join(
                    f"{k:>45}: {v:.3f}" if isinstance(v, float) else f"{k:>45}: {v}"
                    for k, v in row.items()
                ),
                flush=True,
            )
            write_results(name, {"machine": machine, "rows": merged(name, row)})


if __name__ == "__main__":
    main()
