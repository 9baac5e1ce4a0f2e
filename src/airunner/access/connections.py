"""Connections: whose they are, and those that say nothing, do not end, or listen no more.

Owns how long a client may take to send the head of a request and to read what it is answered,
and how much it may send that is no body; how its body may come is ``guard``'s. A server that
waits for ever has its connections used up by whoever opens many, and its models by whoever
reads no answer. Whose program is at the other end is asked once, before it has sent anything.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from airunner.access.peer import OF_ANOTHER_USER, is_another_users

HEAD_WAIT_S = 20.0
"""The longest time from a request's first byte, or a connection's beginning, to its last header."""

READ_WAIT_S, LEAST_BYTES = 30.0, 32 * 1024
"""A client for whom more waits than the system holds has to read so much in that time."""

_WRITTEN_AT_ONCE = 64 * 1024
MOST_HEAD_BYTES = 64 * 1024
"""What may come with nothing of a body in it: a head, or what stands behind the last chunk."""


class GatheringTransport:
    """A transport that sends in one piece what is written in one step of the event loop.

    Uvicorn writes the head of a response by itself, as the end of a stream: each would be a call
    of the system, and wake the client for a part of what it waits for.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._gathered: list[bytes] = []
        self._n_bytes = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send ``data`` before the loop waits again, or at once if there is much of it."""
        if not self._gathered:
            self._loop.call_soon(self._send)
        self._gathered.append(data)
        self._n_bytes += len(data)
        if self._n_bytes >= _WRITTEN_AT_ONCE:
            self._send()

    def close(self) -> None:
        """Send what was written, and close."""
        self._send()
        self._transport.close()

    def get_write_buffer_size(self) -> int:
        """Bytes that the system has not taken yet."""
        return self._transport.get_write_buffer_size() + self._n_bytes

    def _send(self) -> None:
        if self._gathered:
            data = b"".join(self._gathered)
            self._gathered.clear()
            self._n_bytes = 0
            self._transport.write(data)


class PromptConnection(HttpToolsProtocol):
    """Uvicorn's connection, closed if a head is late or too long, or an answer is not read.

    Its parser is written in C: h11's, in Python, costs more for each token that is sent than
    all of our own work on it.
    """

    def __init__(
        self,
        *args: Any,
        head_wait_s: float = HEAD_WAIT_S,
        read_wait_s: float = READ_WAIT_S,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._head_wait_s, self._read_wait_s = head_wait_s, read_wait_s
        self._head_timer: asyncio.TimerHandle | None = None
        self._read_timer: asyncio.TimerHandle | None = None
        self._unread_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Ask whose it is, and begin to wait."""
        super().connection_made(GatheringTransport(transport, self.loop))  # type: ignore[arg-type]
        if self.client and self.server and self.server[1]:
            is_others = is_another_users(self.client, (self.server[0], self.server[1]))
            self.app_state = {**self.app_state, OF_ANOTHER_USER: is_others}
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_waiting()
        self._stop_looking()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, as long as it is of some use."""
        self._unread_bytes += len(data)
        super().data_received(data)
        if self._unread_bytes > MOST_HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response("The head of the request is too long.")

    def on_message_begin(self) -> None:
        """Wait for the rest of a head that has begun."""
        super().on_message_begin()
        if self._head_timer is None:
            self._wait()

    def pause_writing(self) -> None:
        """Look from now on whether anybody reads."""
        super().pause_writing()
        self._look_later()

    def resume_writing(self) -> None:
        """Look no more."""
        self._stop_looking()
        super().resume_writing()

    def _look_later(self) -> None:
        unread_bytes = self.transport.get_write_buffer_size()
        self._read_timer = self.loop.call_later(self._read_wait_s, self._look, unread_bytes)

    def _look(self, unread_bytes: int) -> None:
        if unread_bytes - self.transport.get_write_buffer_size() < LEAST_BYTES:
            self.transport.abort()
        else:
            self._look_later()

    def _stop_looking(self) -> None:
        if self._read_timer is not None:
            self._read_timer.cancel()
            self._read_timer = None

    def on_headers_complete(self) -> None:
        """A whole head ends the waiting."""
        self._stop_waiting()
        self._unread_bytes = 0
        if not self.url.startswith(b"/"):  # an address with another server's name is no path here
            self.url = b"/" + self.url
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """See ``HttpToolsProtocol``."""
        self._unread_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """See ``HttpToolsProtocol``."""
        self._unread_bytes = 0
        super().on_message_complete()

    def _wait(self) -> None:
        self._head_timer = self.loop.call_later(self._head_wait_s, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
