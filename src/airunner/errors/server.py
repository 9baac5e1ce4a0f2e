"""The errors about running the server; ``airunner.errors`` draws the whole tree."""

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


class KeysError(ServerError):
    """A key that cannot be made, found or read; ``name`` is the key's, or the file's path."""

    def __init__(self, name: str, problem: str) -> None:
        self.name, self.problem = name, problem
        super().__init__(f"{name}: {problem}")


class NoKeysError(ServerError):
    """An address beyond this machine, where every request needs a key, and there is none."""

    def __init__(self, host: str) -> None:
        self.host = host
        super().__init__(
            f"At {host} other machines reach the server, so it needs a key, and there is none. "
            "`airunner keys add NAME` makes one; without --host only this machine is served."
        )


class MissingPackageError(ServerError):
    """Something that needs an extra which is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        self.what, self.extra = what, extra
        super().__init__(f"{what} needs an extra: `pip install 'airunner[{extra}]'` adds it")


class ForbiddenModelError(ServerError):
    """A model that the key of a request does not allow."""

    def __init__(self, model: str, key: str) -> None:
        self.model, self.key = model, key
        super().__init__(
            f"The key {key!r} may not use {model!r}; whoever runs the server can allow it: "
            "`airunner keys add --models`."
        )


class NotAManagerError(ServerError):
    """Something that is the owner's, asked for with a key that does not manage the server.

    ``key`` is empty for another user of the machine.
    """

    def __init__(self, key: str) -> None:
        self.key = key
        who = f"The key {key!r}" if key else "Another user"
        super().__init__(f"{who} may not manage this server: `keys add --manage`.")


class ServerGoneError(ServerError):
    """The server that this program uses ended, or does not answer, in the middle of something."""

    def __init__(self, url: str, problem: str) -> None:
        self.url, self.problem = url, problem
        super().__init__(
            f"The AI Runner server at {url} is gone: {problem}. What was said so far is kept. "
            "Ask again once `airunner serve` runs; or leave, and `airunner chat --continue` goes "
            "on without it."
        )


class UnknownResponseError(ServerError):
    """A response that was never given, not kept, or forgotten."""

    def __init__(self, response: str) -> None:
        self.response = response
        super().__init__(f"No response {response!r} is kept here.")


class ServerStoppedError(ServerError):
    """The server was told to stop, and could wait for this answer no longer."""

    def __init__(self) -> None:
        super().__init__("The server was stopped before this answer was complete. Ask again.")


class HungUpError(ServerError):
    """The client has gone; nobody reads an answer."""

    def __init__(self) -> None:
        super().__init__("The client hung up.")


class BodyRefusedError(ServerError):
    """A request's body that says what cannot be; ``status`` is the HTTP status."""

    def __init__(self, problem: str, status: int, code: str) -> None:
        self.problem, self.status, self.code = problem, status, code
        super().__init__(problem)
