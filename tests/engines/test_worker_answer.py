"""Responses of a worker, wherever the network cuts them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest

from airunner.engines.worker_answer import WorkerAnswer
from airunner.errors import WorkerDiedError

TEXT = b'data: {"a": "\xc3\xa9"}\r\n\ndata: [DONE]'
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n" + b"".join(
    b"%x;note=1\r\n%s\r\n" % (len(piece), piece) for piece in (TEXT[:3], TEXT[3:4], TEXT[4:])
)
WHOLE = {
    "in chunks": CHUNKED + b"0\r\nTrailer: 1\r\n\r\n",
    "of a length": b"content-length:%d\r\n\r\n" % len(TEXT) + TEXT,
    "to the end": b"Connection: close\r\n\r\n" + TEXT,
}
BROKEN = {
    "in the head": b"Content-Length: 5",
    "within a chunk": CHUNKED[:-3],
    "before the last chunk": CHUNKED,
    "before its length": WHOLE["of a length"][:-1],
    "by what is no chunk": CHUNKED + b"zz\r\n\r\n",
}


async def answer_of(pieces: Iterable[bytes]) -> WorkerAnswer:
    left = iter(pieces)

    async def receive() -> bytes:
        return next(left, b"")

    async def broken() -> Exception:
        return WorkerDiedError("model", None)

    return await WorkerAnswer.begun(receive, broken)


def cut(response: bytes, n_bytes: int) -> list[bytes]:
    return [response[start : start + n_bytes] for start in range(0, len(response), n_bytes)]


@pytest.mark.parametrize("n_bytes", [1, 2, 7, 1000])
@pytest.mark.parametrize("rest", WHOLE.values(), ids=WHOLE)
def test_a_response_is_the_same_wherever_it_is_cut(rest: bytes, n_bytes: int) -> None:
    pieces = cut(b"HTTP/1.1 201 Created\r\n" + rest, n_bytes)

    async def main() -> None:
        answer = await answer_of(pieces)
        assert (answer.status, await answer.read()) == (201, TEXT)
        lines = [line async for line in (await answer_of(pieces)).lines()]
        assert lines == ['data: {"a": "é"}', "", "data: [DONE]"]

    asyncio.run(main())


@pytest.mark.parametrize("rest", BROKEN.values(), ids=BROKEN)
def test_one_that_breaks_off_is_no_whole_one(rest: bytes) -> None:
    async def main() -> None:
        with pytest.raises(WorkerDiedError):
            await (await answer_of(cut(b"HTTP/1.1 200 OK\r\n" + rest, 5))).read()

    asyncio.run(main())


def test_what_is_no_http_is_refused() -> None:
    with pytest.raises(WorkerDiedError):
        asyncio.run(answer_of([b"SSH-2.0-x\r\n\r\n"]))
