"""What the server costs, and what it keeps warm for clients that know nothing of it.

* **added**: a chat completion through ``airunner serve`` beside the same of a llama-server
  of the same build, model and settings that is asked directly, pair by pair, for one
  stream and for eight at once: decoded tokens per second, and time to first token (TTFT);
* **strangers**: six conversations, each sent whole with every request, round robin over
  two models of which the memory holds one. What could be re-used of the KV state, by the
  count in each answer; TTFT beside a server that parks nothing; and the same after a
  restart of the server.

Run: ``python -m benchmarks.server [--pairs 20] [--parts added strangers]``
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from airunner import Settings
from airunner.components.llm.config.model_capabilities import (
    EMBEDDED_PRIMARY,
    EMBEDDED_SPECIALIST,
    MODEL_REGISTRY,
)
from airunner.runtime import Runtime
from benchmarks.diary import story
from benchmarks.gateway import endpoint
from benchmarks.machine import describe_machine
from benchmarks.results_file import read_results, write_results

QUESTION = "Tell me about the sea, the wind and the ships."
ANSWER_TOKENS = 96
CONTEXT = 4096
STREAMS = 8
CONVERSATION_TOKENS = 2000
ROUNDS = 3
MODELS = (EMBEDDED_PRIMARY, EMBEDDED_SPECIALIST)


@dataclass(frozen=True)
class Answer:
    """One streamed answer. Times are seconds."""

    ttft_s: float
    total_s: float
    tokens: int
    prompt_tokens: int
    cached_tokens: int
    text: str


@dataclass(frozen=True)
class Place:
    """Where to ask, and the headers that are wanted there."""

    url: str
    headers: Mapping[str, str]

    def ask(self, messages: Sequence[Mapping[str, str]], model: str, tokens: int) -> Answer:
        """One request, its lines read as they come."""
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
        body = {
            "model": model,
            "messages": list(messages),
            "max_tokens": tokens,
            "temperature": 0,
            "seed": 1,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        headers = {"Content-Type": "application/json", **self.headers}
        connection.connect()
        began_s = time.perf_counter()
        connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
        response = connection.getresponse()
        assert response.status == http.client.OK, response.read()
        first_s, text = 0.0, ""
        usage: dict[str, Any] = {}
        for line in response:
            if not line.startswith(b"data: {"):
                continue
            chunk = json.loads(line[6:])
            usage = chunk.get("usage") or usage
            piece = "".join(c["delta"].get("content") or "" for c in chunk.get("choices", ()))
            if piece and not first_s:
                first_s = time.perf_counter()
            text += piece
        ended_s = time.perf_counter()
        connection.close()
        details = usage.get("prompt_tokens_details") or {}
        return Answer(
            ttft_s=(first_s or ended_s) - began_s,
            total_s=ended_s - began_s,
            tokens=usage["completion_tokens"],
            prompt_tokens=usage["prompt_tokens"],
            cached_tokens=details.get("cached_tokens", 0),
            text=text,
        )


@contextmanager
def serving(home: Path, *flags: str) -> Iterator[Place]:
    """``airunner serve`` over the weights of ``home``, in a process of its own."""
    command = [sys.executable, "-m", "airunner", "serve", "--port", "0", "--home", str(home)]
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [*command, "--offline", "--context", str(CONTEXT), *flags],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        yield Place(line.split()[-1], {})
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def home_with_weights(folder: Path, home: Path) -> Path:
    """An empty home folder that has the embedded weights of another one."""
    new = folder / "home"
    new.mkdir()
    shutil.copytree(home / "models", new / "models", copy_function=os.link)
    return new


def added(home: Path, pairs: int) -> dict[str, Any]:
    """The server beside the engine asked directly."""
    question = [{"role": "user", "content": QUESTION}]
    found: dict[str, Any] = {"pairs": pairs}
    with tempfile.TemporaryDirectory(dir=home) as folder:
        own = home_with_weights(Path(folder), home)
        settings = Settings.load({"home": home, "context": CONTEXT, "offline": True})
        with Runtime(settings) as runtime, serving(own) as server:
            direct = Place(*runtime.call(endpoint(runtime)))
            places = {"direct": direct, "server": server}
            for place in places.values():
                place.ask(question, EMBEDDED_PRIMARY, ANSWER_TOKENS)
            for streams in (1, STREAMS):
                taken: dict[str, list[list[Answer]]] = {name: [] for name in places}
                for round_ in range(pairs if streams == 1 else max(3, pairs // 4)):
                    order = list(places) if round_ % 2 else list(places)[::-1]
                    for name in order:
                        taken[name].append(_at_once(places[name], question, streams))
                found[f"streams_{streams}"] = _compared(taken)
    return found


def _at_once(place: Place, question: Sequence[Mapping[str, str]], streams: int) -> list[Answer]:
    with ThreadPoolExecutor(streams) as pool:
        asked = [
            pool.submit(place.ask, question, EMBEDDED_PRIMARY, ANSWER_TOKENS)
            for _ in range(streams)
        ]
        return [each.result() for each in asked]


def _compared(taken: Mapping[str, Sequence[Sequence[Answer]]]) -> dict[str, Any]:
    rates = {
        name: [sum(a.tokens for a in each) / max(a.total_s for a in each) for each in rounds]
        for name, rounds in taken.items()
    }
    ratios = [a / b for a, b in zip(rates["server"], rates["direct"], strict=True)]
    firsts = {
        name: [a.ttft_s for each in rounds for a in sorted(each, key=lambda one: one.ttft_s)]
        for name, rounds in taken.items()
    }
    late = sorted(a - b for a, b in zip(firsts["server"], firsts["direct"], strict=True))
    return {
        "tokens_per_s": {name: statistics.median(each) for name, each in rates.items()},
        "tokens_per_s_ratio": statistics.median(ratios),
        "added_ttft_s": statistics.median(late),
        "added_ttft_p99_s": late[min(len(late) - 1, int(len(late) * 0.99))],
    }


def strangers(home: Path) -> dict[str, Any]:
    """Six stateless conversations over two models, with and without parking, and a restart."""
    with tempfile.TemporaryDirectory(dir=home) as folder:
        own = home_with_weights(Path(folder), home)
        budget = one_model_bytes(home)
        with serving(own, "--max-memory", str(budget)) as server:
            talks = [_opening(number) for number in range(6)]
            kept = [_round(server, talks) for _ in range(1 + ROUNDS)][1:]
        with serving(own, "--max-memory", str(budget)) as server:
            restarted = _round(server, talks)
        flags = ("--max-memory", str(budget), "--parking-memory", "0", "--parking-disk", "0")
        with serving(own, *flags) as server:
            forgotten = _round(server, talks)
    shares = [share for round_ in kept for share, _ in round_]
    times = [ttft_s for round_ in kept for _, ttft_s in round_]
    found = {
        "turns": len(shares),
        "budget_bytes": budget,
        "least_share_reused": min(shares),
        "least_share_reused_after_a_restart": min(share for share, _ in restarted),
        "ttft_s": statistics.median(times),
        "ttft_after_a_restart_s": statistics.median(ttft_s for _, ttft_s in restarted),
        "ttft_not_parked_s": statistics.median(ttft_s for _, ttft_s in forgotten),
    }
    return found | {"not_parked_over_parked": found["ttft_not_parked_s"] / found["ttft_s"]}


def one_model_bytes(home: Path) -> int:
    """Bytes that hold one of the two models."""
    settings = Settings.load({"home": home, "context": CONTEXT, "offline": True})
    with Runtime(settings) as runtime:
        sizes = [
            max(runtime.call(runtime.team.size(MODEL_REGISTRY[m])).demand.size_bytes.values())
            for m in MODELS
        ]
    return int(max(sizes) * 1.05)


@dataclass
class _Talk:
    model: str
    messages: list[dict[str, str]]
    held_tokens: int = 0


def _opening(number: int) -> _Talk:
    text = f"Conversation {number}. {story(CONVERSATION_TOKENS, number)}"
    return _Talk(MODELS[number % 2], [{"role": "system", "content": text}])


def _round(server: Place, talks: Sequence[_Talk]) -> list[tuple[float, float]]:
    """One turn of each conversation: the share re-used of what could be, and the TTFT."""
    found = []
    for talk in talks:
        talk.messages.append({"role": "user", "content": "And what happened then?"})
        answer = server.ask(talk.messages, talk.model, 24)
        talk.messages.append({"role": "assistant", "content": answer.text})
        possible = min(talk.held_tokens, answer.prompt_tokens)
        found.append((answer.cached_tokens / possible if possible else 1.0, answer.ttft_s))
        talk.held_tokens = answer.prompt_tokens + answer.tokens
    return found


def main() -> None:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--home", type=Path, default=Settings.load().home, help="has the weights")
    parser.add_argument(
        "--parts", nargs="+", choices=("added", "strangers"), default=["added", "strangers"]
    )
    options = parser.parse_args()
    result = {**(read_results("server") or {}), "machine": describe_machine()}
    result.pop("measured_on", None)
    if "added" in options.parts:
        result["added"] = added(options.home, options.pairs)
    if "strangers" in options.parts:
        result["strangers"] = strangers(options.home)
    write_results("server", result)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
