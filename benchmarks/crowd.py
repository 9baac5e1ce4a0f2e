"""Many clients of one server: who waits how long, how often models are swapped, what idling takes.

* **turns**: 200 clients that each ask again as soon as they are served, of two models that
  cannot be in memory together, on the scheduler itself with a simulated clock: seconds per
  request and per swap are given, so that the figures are the same on every machine. The fair
  share of a wait is the time in which everybody is served once. First come, first served
  would swap wherever two requests in a row are for different models.
* **clients**: the same over HTTP with the embedded models, one request each.
* **idle**: 1,000 readers of ``/api/v1/events``, to whom nothing happens: the memory of the
  server with them.

Run: ``python -m benchmarks.crowd [--parts turns clients idle]``
"""

from __future__ import annotations

import argparse
import heapq
import json
import random
import resource
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil

from airunner import Settings
from airunner.scheduling import inputs
from airunner.scheduling.effects import Effect, Grant, Park, Refuse, Restore, StartLoad, Stop
from airunner.scheduling.inputs import Demand
from airunner.scheduling.ledger import DeviceBudget
from airunner.scheduling.scheduler import Scheduler
from benchmarks.kills import started
from benchmarks.machine import describe_machine
from benchmarks.places import Place, home_with_weights
from benchmarks.results_file import read_results, write_results
from benchmarks.server import MODELS, one_model_bytes

CLIENTS = 200
IDLE = 1000
REQUEST_S = 0.25
SWAP_S = 5.0
PLACES = 4
"""Requests that a model works on at once."""
DEVICE = "gpu:0"
DEMANDS = {name: Demand(name, {DEVICE: size}) for name, size in (("a", 70), ("b", 60))}
MOST_WAIT = 2.5
MOST_SWAPS = 0.25
MOST_IDLE_BYTES = 300_000_000


@dataclass
class Crowd:
    """Clients on a scheduler, in simulated seconds; each asks for a model drawn anew each time."""

    chance: random.Random
    clients: int = CLIENTS
    now_s: float = 0.0
    asked_s: dict[str, float] = field(default_factory=dict)
    model_of: dict[str, str] = field(default_factory=dict)
    waits_s: list[float] = field(default_factory=list)
    order: list[str] = field(default_factory=list)
    loads: int = 0
    _due: list[tuple[float, int, inputs.Input]] = field(default_factory=list)
    _working: dict[str, list[float]] = field(default_factory=dict)
    _count: int = 0

    def run(self, requests: int) -> None:
        """Serve so many requests."""
        scheduler = Scheduler([DeviceBudget(DEVICE, 100)], queue_limit=2 * self.clients)
        for _ in range(self.clients):
            self._ask(self.chance.random())
        while len(self.waits_s) < requests:
            self.now_s, _, event = heapq.heappop(self._due)
            for effect in scheduler.step(event):
                self._perform(effect)
            if isinstance(event, inputs.LeaseReturned):
                self._ask(self.now_s)

    def _ask(self, at_s: float) -> None:
        request, model = f"r{self._count}", self.chance.choice(list(DEMANDS))
        self.asked_s[request], self.model_of[request] = at_s, model
        self.order.append(model)
        demand = DEMANDS[model]
        self._at(at_s, inputs.LeaseAsked, request=request, owner=request, demand=demand)

    def _perform(self, effect: Effect) -> None:
        match effect:
            case Grant(request=request, key=key):
                places = self._working.setdefault(key, [0.0] * PLACES)
                begins_s = max(self.now_s, heapq.heappop(places))
                heapq.heappush(places, begins_s + REQUEST_S)
                self.waits_s.append(begins_s - self.asked_s[request])
                self._at(begins_s + REQUEST_S, inputs.LeaseReturned, request=request)
            case StartLoad(key=key, needed_bytes=needed):
                self.loads += 1
                ends_s = self.now_s + SWAP_S
                self._at(ends_s, inputs.LoadFinished, key=key, held_bytes=needed, load_s=SWAP_S)
            case Park(key=key):
                self._at(self.now_s, inputs.ParkFinished, key=key, parked_bytes=1)
            case Stop(key=key):
                self._at(self.now_s, inputs.StopFinished, key=key, missing_bytes=0)
            case Restore(key=key):
                self._at(self.now_s, inputs.RestoreFinished, key=key)
            case Refuse(reason=reason):
                raise AssertionError(f"refused: {reason}")
            case _:
                pass

    def _at(self, at_s: float, kind: type[inputs.Input], **fields: Any) -> None:
        self._count += 1
        heapq.heappush(self._due, (at_s, self._count, kind(now_s=at_s, **fields)))

    @property
    def fair_s(self) -> float:
        """In how long everybody is served once: their work, and each model brought in once."""
        return self.clients * REQUEST_S / PLACES + len(DEMANDS) * SWAP_S

    @property
    def swaps_in_order(self) -> int:
        """Swaps that the same requests would take, first come, first served."""
        served = self.order[: len(self.waits_s)]
        return 1 + sum(a != b for a, b in pairwise(served))


def turns(requests: int = 4000, seed: int = 1) -> dict[str, Any]:
    """The crowd on the scheduler."""
    crowd = Crowd(random.Random(seed))
    crowd.run(requests)
    return {
        "requests": requests,
        "longest_wait_of_fair": max(crowd.waits_s) / crowd.fair_s,
        "swaps": crowd.loads,
        "swaps_of_first_come": crowd.loads / crowd.swaps_in_order,
    }


def clients(home: Path) -> dict[str, Any]:
    """One request each over HTTP, of the embedded models in turns."""
    with tempfile.TemporaryDirectory(dir=home) as folder:
        own = home_with_weights(Path(folder), home)
        with started(own, "--max-memory", str(one_model_bytes(home))) as server:
            place = Place(server.url, {})
            began_s = time.perf_counter()

            def ask(number: int) -> float:
                said = [{"role": "user", "content": f"Say {number}."}]
                return place.ask(said, MODELS[number % 2], 4).ttft_s

            with ThreadPoolExecutor(CLIENTS) as pool:
                waits_s = list(pool.map(ask, range(CLIENTS)))
            total_s = time.perf_counter() - began_s
            swaps = _loads(server.url)
    return {
        "clients": CLIENTS,
        "longest_wait_of_fair": max(waits_s) / total_s,
        "loads": swaps,
        "loads_of_first_come": swaps / CLIENTS,
    }


def _loads(url: str) -> int:
    lines = httpx.get(f"{url}/metrics").text.splitlines()
    counts = [line for line in lines if line.startswith("airunner_load_seconds_count")]
    return int(sum(float(line.split()[-1]) for line in counts))


def idle(home: Path, readers: int = IDLE) -> dict[str, Any]:
    """So many readers of events; the memory of the server before and with them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 2 * readers + 500)), hard))
    with tempfile.TemporaryDirectory(dir=home) as folder, ExitStack() as held:
        server = held.enter_context(started(home_with_weights(Path(folder), home)))
        process = psutil.Process(server.process.pid)
        before_bytes = process.memory_info().rss
        for sock in _readers(server.url, readers):
            held.enter_context(closing(sock))
        return {
            "readers": readers,
            "before_bytes": before_bytes,
            "held_bytes": process.memory_info().rss,
        }


def _readers(url: str, readers: int) -> Iterator[socket.socket]:
    parts = urlsplit(url)
    for _ in range(readers):
        sock = socket.create_connection((parts.hostname or "", parts.port or 0), timeout=60)
        sock.sendall(b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert sock.recv(1024).startswith(b"HTTP/1.1 200")
        yield sock


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print and store; fail where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parts = ("turns", "clients", "idle")
    parser.add_argument("--parts", nargs="+", choices=parts, default=parts)
    parser.add_argument("--home", type=Path, default=Settings.load().home, help="has the weights")
    options = parser.parse_args(arguments)
    result = {**(read_results("crowd") or {}), "machine": describe_machine()}
    if "turns" in options.parts:
        result["turns"] = turns()
    if "clients" in options.parts:
        result["clients"] = clients(options.home)
    if "idle" in options.parts:
        result["idle"] = idle(options.home)
    write_results("crowd", result)
    print(json.dumps(result, indent=2))
    found = result.get("turns", {})
    if (
        found.get("longest_wait_of_fair", 0) > MOST_WAIT
        or found.get("swaps_of_first_come", 0) > MOST_SWAPS
        or result.get("idle", {}).get("held_bytes", 0) > MOST_IDLE_BYTES
    ):
        sys.exit("a target was missed")


if __name__ == "__main__":
    main()
