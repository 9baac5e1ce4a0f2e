"""How a request's body may come: how large, and how slowly.

Owns the bounds and what ends the reading; who may ask at all is the ``guard``'s to say.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

CLOSE = {"Connection": "close"}
"""The header of an answer after which nothing more is read."""

_SMALL_BYTES, _SMALL_S = 65_536, 1.0


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """How a request's body may come. ``n_bytes`` has room for several pictures.

    Attributes:
        n_bytes: the largest body.
        pause_s: the longest pause while it comes.
        whole_s: the longest time until it is whole.
    """

    n_bytes: int = 64 * 2**20
    pause_s: float = 30.0
    whole_s: float = 300.0

    def allows(self, length: str) -> bool:
        """Whether a body may be as long as its Content-Length says."""
        digits = length.isascii() and length.isdecimal() and len(length) <= 20
        return digits and int(length) <= self.n_bytes

    @property
    def too_large(self) -> str:
        """What is told of a body that is too large."""
        return f"The body may have {self.n_bytes:,} bytes at most."


class BoundedBody:
    """Receives a request's body, as long as it is neither too large nor too slow."""

    def __init__(self, receive: Receive, limits: BodyLimits) -> None:
        self._receive = receive
        self._limits = limits
        self._ends_s = time.monotonic() + limits.whole_s
        self._bytes = 0
        self._whole = False

    async def __call__(self) -> Message:
        """The next message.

        Raises:
            HTTPException: it came too slowly (408), or the body is too large (413).
        """
        if self._whole:
            return await self._receive()
        left_s = min(self._limits.pause_s, self._ends_s - time.monotonic())
        try:
            async with asyncio.timeout(max(0.0, left_s)):
                message = await self._receive()
        except TimeoutError:
            raise _refused(408, "The body of the request came too slowly, or not at all.") from None
        self._bytes += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        if self._bytes > self._limits.n_bytes:
            raise _refused(413, self._limits.too_large)
        return message


async def read_away(headers: Headers, receive: Receive) -> None:
    """Read a small body that nobody wants: closing with it unread may destroy the answer."""
    length = headers.get("content-length", "")
    if not (length.isascii() and length.isdecimal() and len(length) <= 6):
        return
    if int(length) <= _SMALL_BYTES:
        with suppress(TimeoutError):
            async with asyncio.timeout(_SMALL_S):
                while (await receive()).get("more_body", False):
                    pass


def _refused(status: int, message: str) -> HTTPException:
    """What ends the reading of a body; routes' readers let this kind of error through."""
    return HTTPException(status, message, CLOSE)
