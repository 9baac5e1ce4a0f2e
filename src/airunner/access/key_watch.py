"""What is open ends with the key that opened it: a page's websocket, an answer in pieces.

Owns that what is asked after that does not arrive, nor what would be shown. Who is let in is
the guard's to say.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from starlette.types import Message, Receive, Send

_POLICY = 1008
"""The code of RFC 6455 with which a socket is closed that breaks the rules of the house."""

_LOOK_S = 1.0
"""A stream is ended so many seconds after its key at most, if something comes."""


class KeyGoneError(Exception):
    """The key of an answer that comes in pieces is not known any more; ends what makes them."""


class WatchedAnswer:
    """``send`` of an answer, of which no further piece comes once nobody ``is_let_in``."""

    def __init__(
        self,
        send: Send,
        is_let_in: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._send, self._is_let_in, self._clock = send, is_let_in, clock
        self._looked_s: float | None = None

    async def send(self, message: Message) -> None:
        """Send a message.

        Raises:
            KeyGoneError: the visitor is not let in any more.
        """
        if message.get("more_body") and self._is_time() and not self._is_let_in():
            raise KeyGoneError
        await self._send(message)

    def _is_time(self) -> bool:
        now_s = self._clock()
        if self._looked_s is not None and now_s < self._looked_s + _LOOK_S:
            return False
        self._looked_s = now_s
        return True


class WatchedSocket:
    """``receive`` and ``send`` of a socket, each time after asking whether ``is_let_in``."""

    def __init__(self, receive: Receive, send: Send, is_let_in: Callable[[], bool]) -> None:
        self._receive, self._send, self._is_let_in = receive, send, is_let_in
        self._ended = False

    async def receive(self) -> Message:
        """The next message; that the page has gone, where nobody is let in any more."""
        message = await self._receive()
        if message["type"] == "websocket.receive" and await self._has_ended():
            return {"type": "websocket.disconnect", "code": _POLICY}
        return message

    async def send(self, message: Message) -> None:
        """Send a message, to whom is let in."""
        if message["type"] == "websocket.send":
            await self._has_ended()
        if not self._ended:
            await self._send(message)

    async def _has_ended(self) -> bool:
        if not self._ended and not self._is_let_in():
            self._ended = True
            await self._send({"type": "websocket.close", "code": _POLICY})
        return self._ended
