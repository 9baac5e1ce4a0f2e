"""Connections that say nothing.

Owns how long a client may take to send the head of a request; how its body may come is
``guard``'s. A server that waits for ever has its connections used up by whoever opens many.
"""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_WAIT_S = 20.0
"""The longest time from a request's first byte, or a connection's beginning, to its last header."""


class PromptConnection(H11Protocol):
    """Uvicorn's connection, closed if the head of a request is not whole in time."""

    def __init__(self, *args: Any, head_wait_s: float = HEAD_WAIT_S, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_wait_s = head_wait_s
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Wait for the rest of a head that has begun; a whole one ends the waiting."""
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._stop_waiting()
        elif self.conn.trailing_data[0] and self._head_timer is None:
            self._wait()

    def _wait(self) -> None:
        self._head_timer = self.loop.call_later(self._head_wait_s, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
