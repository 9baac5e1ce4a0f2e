"""What is written in one step of the event loop leaves in one piece."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from airunner.access.connections import GatheringTransport


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[GatheringTransport, socket.socket]]:
    loop = asyncio.get_running_loop()
    ours, theirs = socket.socketpair()
    with theirs:
        theirs.setblocking(False)
        transport, _ = await loop.create_connection(asyncio.Protocol, sock=ours)
        yield GatheringTransport(transport, loop), theirs
        transport.abort()


def test_a_head_and_what_follows_it_at_once_are_one_piece() -> None:
    async def main() -> None:
        async with connected() as (transport, client):
            transport.write(b"head, ")
            transport.write(b"body")
            assert transport.get_write_buffer_size() == len(b"head, body")
            with pytest.raises(BlockingIOError):
                client.recv(100)
            await asyncio.sleep(0)
            assert client.recv(100) == b"head, body"
            assert transport.get_write_buffer_size() == 0

    asyncio.run(main())


def test_much_is_not_held_back_and_nothing_is_lost_at_the_end() -> None:
    async def main() -> None:
        async with connected() as (transport, client):
            transport.write(b"x" * 100_000)
            came = client.recv(100_000)
            assert came
            transport.write(b"the end")
            transport.close()
            assert transport.is_closing()
            loop = asyncio.get_running_loop()
            while piece := await loop.sock_recv(client, 100_000):
                came += piece
            assert came == b"x" * 100_000 + b"the end"

    asyncio.run(main())
