"""One server process for every test of who may speak to it, and a client of it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

STOP_S = 300
QUEUE_LIMIT = 3


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server process."""

    process: subprocess.Popen[str]
    url: str
    home: Path

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.rpartition(":")[2])


def start_server(home: Path, *flags: str) -> RunningServer:
    """Start a server in a process of its own, and wait until it says where it is."""
    command = [sys.executable, "-m", "airunner", "serve", "--port", "0", "--home", str(home)]
    command += ["--context", "1024", *flags]
    environ = {**os.environ, "AIRUNNER_OFFLINE": "1"}
    process = subprocess.Popen(
        command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    if not first:
        pytest.fail(f"the server did not start: {process.communicate()[1]}")
    return RunningServer(process, first.split()[-1], home)


def stop_server(server: RunningServer) -> str:
    """Stop it; returns what it wrote to stderr."""
    server.process.terminate()
    try:
        return server.process.communicate(timeout=STOP_S)[1]
    except subprocess.TimeoutExpired:
        server.process.kill()
        raise


@pytest.fixture(scope="session")
def server(make_home: Callable[[], Path]) -> Iterator[RunningServer]:
    """A server for this machine, of one slot and with a short queue.

    What it is told must not make it fail or complain.
    """
    running = start_server(
        make_home(),
        *("--allow-origin", "https://friend.example"),
        *("--queue-limit", str(QUEUE_LIMIT), "--parallel", "1"),
    )
    yield running
    assert "Traceback" not in stop_server(running)


@pytest.fixture
def client(server: RunningServer) -> Iterator[httpx.Client]:
    """A client without a key."""
    with httpx.Client(base_url=server.url, timeout=300, trust_env=False) as client:
        yield client
