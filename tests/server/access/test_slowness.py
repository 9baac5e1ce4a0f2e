"""Requests that never end, on real sockets; the waits are short because they are given."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from airunner.access.connections import PromptConnection
from airunner.access.guard import Admission, Guard
from airunner.access.request_body import BodyLimits

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
POST = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n"
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Says how long the body was."""
    body = await Request(scope, receive).body()
    await PlainTextResponse(str(len(body)))(scope, receive, send)


@asynccontextmanager
async def connected(
    limits: BodyLimits, head_wait_s: float = 60, app: ASGIApp = echo, read_wait_s: float = 60
) -> AsyncIterator[Streams]:
    """A connection to a guarded server of this process."""
    connection = partial(PromptConnection, head_wait_s=head_wait_s, read_wait_s=read_wait_s)
    with socket.create_server(("127.0.0.1", 0)) as sock:
        config = uvicorn.Config(
            Guard(app, Admission(body=limits)),
            http=connection,  # type: ignore[arg-type]
            ws="none",
            lifespan="off",
            log_config=None,
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[sock]))
        reader, writer = await asyncio.open_connection(*sock.getsockname())
        try:
            yield reader, writer
        finally:
            writer.close()
            server.should_exit = True
            await serving


def answer_to(*pieces: bytes, limits: BodyLimits | None = None, head_wait_s: float = 60) -> bytes:
    """Everything the server says to these pieces until it hangs up."""

    async def ask() -> bytes:
        async with connected(limits or BodyLimits(), head_wait_s) as (reader, writer):
            writer.writelines(pieces)
            return await asyncio.wait_for(reader.read(), 300)

    return asyncio.run(ask())


def test_a_body_that_stops_in_the_middle() -> None:
    said = answer_to(POST + b"abc", limits=BodyLimits(pause_s=0.05))
    assert said.startswith(b"HTTP/1.1 408 ")
    assert b'"slow_body"' in said


def test_a_body_that_drips_is_given_up_after_a_time_in_all() -> None:
    said = answer_to(POST + b"abc", limits=BodyLimits(pause_s=600, whole_s=0.05))
    assert said.startswith(b"HTTP/1.1 408 ")


def test_a_body_that_grows_too_large() -> None:
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    said = answer_to(head + b"5\r\nabcde\r\n" * 3, limits=BodyLimits(n_bytes=10))
    assert said.startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("sent", [b"", b"GET / HT", GET[:-2]])
def test_a_head_that_never_ends(sent: bytes) -> None:
    assert answer_to(sent, head_wait_s=0.05) == b""


@pytest.mark.parametrize(
    "begun",
    [
        GET[:-2] + b"X: ",
        b"GET /",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ",
    ],
    ids=["a head", "a target", "behind the last chunk"],
)
def test_what_is_no_body_grows_too_long(begun: bytes) -> None:
    try:
        said = answer_to(begun, b"a" * 2**20)
    except ConnectionError:
        return  # what it left unread destroyed the answer
    assert said.startswith(b"HTTP/1.1 400 ")


def test_a_second_head_that_never_ends() -> None:
    async def ask() -> bytes:
        async with connected(BodyLimits(), head_wait_s=0.2) as (reader, writer):
            writer.write(GET)
            await reader.readuntil(b"\r\n\r\n0")
            writer.write(GET[:-2])
            return await asyncio.wait_for(reader.read(), 300)  # uvicorn alone would wait for ever

    assert asyncio.run(ask()) == b""


def test_whole_requests_are_not_hurried() -> None:
    last = GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    said = answer_to(GET, POST + b"abcdefghi", last, head_wait_s=0.3)
    assert said.count(b"HTTP/1.1 200 ") == 3


def test_an_answer_that_nobody_reads_ends() -> None:
    """It would hold its model, for which others wait."""

    async def ask() -> None:
        ended = asyncio.Event()

        async def endless() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield bytes(2**20)
                    await asyncio.sleep(0)
            finally:
                ended.set()

        async def flood(scope: Scope, receive: Receive, send: Send) -> None:
            await StreamingResponse(endless())(scope, receive, send)

        async with connected(BodyLimits(), app=flood, read_wait_s=0.05) as (_, writer):
            writer.write(GET)
            await asyncio.wait_for(ended.wait(), 300)  # nothing is read meanwhile

    asyncio.run(ask())


def test_a_large_answer_is_read_in_peace() -> None:
    async def large(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse(bytes(10**7), headers={"Connection": "close"})(scope, receive, send)

    async def ask() -> int:
        async with connected(BodyLimits(), app=large) as (reader, writer):
            writer.write(GET)
            return len(await asyncio.wait_for(reader.read(), 300))

    assert asyncio.run(ask()) > 10**7
