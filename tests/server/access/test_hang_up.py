"""Clients that go, and more of them than the server takes, on the real engine."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.server.access.conftest import QUEUE_LIMIT, RunningServer, start_server, stop_server

Eventually = Callable[[Callable[[], bool]], None]
STOPS_S = 0.5
"""How soon the work for a client that has gone has to end."""
ATTEMPTS = 3
"""How often it is tried on a machine that has other work, too."""
PATHS = ("/v1/chat/completions", "/v1/messages", "/api/chat")
LONG = {
    "model": "airunner",
    "messages": [{"role": "user", "content": "Write a very long story about a lighthouse."}],
    "max_tokens": 900,
    "ignore_eos": True,
    "options": {"num_predict": 900, "ignore_eos": True},
}
"""An answer that takes far longer than any test, by every API."""
SHORT = {**LONG, "max_tokens": 1}


class Load:
    """What the server says it is busy with."""

    def __init__(self, server: RunningServer) -> None:
        self._url = f"{server.url}/metrics"

    def _sum(self, name: str) -> float:
        text = httpx.get(self._url, trust_env=False).text
        families = [f for f in text_string_to_metric_families(text) if f.name == name]
        samples = [sample for family in families for sample in family.samples]
        return sum(each.value for each in samples if not each.name.endswith("_created"))

    @property
    def refused(self) -> float:
        """Requests that were refused."""
        return self._sum("airunner_refusals")

    @property
    def leases(self) -> float:
        """Requests that hold the model, also while they wait for its slot."""
        return self._sum("airunner_leases")

    @property
    def waiting(self) -> float:
        """Requests that wait."""
        return self._sum("airunner_queue_length")


@pytest.fixture
def load(server: RunningServer) -> Load:
    """Its load; the model is there, and nothing of an earlier test is left."""
    httpx.post(f"{server.url}/v1/chat/completions", json=SHORT, timeout=60).raise_for_status()
    found = Load(server)
    assert (found.leases, found.waiting) == (0, 0)
    return found


def begin(server: RunningServer, path: str, stream: bool) -> socket.socket:
    """Send a request for a long answer; a stream has begun when this returns."""
    body = json.dumps({**LONG, "stream": stream}).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    sock = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    sock.sendall(head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    return sock


def seconds_of(client: httpx.Client) -> float:
    """How long the shortest answer takes, with the wait for the slot."""
    began_s = time.perf_counter()
    client.post("/v1/chat/completions", json=SHORT).raise_for_status()
    return time.perf_counter() - began_s


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("stream", [True, False])
def test_work_ends_when_its_client_goes(
    server: RunningServer,
    client: httpx.Client,
    load: Load,
    eventually: Eventually,
    path: str,
    stream: bool,
) -> None:
    usual_s = seconds_of(client)
    took_s = []
    while not took_s or (took_s[-1] > STOPS_S and len(took_s) < ATTEMPTS):
        with closing(begin(server, path, stream)) as sock:
            if stream:
                assert sock.recv(4096).startswith(b"HTTP/1.1 200 ")
            else:
                eventually(lambda: load.leases == 1)
        # There is one slot: the next answer begins when the engine has left it.
        took_s.append(seconds_of(client) - usual_s)
    assert min(took_s) < STOPS_S, took_s
    assert (load.leases, load.waiting) == (0, 0)


@pytest.mark.parametrize("stream", [True, False])
def test_a_request_that_waits_leaves_the_queue_with_its_client(
    server: RunningServer, load: Load, eventually: Eventually, stream: bool
) -> None:
    with closing(begin(server, PATHS[0], stream=True)) as first:
        first.recv(4096)
        waiting = [begin(server, path, stream) for path in PATHS]
        eventually(lambda: load.waiting == len(waiting))
        for sock in waiting:
            sock.close()
        began_s = time.perf_counter()
        eventually(lambda: load.waiting == 0)
        assert time.perf_counter() - began_s < 2 * STOPS_S  # with the looking at it
        assert load.leases == 1
        assert first.recv(4096), "the one that is served goes on"
    eventually(lambda: load.leases == 0)


def test_past_the_bound_a_request_is_told_when_to_come_back(
    server: RunningServer, client: httpx.Client, load: Load, eventually: Eventually
) -> None:
    with ExitStack() as clients:
        for number in range(1 + QUEUE_LIMIT):
            clients.enter_context(closing(begin(server, PATHS[0], stream=True)))
            eventually(lambda number=number: load.leases == number + 1)  # type: ignore[misc]
        before = load.refused
        for number, path in enumerate(PATHS):
            for place, stream in enumerate((True, False), 1):
                began_s = time.perf_counter()
                refused = client.post(path, json={**LONG, "stream": stream})
                assert load.refused == before + 2 * number + place
                assert time.perf_counter() - began_s < 2 * STOPS_S
                assert refused.status_code == 503
                assert int(refused.headers["retry-after"]) >= 1
                error = refused.json()["error"]
                facts = refused.json() if isinstance(error, str) else error
                assert facts["eta_s"] > 0
                assert facts["deficit_bytes"] == 0  # the model is there; its slots are taken
        assert client.post(PATHS[1], json=LONG).json()["error"]["type"] == "overloaded_error"
    eventually(lambda: load.leases == 0)
    assert seconds_of(client) > 0


def test_what_can_never_fit_is_refused_at_once_with_the_bytes(embedded_home: Path) -> None:
    small = start_server(embedded_home, "--max-memory", "60MB")
    try:
        with httpx.Client(base_url=small.url, timeout=60, trust_env=False) as client:
            for path in PATHS:
                for stream in (True, False):
                    refused = client.post(path, json={**LONG, "stream": stream})
                    assert refused.status_code == 422, refused.text
                    assert "retry-after" not in refused.headers
                    error = refused.json()["error"]
                    facts = refused.json() if isinstance(error, str) else error
                    assert facts["budget_bytes"] == 60_000_000
                    assert facts["needed_bytes"] > facts["free_bytes"]
                    lacking = facts["needed_bytes"] - facts["free_bytes"]
                    assert facts["deficit_bytes"] == lacking
    finally:
        stop_server(small)
