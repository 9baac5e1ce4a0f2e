"""Requests that no client library would send."""

from __future__ import annotations

import socket
from contextlib import suppress

TIMEOUT_S = 300


def ask_raw(port: int, request: bytes) -> bytes:
    """Send ``request`` as it is; returns everything that comes until the server hangs up."""
    with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S) as sock:
        sock.sendall(request)
        pieces = []
        with suppress(ConnectionResetError):
            while piece := sock.recv(65536):
                pieces.append(piece)
        return b"".join(pieces)


def get_raw(port: int, target: str = "/v1/models", *headers: str, host: str = "localhost") -> bytes:
    """The response to a GET with exactly these headers."""
    lines = [f"GET {target} HTTP/1.1", f"Host: {host}", *headers, "Connection: close", "", ""]
    return ask_raw(port, "\r\n".join(lines).encode("latin-1"))


def status_of(response: bytes) -> int:
    """The status of a response; 0 where there is none."""
    parts = response.split(b" ", 2)
    return int(parts[1]) if len(parts) > 1 else 0
