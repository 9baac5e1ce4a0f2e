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

MOST_HEAD_BYTES = 64 * 1024
"""What may come with nothing of a body in it: a head, or what stands behind the last chunk."""


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
        super().connection_made(transport)
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
