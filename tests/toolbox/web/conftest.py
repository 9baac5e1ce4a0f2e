"""A web server on loopback that stands in for every host, and a fetcher that believes it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from airunner.toolbox.web.fetcher import Fetcher

Reply = tuple[int, dict[str, str], bytes]


@dataclass
class WebServer:
    """Answers by path. A body shorter than its Content-Length ends with a broken connection.

    `requests` has a path and headers for each request that came.
    """

    port: int = 0
    replies: dict[str, Reply] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def give(self, path: str, body: bytes | str, kind: str = "text/html", **headers: str) -> str:
        """Serve `body` at `path` of a host that exists only here; its address."""
        data = body.encode() if isinstance(body, str) else body
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.replies[path] = (200, {"Content-Type": kind, **named}, data)
        return f"http://site.example{path}"

    def refuse(self, path: str, status: int, **headers: str) -> str:
        """Serve nothing but a status."""
        self.replies[path] = (status, headers, b"")
        return f"http://site.example{path}"

    def resolve(self, host: str, port: int) -> list[tuple[str, int]]:
        """Every host is this server."""
        return [("127.0.0.1", self.port)]

    @property
    def hosts(self) -> list[str]:
        """The Host header of each request."""
        return [headers["Host"] for _path, headers in self.requests]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: WebServer

    def do_GET(self) -> None:
        self.state.requests.append((self.path, dict(self.headers.items())))
        status, headers, body = self.state.replies.get(self.path, (404, {}, b""))
        self.send_response(status)
        for name, value in headers.items():
            if value:
                self.send_header(name, value)
        if "Content-Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def web() -> Iterator[WebServer]:
    state = WebServer()
    handler = type("Handler", (_Handler,), {"state": state})
    http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    state.port = http.server_port
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield state
    http.shutdown()
    thread.join()
    http.server_close()


@pytest.fixture
def fetcher(web: WebServer) -> Fetcher:
    """Reaches loopback and nothing else."""
    return Fetcher("a_tool", resolve=web.resolve, is_allowed=lambda address: address.is_loopback)


@pytest.fixture
def fetch(fetcher: Fetcher) -> Callable[..., bytes]:
    """Fetch an address to its end."""

    def read(address: str, max_bytes: int = 1_000_000, **options: object) -> bytes:
        with fetcher.open(address, max_bytes=max_bytes, total_s=60, **options) as answer:
            return answer.read()

    return read
