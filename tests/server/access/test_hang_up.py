"""Clients that go, and more of them than the server takes, on the real engine."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

import httpx
import pytest
from tests.server.access.conftest import QUEUE_LIMIT, RunningServer, start_server, stop_server
from tests.server.clients.idle import computed_s, gauge

Eventually = Callable[[Callable[[], bool]], None]
MOST_S = 2.0
"""What the work for a client that has gone may cost, in seconds of one core; all of it is more."""

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
        self._url = server.url

    @property
    def refused(self) -> float:
        """Requests that were refused."""
        return gauge(self._url, "airunner_refusals")

    @property
    def leases(self) -> float:
        """Requests that hold the model, also while they wait for its slot."""
        return gauge(self._url, "airunner_leases")

    @property
    def waiting(self) -> float:
        """Requests that wait."""
        return gauge(self._url, "airunner_queue_length")


@pytest.fixture
def load(server: RunningServer, eventually: Eventually) -> Load:
    """Its load; the model is there, and nothing of an earlier test is left."""
    httpx.post(f"{server.url}/v1/chat/completions", json=SHORT, timeout=300).raise_for_status()
    found = Load(server)
    eventually(lambda: (found.leases, found.waiting) == (0, 0))
    return found


def begin(server: RunningServer, path: str, stream: bool) -> socket.socket:
    """Send a request for a long answer; a stream has begun when this returns."""
    body = json.dumps({**LONG, "stream": stream}).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    sock = socket.create_connection(("127.0.0.1", server.port), timeout=300)
    sock.sendall(head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    return sock


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
    begun_s = computed_s(server.process.pid)
    with closing(begin(server, path, stream)) as sock:
        if stream:
            assert sock.recv(4096).startswith(b"HTTP/1.1 200 ")
        else:
            eventually(lambda: load.leases == 1)
    # There is one slot: the next answer begins when the engine has left it.
    client.post("/v1/chat/completions", json=SHORT).raise_for_status()
    assert computed_s(server.process.pid) - begun_s < MOST_S
    eventually(lambda: (load.leases, load.waiting) == (0, 0))


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
        eventually(lambda: (load.waiting, load.leases) == (0, 1))
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
                refused = client.post(path, json={**LONG, "stream": stream})
                assert load.refused == before + 2 * number + place
                assert refused.status_code == 503
                assert int(refused.headers["retry-after"]) >= 1
                error = refused.json()["error"]
                facts = refused.json() if isinstance(error, str) else error
                assert facts["eta_s"] > 0
                assert facts["deficit_bytes"] == 0  # the model is there; its slots are taken
        assert client.post(PATHS[1], json=LONG).json()["error"]["type"] == "overloaded_error"
        assert load.leases == 1 + QUEUE_LIMIT, "they were told before any of the answers ended"
    eventually(lambda: load.leases == 0)
    client.post(PATHS[0], json=SHORT).raise_for_status()


def test_what_can_never_fit_is_refused_at_once_with_the_bytes(embedded_home: Path) -> None:
    small = start_server(embedded_home, "--max-memory", "60MB")
    try:
        with httpx.Client(base_url=small.url, timeout=300, trust_env=False) as client:
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
