"""What a web server sent: its headers, and its body in pieces, decompressed within bounds.

Owns decompression and the size limit. A few kilobytes can be made to expand into
gigabytes, so nothing is ever decompressed further than the piece that is asked for.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from email.message import Message

from airunner.config.byte_size import format_bytes
from airunner.errors import ToolFailedError

_PIECE_BYTES = 64 * 1024
_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32
_RAW_DEFLATE = -zlib.MAX_WBITS


class Answer:
    """An answer whose body has not been read yet.

    Args:
        tool: whose errors are raised.
        url: where it came from, after all redirects.
        headers: as they were received.
        body: the bytes as they arrive.
        max_bytes: the most that the body may have, before and after decompression.

    Raises:
        ToolFailedError: the server announces more than ``max_bytes``.
    """

    def __init__(
        self,
        tool: str,
        url: str,
        headers: Sequence[tuple[bytes, bytes]],
        body: Iterable[bytes],
        max_bytes: int,
    ) -> None:
        self.url = url
        self._tool, self._body, self._max_bytes = tool, body, max_bytes
        # Its parser knows the quoting and folding of parameters.
        self._headers = Message()
        for name, value in headers:
            self._headers[name.decode("ascii", "replace")] = value.decode("latin-1")
        length = self._headers.get("Content-Length", "").strip()
        self.announced_bytes = int(length) if length.isdecimal() else None
        if self.announced_bytes is not None and self.announced_bytes > max_bytes:
            raise self._too_large()

    @property
    def media_type(self) -> str:
        """Such as ``text/html``; empty if the server does not say."""
        return self._headers.get_content_type() if "Content-Type" in self._headers else ""

    @property
    def charset(self) -> str | None:
        """The encoding that the server names for its text."""
        return self._headers.get_content_charset()

    def pieces(self) -> Iterator[bytes]:
        """The body, decompressed, in pieces of bounded size.

        Raises:
            ToolFailedError: it is too large, damaged, or compressed in a way not asked for.
            httpcore.NetworkError: the connection broke (or another error of its family).
        """
        encoding = self._headers.get("Content-Encoding", "").strip().lower()
        arrived = self._bounded(self._body)
        if encoding in ("", "identity"):
            return arrived
        if encoding in ("gzip", "x-gzip", "deflate"):
            return self._bounded(self._decompressed(arrived))
        raise ToolFailedError(
            self._tool, f"the server compressed its answer with {encoding}, which was not asked for"
        )

    def read(self) -> bytes:
        """The whole body. See ``pieces``."""
        return b"".join(self.pieces())

    def _bounded(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        done = 0
        for piece in pieces:
            done += len(piece)
            if done > self._max_bytes:
                raise self._too_large()
            yield piece

    def _decompressed(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        engine = None
        data = b""
        for piece in pieces:
            data += piece
            while data:
                if engine is None or engine.eof:
                    if len(data) < 2:
                        break  # too short to tell what it is
                    if engine is not None and not data.startswith(_GZIP_MAGIC):
                        return  # gzip files may be strung together; other bytes are padding
                    engine = zlib.decompressobj(_wbits(data))
                try:
                    expanded = engine.decompress(data, _PIECE_BYTES)
                except zlib.error as error:
                    problem = f"what the server sent is damaged: {error}"
                    raise ToolFailedError(self._tool, problem) from None
                if expanded:
                    yield expanded
                data = engine.unused_data if engine.eof else engine.unconsumed_tail
        if engine is None:
            return
        if rest := engine.flush():
            yield rest
        if not engine.eof:
            raise ToolFailedError(self._tool, "the server broke off in the middle of its answer")

    def _too_large(self) -> ToolFailedError:
        return ToolFailedError(
            self._tool, f"what is at {self.url} is larger than {format_bytes(self._max_bytes)}"
        )


def _wbits(begin: bytes) -> int:
    """How to decompress what begins so: some servers send deflate without its header."""
    is_zlib = begin[0] & 0x0F == 8 and int.from_bytes(begin[:2]) % 31 == 0
    return _GZIP_OR_ZLIB if is_zlib or begin.startswith(_GZIP_MAGIC) else _RAW_DEFLATE
