"""One real server for all tests of this folder, and what they say to it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from benchmarks.random_gguf import RandomShape, write_random_gguf
from tests.server.clients.native_server import NATIVE

ROOT = Path(__file__).parents[3]
STARTS_S = 300


@dataclass(frozen=True, slots=True)
class ServedHere:
    """A server that runs. ``home`` is its AIRUNNER_HOME, ``pid`` its process."""

    url: str
    home: Path
    pid: int

    @property
    def v1(self) -> str:
        """The address that OpenAI's clients are given."""
        return f"{self.url}/v1"


@contextmanager
def serving(home: Path, *weights: Path) -> Iterator[ServedHere]:
    """A server process for the body, which ends as ``airunner stop`` has it end.

    Its team shows one tool beside the search: reading the usual ones takes ten seconds.
    """
    environ = {name: value for name, value in os.environ.items() if "AIRUNNER" not in name}
    environ |= {"AIRUNNER_HOME": str(home), "AIRUNNER_OFFLINE": "1"}
    environ["AIRUNNER_CORE_TOOLS"] = "current_time"
    command = [sys.executable, "-m", "tests.server.clients.native_server", *map(str, weights)]
    with (
        (home / "server.log").open("w") as log,
        subprocess.Popen(
            command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=log, text=True
        ) as process,
    ):
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            assert url, (home / "server.log").read_text()
            yield ServedHere(url, home, process.pid)
        finally:
            process.terminate()
            try:
                process.wait(STARTS_S)
            finally:
                process.kill()


@pytest.fixture(scope="session")
def server(
    tmp_path_factory: pytest.TempPathFactory, smollm2: Path, smollm2_q8: Path
) -> Iterator[ServedHere]:
    """The server, with its model loaded, in 8 bits, which are read a third faster."""
    home = tmp_path_factory.mktemp("server")
    quick = write_random_gguf(home / "quick.gguf", RandomShape(), smollm2)
    with serving(home, smollm2_q8, smollm2, quick) as found:
        loaded = httpx.post(
            f"{found.url}/api/chat", json={"model": NATIVE, "messages": []}, timeout=STARTS_S
        )
        assert loaded.json()["done_reason"] == "load"
        yield found
