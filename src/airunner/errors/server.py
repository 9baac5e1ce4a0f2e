"""Errors about the server: beginning one, and losing one that is used."""

from __future__ import annotations

from pathlib import Path

from airunner.errors.base import AiRunnerError


class ServerError(AiRunnerError):
    """Base of errors about running the server."""


class ServerRunningError(ServerError):
    """A second server for the same home folder; ``url`` is where the first one listens."""

    def __init__(self, url: str, home: Path) -> None:
        self.url, self.home = url, home
        where = f" at {url}" if url else ""
        super().__init__(
            f"A server for {home} runs already{where}. `airunner stop` ends it; "
            "another --home gets a server of its own."
        )


class PortTakenError(ServerError):
    """An address to listen at that cannot be had."""

    def __init__(self, host: str, port: int, problem: str) -> None:
        self.host, self.port, self.problem = host, port, problem
        super().__init__(f"Cannot listen at {host}:{port}: {problem}. Choose another --port.")


class ServerGoneError(ServerError):
    """The server that this program uses ended, or does not answer, in the middle of something."""

    def __init__(self, url: str, problem: str) -> None:
        self.url, self.problem = url, problem
        super().__init__(
            f"The AI Runner server at {url} is gone: {problem}. What was said so far is kept. "
            "Ask again; `airunner serve` starts it anew."
        )
