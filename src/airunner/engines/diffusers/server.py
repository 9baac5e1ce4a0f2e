"""Serves one pipeline over loopback HTTP, one drawing at a time.

Everything runs in the thread that serves, which is the one that loaded the
model: another thread would have OpenMP start a second team of its own. A
request that comes meanwhile waits in the socket's queue.
"""

from __future__ import annotations

import hmac
import json
import select
import socket
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from airunner.engines.diffusers.parts import Parts
from airunner.engines.diffusers.runner import Cancelled, PipelineRunner
from airunner.engines.diffusers.wire import DRAW_PATH, encode_item, read_request
from airunner.engines.image import Drawn, ImageStep
from airunner.errors import AiRunnerError

_LONGEST_BODY_BYTES = 1 << 20
_SILENCE_S = 10.0


class ImageServer(HTTPServer):
    """The server of one worker. ``parts`` are the files that are on disk just now."""

    request_queue_size = 128

    def __init__(self, runner: PipelineRunner, api_key: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.runner, self.api_key, self.parts = runner, api_key, Parts()

    @property
    def url(self) -> str:
        """Where it serves."""
        return f"http://127.0.0.1:{self.server_port}"

    def server_bind(self) -> None:
        """Bind without asking the resolver for a name, as the base class does."""
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = self.socket.getsockname()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle is nothing to report."""


class _Handler(BaseHTTPRequestHandler):
    server: ImageServer
    # A connection that says nothing must not keep the others waiting for ever.
    timeout = _SILENCE_S

    def do_POST(self) -> None:
        """Answer a request to draw."""
        key = self.headers.get("Authorization", "").encode()
        if not hmac.compare_digest(key, f"Bearer {self.server.api_key}".encode()):
            self._refuse(HTTPStatus.UNAUTHORIZED, "wrong key")
            return
        if self.path != DRAW_PATH:
            self._refuse(HTTPStatus.NOT_FOUND, "no such path")
            return
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > _LONGEST_BODY_BYTES:
            self._refuse(HTTPStatus.BAD_REQUEST, f"a body of {length} bytes")
            return
        try:
            request = read_request(json.loads(self.rfile.read(int(length))))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            self._refuse(HTTPStatus.BAD_REQUEST, f"not a request: {error}")
            return
        # From here on only the client's leaving ends the connection early.
        self.connection.settimeout(None)
        parts = self.server.parts
        try:
            self._begin()
            try:
                end: Drawn | AiRunnerError = self.server.runner.draw(request, parts, self._report)
            except AiRunnerError as error:
                parts.discard()
                end = error
            self._write(end)
            self._wait_until_gone()
        except Cancelled:
            pass
        finally:
            parts.discard()

    def do_GET(self) -> None:
        """There is nothing to get, with or without the key."""
        self._refuse(HTTPStatus.UNAUTHORIZED, "wrong key")

    def log_message(self, format: str, *args: Any) -> None:
        """The log is for what goes wrong."""

    def _begin(self) -> None:
        try:
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", "application/x-ndjson")
            self.send_header("Connection", "close")
            self.end_headers()
        except OSError as error:
            raise Cancelled from error

    def _report(self, step: ImageStep) -> None:
        if self._is_gone():
            raise Cancelled
        self._write(step)

    def _write(self, item: ImageStep | Drawn | AiRunnerError) -> None:
        try:
            self.wfile.write(encode_item(item))
        except OSError as error:
            raise Cancelled from error

    def _is_gone(self) -> bool:
        if not select.select([self.connection], [], [], 0)[0]:
            return False
        with suppress(OSError):
            return not self.connection.recv(1, socket.MSG_PEEK)
        return True

    def _wait_until_gone(self) -> None:
        """The client takes the pictures before it closes."""
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            while self.connection.recv(4096):
                pass

    def _refuse(self, status: HTTPStatus, problem: str) -> None:
        content = problem.encode()
        with suppress(OSError):
            self.send_response(status)
            self.send_header("Content-Type", "text/plain; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
