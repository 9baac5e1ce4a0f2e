"""One HTTP/1.1 response of a worker, read as it comes.

Owns the framing of its head and its body. Where the bytes come from, how long to wait for
them and what a broken connection means is ``connection``'s. Each token is a chunk of its own,
so what is done for one here is done some hundred times a second.

Source: RFC 9112.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Self

OK = 200
_HEAD_ENDS = b"\r\n\r\n"
_LONGEST_HEAD = 64 * 1024
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})")
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[ \t]*chunked", re.IGNORECASE)

Receive = Callable[[], Awaitable[bytes]]
"""Waits for the next bytes; there are none at the end."""
Broken = Callable[[], Awaitable[Exception]]
"""Makes the error for a connection that ends too early, or with what is no HTTP."""


class WorkerAnswer:
    """A response whose head has come: ``status``, and a body that is read once, in one way.

    ``n_bytes`` is the length of a body that is not in chunks, ``None`` if all to the end is it.
    """

    def __init__(self, head: bytes, body: bytes, receive: Receive, broken: Broken) -> None:
        found, length = _STATUS.match(head), _LENGTH.search(head)
        self.status = int(found[1]) if found else 0
        self._is_chunked = _CHUNKED.search(head) is not None
        self._n_bytes = int(length[1]) if length else None
        self._held = bytearray(body)
        self._receive, self._broken = receive, broken

    @classmethod
    async def begun(cls, receive: Receive, broken: Broken) -> Self:
        """The response once its head is there."""
        came = b""
        while (ends := came.find(_HEAD_ENDS)) < 0:
            piece = await receive()
            if not piece or len(came) > _LONGEST_HEAD:
                raise await broken()
            came += piece
        answer = cls(came[:ends], came[ends + len(_HEAD_ENDS) :], receive, broken)
        if not answer.status:
            raise await broken()
        return answer

    @property
    def has_body(self) -> bool:
        """Whether something of the body came with the head, and was not read yet."""
        return bool(self._held)

    async def read(self) -> bytes:
        """The whole body."""
        return b"".join([piece async for piece in self.pieces()])

    async def lines(self) -> AsyncIterator[str]:
        """The body line by line, without their ends."""
        rest = b""
        async for piece in self.pieces():
            *whole, rest = (rest + piece).split(b"\n")
            for line in whole:
                yield line.removesuffix(b"\r").decode("utf-8", "replace")
        if rest:
            yield rest.decode("utf-8", "replace")

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body as it comes, cut anywhere."""
        held, left = self._held, self._n_bytes
        while self._is_chunked:
            try:
                whole, is_last = _taken_from(held)
            except ValueError:
                raise await self._broken() from None
            if whole:
                yield whole
            if is_last:
                return
            held += await self._more()
        while left is None:
            if not (piece := bytes(held) or await self._receive()):
                return
            held.clear()
            yield piece
        while left > 0:
            piece = bytes(held[:left]) or await self._more()
            held.clear()
            left -= len(piece)
            yield piece

    async def _more(self) -> bytes:
        if not (piece := await self._receive()):
            raise await self._broken()
        return piece


def _taken_from(held: bytearray) -> tuple[bytes, bool]:
    """Take the chunks that are whole; their content, and whether the last of all was there.

    Raises:
        ValueError: it is no chunk.
    """
    whole: list[bytes] = []
    while (ends := held.find(b"\r\n")) > 0:
        size = int(held[:ends].partition(b";")[0], 16)
        if not size:
            return b"".join(whole), True
        begins = ends + 2
        if len(held) < begins + size + 2:
            break
        whole.append(bytes(held[begins : begins + size]))
        del held[: begins + size + 2]
    return b"".join(whole), False
