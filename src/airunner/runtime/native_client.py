"""A program's way to the server of its home folder: requests, and streams of what happens.

Owns the connection and how its ends are told. What is asked is ``attached``'s. The library
that speaks HTTP is imported where a server is asked: most programs have none.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import airunner
from airunner.errors import AiRunnerError, ServerGoneError
from airunner.errors.as_json import error_from_json
from airunner.runtime.native_form import API
from airunner.runtime.presence import Presence, find_server

if TYPE_CHECKING:
    import httpx

CONNECT_S = 5.0
ANSWER_S = 30.0
"""How long a server may take to say what it is; one that Ctrl-Z stopped never does."""

_FAILED = 400


@dataclass(frozen=True, slots=True)
class Piece:
    """One server-sent event: its name, and its data read."""

    name: str
    value: Any


class NativeClient:
    """Blocking; any number of threads may use it at once.

    A server of ``home`` that was started anew is followed to where it is. Every method may
    raise ``ServerGoneError``, and what the server raised.
    """

    def __init__(self, server: Presence, home: Path) -> None:
        self._home = home
        self._use(server)

    def about(self) -> dict[str, Any]:
        """What the server says of itself."""
        return self._asked("GET", "", timeout=ANSWER_S)

    def get(self, path: str, **parameters: Any) -> dict[str, Any]:
        """What is at ``path``."""
        given = {name: value for name, value in parameters.items() if value is not None}
        return self._asked("GET", path, params=given)

    def post(self, path: str, body: Any = None) -> dict[str, Any]:
        """Have something done."""
        return self._asked("POST", path, json={} if body is None else body)

    def tell(self, path: str) -> None:
        """Let the server know something; it has ``ANSWER_S`` to take note."""
        self._asked("POST", path, json={}, timeout=ANSWER_S)

    async def post_from_loop(self, path: str, body: Any) -> dict[str, Any]:
        """The same from somebody's event loop; cancelling it hangs up."""
        import httpx

        with self._telling():
            self._follow()
            async with httpx.AsyncClient(**self._options) as http:
                response = await http.post(self._root + path, json=body)
        return _answer(response)

    def delete(self, path: str) -> dict[str, Any]:
        """End or remove something."""
        return self._asked("DELETE", path)

    @contextmanager
    def stream(self, path: str, body: Any) -> Iterator[Generator[Piece, None, None]]:
        """Have something done and hear of it piece by piece; leaving the body hangs up."""
        self._follow()
        with (
            self._telling(),
            self._http.stream("POST", self._root + path, json=body) as response,
        ):
            if response.status_code >= _FAILED:
                response.read()
                raise _raised(response)
            yield _pieces(response)

    @asynccontextmanager
    async def stream_from_loop(
        self, path: str, body: Any
    ) -> AsyncIterator[AsyncGenerator[Piece, None]]:
        """The same from somebody's event loop; cancelling it hangs up."""
        import httpx

        self._follow()
        with self._telling():
            async with (
                httpx.AsyncClient(**self._options) as http,
                http.stream("POST", self._root + path, json=body) as response,
            ):
                if response.status_code >= _FAILED:
                    await response.aread()
                    raise _raised(response)
                yield _pieces_from_loop(response)

    def close(self) -> None:
        """Hang up everything."""
        self._http.close()

    def _asked(self, method: str, path: str, **given: Any) -> dict[str, Any]:
        self._follow()
        with self._telling():
            response = self._http.request(method, self._root + path, **given)
        return _answer(response)

    def _use(self, server: Presence) -> None:
        import httpx

        self.server = server
        self._root = server.url + API
        # Neither a proxy of the environment nor a limit on how much is held open at once.
        self._options: dict[str, Any] = {
            "headers": _key(server),
            "timeout": httpx.Timeout(None, connect=CONNECT_S),
            "limits": httpx.Limits(max_connections=None),
            "trust_env": False,
        }
        self._http = httpx.Client(**self._options)

    def _follow(self) -> None:
        """Go to the server that runs now, if it is another one and can be used."""
        found = find_server(self._home)
        if found is None or found == self.server:
            return
        import httpx

        with self._telling(), httpx.Client(**{**self._options, "headers": _key(found)}) as http:
            told = http.get(found.url + API, timeout=ANSWER_S).json()
        if told.get("airunner") != airunner.__version__:
            problem = f"there is one of AI Runner {told.get('airunner')} now, which this cannot use"
            raise ServerGoneError(self.server.url, problem)
        self._http.close()
        self._use(found)

    @contextmanager
    def _telling(self) -> Iterator[None]:
        import httpx

        try:
            yield
        except (httpx.ConnectError, httpx.TimeoutException) as error:
            raise ServerGoneError(self.server.url, "it does not answer") from error
        except httpx.TransportError as error:
            problem = "the connection ended before the answer did"
            raise ServerGoneError(self.server.url, problem) from error


def _key(server: Presence) -> dict[str, str]:
    return {"Authorization": f"Bearer {server.key}"}


def failure_in(value: Any) -> AiRunnerError:
    """The error that a body, or a piece called ``error``, tells of."""
    told = value.get("error", {}) if isinstance(value, dict) else {}
    if isinstance(told, dict) and "raised" in told:
        return error_from_json(told["raised"])
    return AiRunnerError(told["message"] if "message" in told else str(value))


def _answer(response: httpx.Response) -> dict[str, Any]:
    if response.status_code >= _FAILED:
        raise _raised(response)
    told: dict[str, Any] = response.json()
    return told


def _raised(response: httpx.Response) -> AiRunnerError:
    try:
        return failure_in(response.json())
    except ValueError:
        return AiRunnerError(f"The server answered {response.status_code}: {response.text[:200]}")


class _Lines:
    """The lines of a stream as they come; the server writes each event's data as one of ASCII."""

    def __init__(self) -> None:
        self._name = ""

    def read(self, line: str) -> Iterator[Piece]:
        """The piece that is whole with this line."""
        if line.startswith("event: "):
            self._name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield Piece(self._name, json.loads(line.removeprefix("data: ")))
            self._name = ""


def _pieces(response: httpx.Response) -> Generator[Piece, None, None]:
    lines = _Lines()
    for line in response.iter_lines():
        yield from lines.read(line)


async def _pieces_from_loop(response: httpx.Response) -> AsyncGenerator[Piece, None]:
    lines = _Lines()
    async for line in response.aiter_lines():
        for piece in lines.read(line):
            yield piece
