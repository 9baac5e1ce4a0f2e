"""A real HTTP server on loopback that knows ranges and can be told to misbehave."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from airunner.events import DownloadProgressed, EventBus
from airunner.weights.transfer import Transfer

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class FileServer:
    """`files` by path. Each entry of `cuts` breaks one answer off after that many body bytes.

    `odd` answers go first, by path: status, headers and body; a body without an end is
    sent for as long as somebody reads. Answers wait for `may_answer`, which is set unless a
    test clears it; a longer one is held after `hold_after` bytes until `go_on` is set.
    """

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    can_resume: bool = True
    cuts: list[int] = field(default_factory=list)
    odd: dict[str, tuple[int, dict[str, str], Iterable[bytes]]] = field(default_factory=dict)
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    may_answer: threading.Event = field(default_factory=threading.Event)
    hold_after: int | None = None
    go_on: threading.Event = field(default_factory=threading.Event)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: FileServer

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        self.state.requests.append((path, self.headers.get("Range")))
        self.state.may_answer.wait()
        if path in self.state.odd:
            status, headers, chunks = self.state.odd[path]
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.close_connection = True
            with suppress(OSError):
                for chunk in chunks:
                    self.wfile.write(chunk)
            return
        body = self.state.files.get(path)
        if body is None:
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        tag = f'"{hashlib.md5(body).hexdigest()}"'
        start = 0
        span = self.headers.get("Range")
        if span is not None and self.headers.get("If-Range") == tag:
            start = int(span.removeprefix("bytes=").rstrip("-"))
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        else:
            self.send_response(200)
        if self.state.can_resume:
            self.send_header("ETag", tag)
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        rest = body[start:]
        if self.state.cuts:
            rest = rest[: self.state.cuts.pop(0)]
            self.close_connection = True
        hold_after = self.state.hold_after  # which may be lifted meanwhile
        with suppress(OSError):  # who was held may have gone
            if hold_after is not None and len(rest) > hold_after:
                self.wfile.write(rest[:hold_after])
                self.wfile.flush()
                self.state.go_on.wait()
                rest = rest[hold_after:]
            self.wfile.write(rest)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def file_server() -> Iterator[FileServer]:
    """A server that runs for the body."""
    state = FileServer()
    state.may_answer.set()
    handler = type("Handler", (_Handler,), {"state": state})
    http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    state.url = f"http://127.0.0.1:{http.server_port}"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield state
    state.may_answer.set()
    state.go_on.set()
    http.shutdown()
    thread.join()
    http.server_close()


@contextmanager
def model_hub(files: Mapping[str, Iterable[str]], body: bytes) -> Iterator[FileServer]:
    """A hub that has ``body`` under the names of ``files``, by repository, and finds them all."""
    lfs = {"sha256": hashlib.sha256(body).hexdigest(), "size": len(body), "pointerSize": 134}
    with file_server() as state:
        rows = [{"id": repo, "sha": COMMIT, "downloads": 3} for repo in files]
        state.files["/api/models"] = json.dumps(rows).encode()
        for repo, names in files.items():
            siblings = [{"rfilename": name, "size": len(body), "lfs": lfs} for name in names]
            listing = {"id": repo, "sha": COMMIT, "siblings": siblings}
            state.files[f"/api/models/{repo}/revision/main"] = json.dumps(listing).encode()
            for name in names:
                state.files[f"/{repo}/resolve/{COMMIT}/{name}"] = body
        yield state


@pytest.fixture
def server() -> Iterator[FileServer]:
    with file_server() as state:
        yield state


@dataclass
class Recorder:
    """A transfer into `folder` and the progress it reported."""

    transfer: Transfer
    events: list[DownloadProgressed]


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    folder = tmp_path / "models" / "publisher--model"
    folder.mkdir(parents=True)
    bus = EventBus()
    events: list[DownloadProgressed] = []
    bus.subscribe(events.append)
    return Recorder(Transfer("publisher/model", folder, bus), events)
