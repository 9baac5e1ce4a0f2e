"""Connections that say nothing, and those that listen no more.

Owns how long a client may take to send the head of a request, and to read what it is
answered; how its body may come is ``guard``'s. A server that waits for ever has its
connections used up by whoever opens many, and its models by whoever reads no answer.
"""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_WAIT_S = 20.0
"""The longest time from a request's first byte, or a connection's beginning, to its last header."""

READ_WAIT_S, LEAST_BYTES = 30.0, 32 * 1024
"""A client for whom more waits than the system holds has to read so much in that time."""


class PromptConnection(H11Protocol):
    """Uvicorn's connection, ended if a head is not whole in time, or an answer not read."""

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

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_waiting()
        self._stop_looking()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Wait for the rest of a head that has begun; a whole one ends the waiting."""
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._stop_waiting()
        elif self.conn.trailing_data[0] and self._head_timer is None:
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

    def _wait(self) -> None:
        self._head_timer = self.loop.call_later(self._head_wait_s, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
