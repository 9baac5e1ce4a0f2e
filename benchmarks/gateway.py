"""What our stack costs between a llama-server and its caller.

The same question is asked in turn, pair by pair: of a llama-server over HTTP with a minimal
streaming client; of ours, which loads the same in the same way, through a lease (scheduler,
slots, client); and through the whole turn loop, as ``airunner chat`` does it. Reports
decoded tokens per second and time to first token (TTFT).

Run: ``python -m benchmarks.gateway [--pairs 24]``
"""

from __future__ import annotations

import argparse
import http.client
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from airunner.agent.conversation import Conversation
from airunner.config.settings import Settings
from airunner.engines.base import ChatRequest
from airunner.events import GenerationFinished, TextStreamed
from airunner.messages import Message
from airunner.models.spec import ModelCapability, Sampling
from airunner.runtime import Runtime
from benchmarks.machine import describe_machine
from benchmarks.proxies import bare_engine
from benchmarks.results_file import write_results

QUESTION = "Tell me about the sea, the wind and the ships."
ANSWER_TOKENS = 96
CONTEXT = 2048
GREEDY = Sampling(temperature=0.0, repeat_penalty=1.0)
PRIMARY = ModelCapability.PRIMARY_CONVERSATION


@dataclass
class Sample:
    """One answer: seconds to the first token, and tokens per second after it."""

    ttft_s: float
    tokens_per_s: float


def ask_directly(url: str, headers: Mapping[str, str]) -> Sample:
    """The least a client can do: one request, lines read as they come."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
    body = {
        "messages": [{"role": "user", "content": QUESTION}],
        "max_tokens": ANSWER_TOKENS,
        "temperature": 0,
        "seed": 1,
        "stream": True,
        "cache_prompt": True,
        "id_slot": 0,
    }
    connection.connect()
    began_s = time.perf_counter()
    connection.request("POST", "/v1/chat/completions", json.dumps(body), dict(headers))
    response = connection.getresponse()
    times: list[float] = []
    for line in response:
        if line.startswith(b"data: {"):
            choices = json.loads(line[6:])["choices"]
            if choices and choices[0]["delta"].get("content"):
                times.append(time.perf_counter())
    connection.close()
    return sample(began_s, times)


async def ask_lease(runtime: Runtime) -> Sample:
    """Through the scheduler, the slots and our client."""
    request = ChatRequest(
        [Message("user", QUESTION)],
        max_tokens=ANSWER_TOKENS,
        temperature=0.0,
        repeat_penalty=1.0,
        seed=1,
        conversation="gateway",
    )
    began_s = time.perf_counter()
    async with runtime.team.lease(PRIMARY, owner="benchmark") as lease:
        times = [time.perf_counter() async for delta in lease.chat(request) if delta.text]
    return sample(began_s, times)


def ask_turn(runtime: Runtime) -> Sample:
    """Through the whole turn loop, events and the thread in between, as the command line does."""
    times: list[float] = []
    tokens = 0
    began_s = time.perf_counter()
    for event in runtime.turn(Conversation(id="gateway"), QUESTION, sampling=GREEDY, seed=1):
        if isinstance(event, TextStreamed):
            times.append(time.perf_counter())
        elif isinstance(event, GenerationFinished):
            tokens = event.completion_tokens
    return Sample(times[0] - began_s, (tokens - 1) / (times[-1] - times[0]))


def sample(began_s: float, times: list[float]) -> Sample:
    """From the moments at which tokens arrived."""
    return Sample(times[0] - began_s, (len(times) - 1) / (times[-1] - times[0]))


def main() -> None:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=24)
    parser.add_argument("--home", type=Path, default=None)
    options = parser.parse_args()
    machine = describe_machine()
    settings = {"context": CONTEXT, "max_tokens": ANSWER_TOKENS}
    with (
        tempfile.TemporaryDirectory() as folder,
        Runtime(Settings.load({"home": options.home, **settings})) as runtime,
        bare_engine(runtime.settings.home, Path(folder), **settings) as engine,
    ):
        ways: dict[str, Callable[[], Sample]] = {
            "direct": lambda: ask_directly(engine.url, engine.headers),
            "lease": lambda: runtime.call(ask_lease(runtime)),
            "turn": lambda: ask_turn(runtime),
        }
        for way in ways.values():
            way()  # the prompt is cached from here on, the same for all
        samples: dict[str, list[Sample]] = {name: [] for name in ways}
        names = list(ways)
        for round_ in range(options.pairs):
            # Each way follows each other one equally often.
            for name in names[round_ % 3 :] + names[: round_ % 3]:
                samples[name].append(ways[name]())
    result: dict[str, object] = {"machine": machine, "pairs": options.pairs}
    for name, taken in samples.items():
        result[name] = {
            "ttft_s": statistics.median(s.ttft_s for s in taken),
            "tokens_per_s": statistics.median(s.tokens_per_s for s in taken),
        }
    for name in ("lease", "turn"):
        pairs = list(zip(samples[name], samples["direct"], strict=True))
        result[f"{name}_over_direct"] = {
            "tokens_per_s_ratio": statistics.median(
                a.tokens_per_s / b.tokens_per_s for a, b in pairs
            ),
            "added_ttft_s": statistics.median(a.ttft_s - b.ttft_s for a, b in pairs),
        }
    print(json.dumps(result, indent=2))
    write_results("gateway", result)


if __name__ == "__main__":
    main()
