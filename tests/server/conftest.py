"""A real server with the embedded model, one a module, and commands beside it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest
from tests.children import has_ended
from tests.conftest import wait_until

from airunner.runtime.presence import Presence, find_server

ROOT = Path(__file__).parent.parent.parent
SMALL = ("--context", "2048", "--max-tokens", "24", "--offline")


@dataclass(frozen=True)
class Server:
    """A server that runs. ``home`` is its home folder."""

    home: Path
    process: subprocess.Popen[str]
    presence: Presence

    @property
    def api(self) -> httpx.Client:
        """A client of the native API."""
        return httpx.Client(base_url=f"{self.presence.url}/api/v1", timeout=300, trust_env=False)

    def command(self, *arguments: str) -> tuple[list[str], dict[str, str]]:
        """How `airunner` is run in the same home folder."""
        return command(self.home, *arguments)

    def airunner(
        self, *arguments: str, said: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """A command beside the server."""
        line, environ = self.command(*arguments)
        return subprocess.run(
            line, env=environ, input=said, capture_output=True, text=True, timeout=300
        )


def command(home: Path, *arguments: str) -> tuple[list[str], dict[str, str]]:
    environ = {k: v for k, v in os.environ.items() if not k.startswith("AIRUNNER_")}
    return [sys.executable, "-m", "airunner", *arguments, "--home", str(home)], environ


@contextmanager
def serving(home: Path, *arguments: str, **variables: str) -> Iterator[Server]:
    """A server in ``home`` for the body; afterwards no process of it is left."""
    places = ("--pictures", str(home / "pictures"), "--files", str(home / "files"))
    line, environ = command(home, "serve", "--port", "0", *places, *SMALL, *arguments)
    environ |= variables
    with subprocess.Popen(line, env=environ, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert "serves at" in process.stdout.readline()
            process.stdout.readline()
            presence = find_server(home)
            assert presence is not None
            yield Server(home, process, presence)
            workers = [] if process.poll() is not None else workers_below(process.pid)
            process.terminate()
            process.wait(timeout=300)
        except BaseException:
            process.kill()
            raise
    wait_until(lambda: all(map(has_ended, workers)))


@contextmanager
def scripted(home: Path, port: int = 0) -> Iterator[Server]:
    """A server whose model does as it is told, for the body; see ``benchmarks.scripted_model``."""
    line = [sys.executable, "-m", "benchmarks.scripted_server", str(home), str(port)]
    with subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert "serves at" in process.stdout.readline()
            presence = find_server(home)
            assert presence is not None
            yield Server(home, process, presence)
            process.terminate()
            process.wait(timeout=300)
        except BaseException:
            process.kill()
            raise


def workers_below(pid: int) -> list[int]:
    """The processes that a process has started."""
    return [child.pid for child in psutil.Process(pid).children(recursive=True)]


@pytest.fixture(scope="module")
def home(make_home: Callable[[], Path]) -> Path:
    """A home folder of the module, with both embedded models."""
    return make_home()


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[Server]:
    """One server for the tests of a module, with room for both models."""
    with serving(home, "--max-memory", "600MB") as found:
        yield found
