"""What reading ahead saves: a model's file is brought into the page cache while another decodes.

The file is a model of 1.5 billion random weights, 1.5 GB, loaded beside the primary so
that nothing else is measured with it. In turn, on the same file:

* **cold**: the file is dropped from the page cache, the primary decodes for a while, then
  the model is asked for;
* **read**: the same, but once it is asked for, the file is read from end to end before the
  load begins. Nothing is foreseen and nothing overlaps;
* **ahead**: the same as cold, but the model is expected when the decoding begins, as it is
  when the name of a tool call is known and its arguments are not;
* **warm**: the file is in the page cache all along, the least that a load can take.

``read_over_ahead`` is what hiding the reading behind the decoding is worth.
``cold_over_ahead`` has more in it: an engine that maps its weights reads a cold file page by
page, which is slower than the disk, and that part is saved by reading in order at any time.

How fast the primary decodes is measured in each, because reading ahead must not cost it
anything. A ratio means something only where the ranges of its two ways are apart; that
"ahead" beats "warm" can be nothing but noise. A disk's own cache, or a host's, is not
dropped and makes "cold" look better.

Run: ``python -m benchmarks.prefetch [--trials 5] [--decode-s 2]``. Linux only.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from airunner.components.llm.config.model_capabilities import EMBEDDED_PRIMARY, MODEL_REGISTRY
from airunner.config.settings import Settings
from airunner.engines.base import ChatRequest
from airunner.events import ModelLoaded, ReadAheadEnded
from airunner.messages import Message
from airunner.models.spec import ModelCapability, ModelSpec
from airunner.resources.readahead import PIECE_BYTES, read_into_cache
from airunner.resources.sizing import Sized
from airunner.runtime import Runtime
from benchmarks.machine import describe_machine
from benchmarks.random_gguf import RandomShape, write_random_gguf
from benchmarks.results_file import write_results

PRIMARY = ModelCapability.PRIMARY_CONVERSATION
OWNER = "benchmark"
CONTEXT = 2048
SHAPE = RandomShape(
    "qwen2",
    n_layers=28,
    n_embd=1536,
    n_ff=8960,
    n_heads=12,
    n_kv_heads=2,
    head_dim=128,
    quantization="Q8_0",
)
WAYS = ("cold", "read", "ahead", "warm")
_PROBES = 16


@dataclass(frozen=True)
class Trial:
    """One load. ``wait_s`` is from the request to the lease, ``load_s`` the engine's own part.

    ``read_s`` is how long the file was read before the load, ahead of it or as a part of the wait.
    """

    wait_s: float
    load_s: float
    tokens_per_s: float
    read_bytes: int
    read_s: float


def drop_from_cache(file: Path) -> None:
    """Let the system forget the file's contents.

    Raises:
        RuntimeError: it keeps them, so nothing can be measured here.
    """
    descriptor = os.open(file, os.O_RDONLY)
    try:
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        size = os.fstat(descriptor).st_size
        for probe in range(_PROBES):
            try:
                os.preadv(descriptor, [bytearray(1)], probe * size // _PROBES, os.RWF_NOWAIT)
            except BlockingIOError:
                continue  # not in the cache
            raise RuntimeError(f"{file} stays in the page cache, so a cold load cannot be measured")
    finally:
        os.close(descriptor)


def read_through(file: Path) -> float:
    """Read the file into the page cache as reading ahead does; seconds."""
    began_s, size = time.perf_counter(), file.stat().st_size
    for offset in range(0, size, PIECE_BYTES):
        read_into_cache(file, offset, min(PIECE_BYTES, size - offset))
    return time.perf_counter() - began_s


async def decode(runtime: Runtime, seconds: float) -> float:
    """Let the primary write for so long; tokens per second."""
    request = ChatRequest(
        [Message("user", "Write a long story about the sea.")], max_tokens=1024, temperature=0.8
    )
    tokens, began_s = 0, time.perf_counter()
    async with runtime.team.lease(PRIMARY, owner=OWNER) as lease:
        while (passed_s := time.perf_counter() - began_s) < seconds:
            async with aclosing(lease.chat(request)) as deltas:
                async for delta in deltas:
                    tokens += bool(delta.text)
                    if time.perf_counter() - began_s >= seconds:
                        break
    return tokens / passed_s


async def one_trial(runtime: Runtime, sized: Sized, way: str, decode_s: float) -> Trial:
    """Decode, then load the model, and let it go again."""
    loads: list[float] = []
    read: list[ReadAheadEnded] = []

    def on_event(event: object) -> None:
        if isinstance(event, ModelLoaded) and event.model == sized.key:
            loads.append(event.load_s)
        elif isinstance(event, ReadAheadEnded):
            read.append(event)

    async with runtime.team.lease(PRIMARY, owner=OWNER):
        pass  # loaded before anything is measured
    if way != "warm":
        drop_from_cache(sized.files[0])
    unsubscribe = runtime.bus.subscribe(on_event)
    with runtime.manager.expecting(OWNER) as expect:
        if way == "ahead":
            expect(sized)
        tokens_per_s = await decode(runtime, decode_s)
        asked_s = time.perf_counter()
        read_s = await asyncio.to_thread(read_through, sized.files[0]) if way == "read" else 0.0
        async with runtime.manager.lease(sized, owner=OWNER):
            wait_s = time.perf_counter() - asked_s
    runtime.manager.unload(sized.key)
    await runtime.manager.settled()
    unsubscribe()
    read_bytes = sum(event.read_bytes for event in read)
    return Trial(
        wait_s, loads[-1], tokens_per_s, read_bytes, read_s + sum(event.read_s for event in read)
    )


def measure(runtime: Runtime, file: Path, trials: int, decode_s: float) -> dict[str, object]:
    """All figures; the ways take turns, each being first in turn, so that noise hits them alike."""
    spec = ModelSpec(str(file), [ModelCapability.SUMMARIZATION], max_context=CONTEXT)
    sized = runtime.call(runtime.team.size(spec))
    runtime.call(one_trial(runtime, sized, "warm", 0.1))  # the first load of all is slower
    done: dict[str, list[Trial]] = {way: [] for way in WAYS}
    for round_ in range(trials):
        first = round_ % len(WAYS)
        for way in (*WAYS[first:], *WAYS[:first]):
            done[way].append(runtime.call(one_trial(runtime, sized, way, decode_s)))

    def median(way: str, name: str) -> float:
        return float(statistics.median(getattr(trial, name) for trial in done[way]))

    waits = {way: sorted(trial.wait_s for trial in done[way]) for way in WAYS}
    names = ("wait_s", "load_s", "read_s", "tokens_per_s")
    return {
        "file_bytes": file.stat().st_size,
        "trials": trials,
        "decode_s": decode_s,
        **{f"{way}_{name}": median(way, name) for way in WAYS for name in names},
        **{f"{way}_wait_range_s": [waits[way][0], waits[way][-1]] for way in WAYS},
        "ahead_read_bytes": round(median("ahead", "read_bytes")),
        "read_over_ahead": median("read", "wait_s") / median("ahead", "wait_s"),
        "cold_over_ahead": median("cold", "wait_s") / median("ahead", "wait_s"),
        "ahead_over_warm": median("ahead", "wait_s") / median("warm", "wait_s"),
        "decoding_speed_kept": median("ahead", "tokens_per_s") / median("cold", "tokens_per_s"),
    }


def main() -> None:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=5)
    parser.add_argument("--decode-s", type=float, default=2.0, help="seconds of decoding")
    parser.add_argument("--home", type=Path, default=None)
    parser.add_argument("--folder", type=Path, default=None, help="where the file is written")
    options = parser.parse_args()
    if sys.platform != "linux":
        sys.exit("Dropping a file from the page cache is measured on Linux only.")
    home = options.home or Settings.load().home
    settings = Settings.load({"home": home, "context": CONTEXT, "max_memory": "4GB"})
    machine = describe_machine()
    with (
        Runtime(settings, command="benchmark") as runtime,
        tempfile.TemporaryDirectory(dir=options.folder) as folder,
    ):
        donor = runtime.store.fetch(MODEL_REGISTRY[EMBEDDED_PRIMARY])
        file = write_random_gguf(Path(folder) / "model.gguf", SHAPE, donor)
        figures = measure(runtime, file, options.trials, options.decode_s)
    for name, value in figures.items():
        print(f"{name:>22}: {value:.3f}" if isinstance(value, float) else f"{name:>22}: {value}")
    write_results("prefetch", {"machine": machine, **figures})


if __name__ == "__main__":
    main()
