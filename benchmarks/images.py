"""What drawing costs through AI Runner, and what a turn with a picture costs under a tight budget.

Three measurements, all with the embedded models:

1. One picture, pair by pair and in turn: our worker, asked through a lease,
   against ``benchmarks.plain_diffusers`` in a process of its own. Same folder,
   seed, steps and threads; the pixels are compared.
2. A whole turn whose tool enhances a prompt and draws, under a budget that
   holds any one model but not the primary and the image model, against the sum
   of its parts: the same turn with everything loaded already, plus the bare
   loads that the swaps cannot do without (llama.cpp's own load time, and a plain
   diffusers process from its start to a ready pipeline). The memory of all
   workers together is sampled meanwhile.
3. Cancelling that turn in the middle of the drawing, until the process that
   drew is gone.

Run: ``python -m benchmarks.images [--pairs 12 --turns 3 --cancels 5]``
"""

from __future__ import annotations

import argparse
import importlib
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from airunner.agent.conversation import Conversation
from airunner.components.llm.config.model_capabilities import (
    EMBEDDED_ARTIST,
    EMBEDDED_PRIMARY,
    MODEL_REGISTRY,
)
from airunner.config.settings import Settings
from airunner.engines.image import Drawn, ImageRequest
from airunner.events import Event, ImageStepped, ModelLoaded, ModelReleased, ToolCallFinished
from airunner.models.spec import ModelCapability, Sampling
from airunner.runtime import Runtime
from benchmarks.machine import describe_machine
from benchmarks.results_file import write_results

PROMPT = "a small red circle on a blue background"
QUESTION = f"Draw a picture of {PROMPT}, please."
GREEDY = Sampling(temperature=0.0, repeat_penalty=1.0)
DRAWING = ModelCapability.IMAGE_GENERATION
SAMPLE_S = 0.02


def settings(home: Path, **more: object) -> Settings:
    """The same small team for every case; pictures go to a folder that is thrown away."""
    base = {"home": home, "pictures": home / "pictures", "primary": EMBEDDED_PRIMARY}
    return Settings.load({**base, "context": 2048, "max_tokens": 64, **more})


@dataclass
class Pairs:
    """Seconds per picture, pair by pair, and whether the pixels were the same."""

    ours_s: list[float] = field(default_factory=list)
    plain_s: list[float] = field(default_factory=list)
    identical: int = 0


def compare_with_plain(home: Path, pairs: int) -> tuple[Pairs, float]:
    """Measurement 1; the second value is how long a plain process takes until it is ready."""
    defaults = MODEL_REGISTRY[EMBEDDED_ARTIST].image
    assert defaults is not None
    found = Pairs()
    with Runtime(settings(home)) as runtime, tempfile.TemporaryDirectory() as folder:
        weights = runtime.store.fetch(MODEL_REGISTRY[EMBEDDED_ARTIST])
        draw(runtime, 0)  # loads the model
        threads = max(1, runtime.hardware.n_threads)
        command = [sys.executable, "-m", "benchmarks.plain_diffusers", str(weights), str(threads)]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as plain:
            orders, answers = plain.stdin, plain.stdout
            assert orders is not None
            assert answers is not None
            ready_s = json.loads(answers.readline())["ready_s"]

            def draw_plainly(seed: int) -> tuple[float, Path]:
                path = Path(folder) / f"{seed}.png"
                order = {
                    "prompt": PROMPT,
                    "seed": seed,
                    "steps": defaults.steps,
                    "guidance": defaults.guidance,
                    "width": defaults.width,
                    "height": defaults.height,
                    "path": str(path),
                }
                print(json.dumps(order), file=orders, flush=True)
                return json.loads(answers.readline())["seconds"], path

            draw_plainly(0)
            for seed in range(1, pairs + 1):
                if seed % 2:
                    ours, plainly = draw(runtime, seed), draw_plainly(seed)
                else:
                    plainly, ours = draw_plainly(seed), draw(runtime, seed)
                found.ours_s.append(ours[0])
                found.plain_s.append(plainly[0])
                found.identical += same_pixels(ours[1], plainly[1])
            orders.close()
    return found, ready_s


def draw(runtime: Runtime, seed: int) -> tuple[float, Path]:
    """One picture through a lease: seconds, and where it was saved."""

    async def lease_and_draw() -> tuple[float, Path]:
        async with runtime.team.lease(DRAWING, owner="benchmark", model=EMBEDDED_ARTIST) as lease:
            began_s = time.perf_counter()
            targets = runtime.pictures.reserve(PROMPT, 1)
            request = ImageRequest(PROMPT, seed=seed, targets=targets)
            async for item in lease.draw(request):
                if isinstance(item, Drawn):
                    return time.perf_counter() - began_s, item.pictures[0].path
        raise AssertionError("nothing was drawn")

    return runtime.call(lease_and_draw())


def same_pixels(one: Path, other: Path) -> bool:
    """Whether two files show the same picture, whatever else is in them."""
    image: Any = importlib.import_module("PIL.Image")
    with image.open(one) as first, image.open(other) as second:
        return bool(first.tobytes() == second.tobytes())


@dataclass
class Turn:
    """One turn with a picture. ``bare_loads_s`` is what its loads take by themselves."""

    seconds: float
    loads: dict[str, int]
    bare_loads_s: float
    peak_bytes: int
    missing_bytes: int


def run_turn(runtime: Runtime, image_load_s: float) -> Turn:
    """One turn in a conversation of its own, from the question to the last word."""
    happened: list[Event] = []
    unsubscribe = runtime.bus.subscribe(happened.append)
    with worker_memory() as peak:
        began_s = time.perf_counter()
        for _ in runtime.turn(Conversation.begin(""), QUESTION, sampling=GREEDY, seed=1):
            pass
        seconds = time.perf_counter() - began_s
    unsubscribe()
    calls = [e for e in happened if isinstance(e, ToolCallFinished)]
    if [(c.tool, c.problem) for c in calls] != [("generate_image", "")]:
        raise SystemExit(f"the turn did not draw: {calls}")
    loads: dict[str, int] = {}
    bare_s = 0.0
    for event in happened:
        if isinstance(event, ModelLoaded):
            loads[event.model] = loads.get(event.model, 0) + 1
            bare_s += image_load_s if event.model == EMBEDDED_ARTIST else event.load_s
    missing = sum(e.missing_bytes for e in happened if isinstance(e, ModelReleased))
    return Turn(seconds, loads, bare_s, peak[0], missing)


@contextmanager
def worker_memory() -> Iterator[list[int]]:
    """The most RAM that all of this process's children held together, in bytes, while inside."""
    peak = [0]
    done = threading.Event()
    me = psutil.Process()

    def watch() -> None:
        while not done.wait(SAMPLE_S):
            held = 0
            for child in me.children(recursive=True):
                try:
                    held += child.memory_info().rss
                except psutil.Error:
                    continue
            peak[0] = max(peak[0], held)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peak
    finally:
        done.set()
        watcher.join()


def cancel_turn(runtime: Runtime) -> tuple[float, float]:
    """Cancel in the middle of a drawing: seconds until the turn has ended, and the process too."""
    drawing: list[psutil.Process] = []
    stepped = threading.Event()

    def on_event(event: Event) -> None:
        if isinstance(event, ImageStepped) and event.step == 2:
            models = runtime.manager.status().models
            pid = next(m.pid for m in models if m.model == EMBEDDED_ARTIST)
            drawing.append(psutil.Process(pid))
            stepped.set()

    unsubscribe = runtime.bus.subscribe(on_event)
    events = runtime.turn(Conversation.begin(""), QUESTION, sampling=GREEDY, seed=1)
    for _ in events:
        if _.kind == "tool_call_started":
            break
    stepped.wait(120)
    began_s = time.perf_counter()
    events.close()
    ended_s = time.perf_counter() - began_s
    psutil.wait_procs(drawing, timeout=30)
    gone_s = time.perf_counter() - began_s
    unsubscribe()
    runtime.settle()
    return ended_s, gone_s


def main() -> None:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=12)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--cancels", type=int, default=5)
    parser.add_argument("--budget", default="700MB", help="holds any one of the models")
    options = parser.parse_args()
    machine = describe_machine()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        pairs, image_load_s = compare_with_plain(home, options.pairs)
        with Runtime(settings(home)) as runtime:
            run_turn(runtime, image_load_s)  # everything is loaded from here on
            warm_s = statistics.median(
                run_turn(runtime, image_load_s).seconds for _ in range(options.turns)
            )
        with Runtime(settings(home, max_memory=options.budget)) as runtime:
            run_turn(runtime, image_load_s)
            runtime.settle()
            turns: list[Turn] = []
            for _ in range(options.turns):
                turns.append(run_turn(runtime, image_load_s))
                runtime.settle()
            budget_bytes = sum(b.budget_bytes for b in runtime.hardware.device_budgets())
            cancels = [cancel_turn(runtime) for _ in range(options.cancels)]
    ratios = [ours / plain for ours, plain in zip(pairs.ours_s, pairs.plain_s, strict=True)]
    result = {
        "machine": machine,
        "picture": {
            "pairs": options.pairs,
            "ours_s": statistics.median(pairs.ours_s),
            "plain_s": statistics.median(pairs.plain_s),
            "ours_over_plain": statistics.median(ratios),
            "identical": pairs.identical,
        },
        "turn": {
            "turns": options.turns,
            "budget_bytes": budget_bytes,
            "seconds": statistics.median(t.seconds for t in turns),
            "warm_s": warm_s,
            "bare_loads_s": statistics.median(t.bare_loads_s for t in turns),
            "over_parts": statistics.median(t.seconds / (warm_s + t.bare_loads_s) for t in turns),
            "most_loads_of_a_model": max(n for t in turns for n in t.loads.values()),
            "loads": turns[-1].loads,
            "peak_bytes": max(t.peak_bytes for t in turns),
            "missing_bytes": sum(t.missing_bytes for t in turns),
        },
        "cancel": {
            "cancels": options.cancels,
            "turn_ended_s": statistics.median(ended for ended, _ in cancels),
            "memory_back_s": statistics.median(gone for _, gone in cancels),
            "slowest_s": max(gone for _, gone in cancels),
        },
    }
    print(json.dumps(result, indent=2))
    write_results("images", result)


if __name__ == "__main__":
    main()
