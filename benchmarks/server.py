"""What the server costs, and what it keeps warm for clients that know nothing of it.

* **added**: a chat completion through ``airunner serve`` beside the same of a llama-server
  of the same build, model and settings that is asked directly, pair by pair: time to first
  token (TTFT), of a short question and of an agent's conversation of 61 messages with 16
  tools that is in the cache but for its last token; and for one stream and for eight at once,
  with a slot for each, decoded tokens per second and the CPU that the server's own process
  takes for a token;
* **large**: the same with weights of the shape of Llama 3.2 1B: random ones, for what is
  written does not matter. The embedded model is so small that a token costs a processor not
  much more than what is done about it; nobody's own is;
* **litellm**: the same for LiteLLM's proxy before the llama-server that is asked directly;
* **restarts**: three conversations, each sent whole with every request, of one model: a
  llama-server, hearth before one, and ours; warm, and after all were restarted. A model is
  loaded when the clock starts;
* **strangers**: six such conversations, round robin over two models of which the memory
  holds one. What could be re-used of the KV state, by the count in each answer; TTFT beside
  a server that parks nothing; and the same after a restart of the server.

Run: ``python -m benchmarks.server [--pairs 20] [--parts added litellm restarts strangers]``
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airunner import Settings
from airunner.components.llm.config.model_capabilities import (
    EMBEDDED_PRIMARY,
    EMBEDDED_SPECIALIST,
    MODEL_REGISTRY,
)
from airunner.runtime import Runtime
from benchmarks.diary import story
from benchmarks.machine import describe_machine
from benchmarks.places import CONTEXT, Answer, Place, home_with_weights, serving
from benchmarks.proxies import bare_engine, hearth, litellm, llama_server
from benchmarks.random_gguf import RandomShape, write_random_gguf
from benchmarks.results_file import write_results

PARTS = ("added", "large", "litellm", "restarts", "strangers")
QUESTION = "Tell me about the sea, the wind and the ships."
ANSWER_TOKENS = 96
FIRST_TOKENS = 2
FIRSTS_A_PAIR = 10
STREAMS = 8
AGENT_MESSAGES, AGENT_TOOLS = 60, 16
MANY_TOKENS = 2000
FEW_TOKENS = 1000
TURN_TOKENS = 8
ROUNDS = 3
LARGE = RandomShape(
    "llama",
    n_layers=16,
    n_embd=2048,
    n_ff=8192,
    n_heads=32,
    n_kv_heads=8,
    head_dim=64,
    quantization="Q4_1",
)
MODELS = (EMBEDDED_PRIMARY, EMBEDDED_SPECIALIST)

Taken = Mapping[str, list[list[Answer]]]
Asks = Callable[[int, int], Mapping[str, Any]]
"""What a client asks, by its number and how many there are."""


def added(home: Path, pairs: int, with_litellm: bool) -> dict[str, Any]:
    """The server, and LiteLLM's, beside the engine asked directly."""
    found: dict[str, Any] = {"pairs": pairs, "streams": STREAMS}
    for name, streams in (("one", 1), ("many", STREAMS)):
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=home)))
            engine = bare_engine(home, folder, context=CONTEXT, parallel=streams)
            places = {"direct": stack.enter_context(engine)}
            own = home_with_weights(folder, home)
            places["ours"] = stack.enter_context(serving(own, "--parallel", str(streams)))
            if with_litellm:
                proxy = litellm(places["direct"], EMBEDDED_PRIMARY, folder)
                places["litellm"] = stack.enter_context(proxy)
            _asked(places, 1, streams, FIRST_TOKENS)  # the model is loaded, the prompt read
            if streams == 1:
                rounds = pairs * FIRSTS_A_PAIR
                found["first"] = _measured(places, rounds, 1, FIRST_TOKENS)
                _asked(places, 1, 1, FIRST_TOKENS, _agents)
                found["agent"] = _measured(places, rounds // 2, 1, FIRST_TOKENS, _agents)
            found[name] = _measured(places, pairs, streams, ANSWER_TOKENS)
    return found


def large(home: Path, pairs: int) -> dict[str, Any]:
    """The server beside the engine asked directly, with a model of a size that people have."""
    with tempfile.TemporaryDirectory(dir=home) as folder:
        own = home_with_weights(Path(folder), home)
        with Runtime(Settings.load({"home": own, "offline": True})) as runtime:
            path = runtime.store.path(MODEL_REGISTRY[EMBEDDED_PRIMARY])
            donor = runtime.store.path(MODEL_REGISTRY[EMBEDDED_SPECIALIST])
        assert path is not None
        assert donor is not None
        path.unlink()
        write_random_gguf(path, LARGE, donor)
        return added(own, pairs, with_litellm=False)


def _question(client: int, clients: int) -> Mapping[str, Any]:
    text = QUESTION if clients == 1 else f"{QUESTION} Answer number {client}."
    return {"messages": [{"role": "user", "content": text}]}


def _agents(client: int, _: int) -> Mapping[str, Any]:
    roles = ("user", "assistant")
    said = [
        {"role": roles[n % 2], "content": f"{QUESTION} This is number {n} of client {client}."}
        for n in range(AGENT_MESSAGES)
    ]
    text = {"type": "string", "description": "What it is about, in a few words."}
    shape = {"type": "object", "properties": {"about": text}, "required": ["about"]}
    tools = [
        {
            "type": "function",
            "function": {"name": f"tool_{n}", "description": QUESTION, "parameters": shape},
        }
        for n in range(AGENT_TOOLS)
    ]
    last = {"role": "user", "content": "And now?"}
    return {"messages": [*said, last], "tools": tools, "tool_choice": "none"}


def _measured(
    places: Mapping[str, Place], rounds: int, streams: int, tokens: int, asks: Asks = _question
) -> dict[str, dict[str, float]]:
    began = {name: place.cpu_s for name, place in places.items()}
    taken = _asked(places, rounds, streams, tokens, asks)
    took = {name: places[name].cpu_s - cpu_s for name, cpu_s in began.items()}
    found = {name: _compared(each, taken["direct"]) for name, each in taken.items()}
    for name, cpu_s in took.items():
        answers = [answer for each in taken[name] for answer in each]
        found[name]["cpu_s_a_request"] = cpu_s / len(answers)
        found[name]["cpu_s_a_token"] = cpu_s / sum(answer.tokens for answer in answers)
    return found


def _asked(
    places: Mapping[str, Place], rounds: int, streams: int, tokens: int, asks: Asks = _question
) -> Taken:
    """Ask each place in turn, in another order each time."""
    taken: dict[str, list[list[Answer]]] = {name: [] for name in places}
    names = list(places)
    for round_ in range(rounds):
        order = names[round_ % len(names) :] + names[: round_ % len(names)]
        for name in order if round_ % 2 else order[::-1]:
            taken[name].append(_at_once(places[name], streams, tokens, asks))
    return taken


def _at_once(place: Place, streams: int, tokens: int, asks: Asks = _question) -> list[Answer]:
    """One answer for each of several clients, who do not ask the same.

    All are of one length: where one of them ended sooner, the engine would have less to do
    for it and fewer tokens to be counted, at one place and not at the other.
    """

    def ask(client: int) -> Answer:
        asked = dict(asks(client, streams))
        messages = asked.pop("messages")
        answer = place.ask(messages, EMBEDDED_PRIMARY, tokens, ignore_eos=True, **asked)
        assert answer.tokens == tokens, f"{place.url} ended after {answer.tokens} tokens"
        return answer

    with ThreadPoolExecutor(streams) as pool:
        return list(pool.map(ask, range(streams)))


def _compared(
    taken: Sequence[Sequence[Answer]], direct: Sequence[Sequence[Answer]]
) -> dict[str, float]:
    pairs = list(zip(taken, direct, strict=True))
    late = sorted(
        a.ttft_s - b.ttft_s
        for ours, other in pairs
        for a, b in zip(_by_ttft(ours), _by_ttft(other), strict=True)
    )
    return {
        "tokens_per_s": statistics.median(map(_rate, taken)),
        "of_direct": statistics.median(_rate(ours) / _rate(other) for ours, other in pairs),
        "ttft_s": statistics.median(answer.ttft_s for each in taken for answer in each),
        "added_ttft_s": statistics.median(late),
        "added_ttft_p99_s": _p99(taken) - _p99(direct),
    }


def _p99(taken: Sequence[Sequence[Answer]]) -> float:
    """Seconds to the first token that one answer in a hundred exceeds.

    Not that of the differences: the engine beside itself, asked twice, is late by as much.
    """
    times = sorted(answer.ttft_s for each in taken for answer in each)
    return times[min(len(times) - 1, int(len(times) * 0.99))]


def _rate(answers: Sequence[Answer]) -> float:
    return sum(each.tokens for each in answers) / max(each.total_s for each in answers)


def _by_ttft(answers: Sequence[Answer]) -> list[Answer]:
    return sorted(answers, key=lambda each: each.ttft_s)


def restarts(home: Path) -> dict[str, Any]:
    """Three stateless conversations of one model, at a llama-server, at hearth, and at ours."""
    with tempfile.TemporaryDirectory(dir=home) as name:
        folder = Path(name)
        own = home_with_weights(folder, home)
        settings = Settings.load({"home": home, "offline": True})
        with Runtime(settings) as runtime:
            sized = runtime.call(runtime.team.size(MODEL_REGISTRY[EMBEDDED_PRIMARY]))
            weights = next(iter(sized.plans.values())).path
        for slots in ("plain", "hearth"):
            (folder / slots).mkdir()

        def before_hearth(stack: ExitStack) -> Place:
            engine = stack.enter_context(llama_server(weights, folder / "hearth", parallel=1))
            return stack.enter_context(hearth(engine, folder / "hearth"))

        starts: dict[str, Callable[[ExitStack], Place]] = {
            "llama_server": lambda stack: stack.enter_context(
                llama_server(weights, folder / "plain", parallel=4)
            ),
            "hearth": before_hearth,
            "ours": lambda stack: stack.enter_context(serving(own, "--parallel", "4")),
        }
        talks = {name: [_opening(n, FEW_TOKENS, MODELS[:1]) for n in range(3)] for name in starts}
        found: dict[str, Any] = {name: {} for name in starts}
        for when, rounds in (("warm", 1 + ROUNDS), ("restarted", 1)):
            with ExitStack() as stack:
                places = {name: start(stack) for name, start in starts.items()}
                _asked_hello(places)
                turns = [
                    {name: _round(places[name], talks[name], TURN_TOKENS) for name in places}
                    for _ in range(rounds)
                ]
            for name in starts:
                counted = [turn for each in turns[-ROUNDS:] for turn in each[name]]
                for figure in ("ttft_s", "total_s"):
                    times = [getattr(turn.answer, figure) for turn in counted]
                    found[name][f"{when}_{figure}"] = statistics.median(times)
    warm_s = found["llama_server"]["warm_total_s"]
    for name in starts:
        for when in ("warm", "restarted"):
            found[name][f"{when}_over_warm_llama_server"] = found[name][f"{when}_total_s"] / warm_s
    return found


def _asked_hello(places: Mapping[str, Place]) -> None:
    for place in places.values():
        place.ask([{"role": "user", "content": "Hello."}], EMBEDDED_PRIMARY, 1)


def strangers(home: Path) -> dict[str, Any]:
    """Six stateless conversations over two models, with and without parking, and a restart."""
    with tempfile.TemporaryDirectory(dir=home) as folder:
        own = home_with_weights(Path(folder), home)
        budget = one_model_bytes(home)
        with serving(own, "--max-memory", str(budget)) as server:
            talks = [_opening(number, MANY_TOKENS, MODELS) for number in range(6)]
            kept = [_round(server, talks) for _ in range(1 + ROUNDS)][1:]
        with serving(own, "--max-memory", str(budget)) as server:
            restarted = _round(server, talks)
        flags = ("--max-memory", str(budget), "--parking-memory", "0", "--parking-disk", "0")
        with serving(own, *flags) as server:
            forgotten = _round(server, talks)
    turns = [turn for round_ in kept for turn in round_]
    found = {
        "turns": len(turns),
        "budget_bytes": budget,
        "least_share_reused": min(turn.reused for turn in turns),
        "least_share_reused_after_a_restart": min(turn.reused for turn in restarted),
        "ttft_s": _median_ttft_s(turns),
        "ttft_after_a_restart_s": _median_ttft_s(restarted),
        "ttft_not_parked_s": _median_ttft_s(forgotten),
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


@dataclass(frozen=True)
class _Turn:
    """``reused`` is the share of what could be re-used."""

    answer: Answer
    reused: float


def _opening(number: int, tokens: int, models: Sequence[str]) -> _Talk:
    text = f"Conversation {number}. {story(tokens, number)}"
    return _Talk(models[number % len(models)], [{"role": "system", "content": text}])


def _round(server: Place, talks: Sequence[_Talk], tokens: int = 24) -> list[_Turn]:
    """One turn of each conversation."""
    found = []
    for talk in talks:
        talk.messages.append({"role": "user", "content": "And what happened then?"})
        answer = server.ask(talk.messages, talk.model, tokens)
        talk.messages.append({"role": "assistant", "content": answer.text})
        possible = min(talk.held_tokens, answer.prompt_tokens)
        found.append(_Turn(answer, answer.cached_tokens / possible if possible else 1.0))
        talk.held_tokens = answer.prompt_tokens + answer.tokens
    return found


def _median_ttft_s(turns: Sequence[_Turn]) -> float:
    return statistics.median(turn.answer.ttft_s for turn in turns)


def main() -> None:
    """Measure and store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--home", type=Path, default=Settings.load().home, help="has the weights")
    parser.add_argument(
        "--parts", nargs="+", choices=PARTS, default=PARTS, help="litellm is measured with added"
    )
    options = parser.parse_args()
    machine = {"machine": describe_machine()}
    if {"added", "litellm"}.intersection(options.parts):
        found = added(options.home, options.pairs, "litellm" in options.parts)
        write_results("server", machine | found)
    if "large" in options.parts:
        write_results("large", machine | large(options.home, options.pairs))
    for name, measure in (("restarts", restarts), ("strangers", strangers)):
        if name in options.parts:
            write_results(name, machine | measure(options.home))


if __name__ == "__main__":
    main()
