"""Kills: workers in the middle of answers, and the whole server in the middle of its writing.

* **workers**: on each API that streams, the worker is killed after a random piece of an
  answer, ``--kills`` times, in turns greedy and drawn without a seed. The answer counts on
  from a list of numbers, which no model of any size does in two ways: what is not the
  undisturbed text has lost something, or has it twice.
* **server**: killed by SIGKILL at a random moment while one client keeps conversations that
  the server saves, and another talks in turns to two models of which the memory holds one, so
  that states are parked, on disk in every other round. After each kill no worker may be left,
  the records must be sound and have every turn whose end a client was told, and a conversation
  that a state may be kept of must go on as it did before. At the end, after a proper stop, no
  file of a run is left.

Run: ``python -m benchmarks.kills [--parts workers server] [--kills 20] [--rounds 200]``
"""

from __future__ import annotations

import argparse
import json
import random
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

from airunner import Settings
from airunner.runtime.home import MEMORY_FILE_SYSTEM
from benchmarks.machine import describe_machine
from benchmarks.places import home_with_weights
from benchmarks.results_file import read_results, write_results
from benchmarks.server import MODELS, one_model_bytes

COUNTED = ", ".join(map(str, range(1, 13))) + ","
ROWS = [{"role": "user", "content": "Count to 50."}, {"role": "assistant", "content": COUNTED}]
N_TOKENS = 24
"""Up to 18: a small model may or may not end its answer with 20."""
WAIT_S = 60.0
MOST_ENDED, MOST_PIECES = 2, 20
"""A round ends after so many whole answers at most, and then so many pieces of the next ones."""
RUN_FOLDERS = ("run", "parked")

Told = dict[str, Any]


def _of_chat(told: Told) -> str:
    return "".join(each["delta"].get("content") or "" for each in told["choices"])


def _of_message(told: Told) -> str:
    return str((told.get("delta") or {}).get("text") or "")


def _of_response(told: Told) -> str:
    return str(told["delta"]) if told["type"] == "response.output_text.delta" else ""


def _of_completion(told: Told) -> str:
    return "".join(each["text"] for each in told["choices"])


def _of_ollama(told: Told) -> str:
    return str(told["message"]["content"])


APIS: Mapping[str, tuple[str, Told, Callable[[Told], str]]] = {
    "chat": ("/v1/chat/completions", {"messages": ROWS, "max_tokens": N_TOKENS}, _of_chat),
    "messages": ("/v1/messages", {"messages": ROWS, "max_tokens": N_TOKENS}, _of_message),
    "responses": ("/v1/responses", {"input": ROWS, "max_output_tokens": N_TOKENS}, _of_response),
    "completions": ("/v1/completions", {"prompt": COUNTED, "max_tokens": N_TOKENS}, _of_completion),
    "ollama": ("/api/chat", {"messages": ROWS, "options": {"num_predict": N_TOKENS}}, _of_ollama),
}


@dataclass
class Server:
    """``airunner serve`` in a process of its own, which may be killed."""

    process: subprocess.Popen[str]
    url: str

    def workers(self) -> list[psutil.Process]:
        """The processes that it has started."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def pieces(
        self, api: str, temperature: float, model: str = MODELS[0], **fields: Any
    ) -> Iterator[str]:
        """The text of a streamed answer as it comes.

        Raises:
            RuntimeError: the answer ended with an error.
        """
        path, body, text_of = APIS[api]
        asked = {"model": model, "stream": True, **body, "temperature": temperature, **fields}
        if "options" in body:
            asked["options"] = {**body["options"], "temperature": temperature}
        with httpx.stream("POST", self.url + path, json=asked, timeout=WAIT_S) as answer:
            for line in answer.iter_lines():
                told = line.removeprefix("data: ")
                if not told.startswith("{"):
                    continue
                found = json.loads(told)
                if found.get("error"):
                    raise RuntimeError(told)
                if text := text_of(found):
                    yield text


@contextmanager
def started(home: Path, *flags: str) -> Iterator[Server]:
    """A server for the body, which may have killed it at its end."""
    command = [sys.executable, "-m", "airunner", "serve", "--port", "0", "--home", str(home)]
    line = [*command, "--offline", "--context", "1024", *flags]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Server(process, process.stdout.readline().split()[-1])
        finally:
            process.terminate()
            process.wait(WAIT_S)


def workers_killed(home: Path, kills: int, chance: random.Random) -> dict[str, Any]:
    """Kill a worker so often on each API; how many answers were as if it had not been."""
    found: dict[str, Any] = {}
    with (
        tempfile.TemporaryDirectory(dir=home) as folder,
        started(home_with_weights(Path(folder), home)) as server,
    ):
        for api in APIS:
            undisturbed = list(server.pieces(api, 0))
            same = 0
            for number in range(kills):
                at = chance.randrange(1, len(undisturbed) - 1)
                text = _killed_after(server, api, at, 1e-6 * (number % 2))
                same += text == "".join(undisturbed)
            found[api] = {"kills": kills, "whole": same}
            print(api, found[api], flush=True)
    return found


def _killed_after(server: Server, api: str, pieces: int, temperature: float) -> str:
    found = []
    for text in server.pieces(api, temperature):
        found.append(text)
        if len(found) == pieces:
            worker = max(server.workers(), key=lambda each: int(each.memory_info().rss))
            worker.kill()
            worker.wait(WAIT_S)
    return "".join(found)


@dataclass
class _Seen:
    """What clients were told, over all rounds."""

    turns: dict[str, list[str]] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    told: int = 0
    swaps: int = 0
    problems: list[str] = field(default_factory=list)
    pieces: int = 0

    @property
    def ended(self) -> int:
        """Answers that were told to their end."""
        return self.told + self.swaps


def servers_killed(home: Path, rounds: int, at_once: int, seed: int) -> dict[str, Any]:
    """Kill servers so often, several at once, each over a home of its own."""
    with ThreadPoolExecutor(at_once) as pool:
        chances = [random.Random(seed + number) for number in range(at_once)]
        runs = [pool.submit(server_killed, home, rounds // at_once, each) for each in chances]
        found = [run.result() for run in runs]
    shared = [str(each) for each in MEMORY_FILE_SYSTEM.glob("airunner-*") if not _in_use(each)]
    total = {name: sum((each[name] for each in found), type(found[0][name])()) for name in found[0]}
    return total | {"shared_memory_left": shared}


def server_killed(home: Path, rounds: int, chance: random.Random) -> dict[str, Any]:
    """Kill the server so often; everything that was not as it has to be."""
    seen, left = _Seen(), 0
    with tempfile.TemporaryDirectory(dir=home) as folder:
        own = home_with_weights(Path(folder), home)
        budget = ("--max-memory", str(one_model_bytes(home)))
        for number in range(rounds):
            tier = ("--parking-memory", "0") if number % 2 else ()
            left += _round(own, [*budget, *tier], seen, chance)
            if number % 10 == 9:
                print(number + 1, seen.told, seen.swaps, seen.problems[-1:], flush=True)
        with started(own, *budget) as server:
            _check(server, seen)
        files = [str(each) for name in RUN_FOLDERS for each in _files(own / name)]
    return {
        "kills": rounds,
        "turns_told": seen.told,
        "answers_of_two_models": seen.swaps,
        "problems": seen.problems,
        "workers_left": left,
        "files_left": files,
    }


def _round(home: Path, flags: list[str], seen: _Seen, chance: random.Random) -> int:
    """One server from its start to its death; how many of its workers outlived it."""
    with started(home, *flags) as server:
        _check(server, seen)
        clients = [
            threading.Thread(target=work, args=(server, seen)) for work in (_converse, _alternate)
        ]
        ends_s, whole = time.monotonic() + WAIT_S, seen.ended + chance.randint(0, MOST_ENDED)
        for client in clients:
            client.start()
        while seen.ended < whole and time.monotonic() < ends_s:
            time.sleep(chance.uniform(0.001, 0.02))
        last = seen.pieces + chance.randint(0, MOST_PIECES)
        while seen.pieces < last and time.monotonic() < ends_s:
            time.sleep(chance.uniform(0.001, 0.02))
        workers = server.workers()
        server.process.kill()
        for client in clients:
            client.join()
    _, alive = psutil.wait_procs(workers, timeout=WAIT_S)
    with closing(sqlite3.connect(home / "records.sqlite3")) as records:
        (verdict,) = records.execute("PRAGMA integrity_check").fetchone()
        if verdict != "ok":
            seen.problems.append(f"records: {verdict}")
    return len(alive)


def _converse(server: Server, seen: _Seen) -> None:
    """Take turns in conversations that are saved, until the server is gone."""
    with suppress(httpx.TransportError):
        while True:
            kept = [each for each, turns in seen.turns.items() if len(turns) < 3]
            body: Told = {"content": f"Number {seen.told}, please.", "max_tokens": 4}
            body |= {"conversation_id": kept[0]} if kept else {}
            with httpx.stream(
                "POST", f"{server.url}/api/v1/turns", json=body, timeout=WAIT_S
            ) as answer:
                lines, name = answer.iter_lines(), ""
                for line in lines:
                    seen.pieces += 1
                    name = line.removeprefix("event: ") if line.startswith("event: ") else name
                    if name == "result" and line.startswith("data: "):
                        told = json.loads(line.removeprefix("data: "))
                        seen.turns.setdefault(told["conversation"], []).append(told["text"])
                        seen.told += 1


def _alternate(server: Server, seen: _Seen) -> None:
    """Ask two models in turns, which the memory does not hold together."""
    with suppress(httpx.TransportError):
        while True:
            for model in MODELS:
                text = ""
                for piece in server.pieces("chat", 0, model, max_tokens=8):
                    text += piece
                    seen.pieces += 1
                if seen.answers.setdefault(model, text) != text:
                    seen.problems.append(f"{model} went on differently: {text}")
                seen.swaps += 1


def _check(server: Server, seen: _Seen) -> None:
    """Every turn that a client was told the end of is there."""
    for conversation, turns in seen.turns.items():
        answer = httpx.get(f"{server.url}/api/v1/conversations/{conversation}", timeout=WAIT_S)
        rows = answer.json().get("messages", ())
        said = [row["content"] for row in rows if row["role"] == "assistant"]
        missing = [text for text in turns if text not in [each.strip() for each in said]]
        if missing or len(said) < len(turns):
            seen.problems.append(f"lost in {conversation}: {missing}, of {len(turns)} turns")


def _files(folder: Path) -> list[Path]:
    return [each for each in folder.rglob("*") if each.is_file() and "kept" not in each.parts]


def _in_use(folder: Path) -> bool:
    """Whether a process that lives has the folder, as one of another test may."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if any(str(folder) in each.path for each in process.open_files()):
                return True
    return False


def main() -> None:
    """Kill, print and store; fail if anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="of workers, on each API")
    parser.add_argument("--rounds", type=int, default=200, help="of the server")
    parser.add_argument("--at-once", type=int, default=1, help="servers that are killed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--home", type=Path, default=Settings.load().home, help="has the weights")
    parts = ("workers", "server")
    parser.add_argument("--parts", nargs="+", choices=parts, default=parts)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    result = {**(read_results("kills") or {}), "machine": describe_machine()}
    if "workers" in options.parts:
        result["workers"] = workers_killed(options.home, options.kills, chance)
    if "server" in options.parts:
        rounds, at_once = options.rounds, options.at_once
        result["server"] = servers_killed(options.home, rounds, at_once, options.seed)
    write_results("kills", result)
    print(json.dumps(result, indent=2))
    whole = all(each["whole"] == each["kills"] for each in result.get("workers", {}).values())
    found = result.get("server", {})
    lists = ("problems", "workers_left", "files_left", "shared_memory_left")
    if not whole or any(found.get(name) for name in lists):
        sys.exit("something was lost, doubled or left")


if __name__ == "__main__":
    main()
