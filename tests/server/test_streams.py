"""A client hears something while there is nothing to send, and one that goes ends the work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from fastapi import Request
from fastapi.responses import StreamingResponse

from airunner.errors import GenerationError, HungUpError, ServerStoppedError
from airunner.server.streams import comment, stream_response, unless_hung_up

SCOPE: dict[str, Any] = {"type": "http", "headers": []}


class Client:
    """Who asks. ``gone`` is set when it hangs up, ``heard`` with each sign of life."""

    def __init__(self) -> None:
        self.gone, self.heard = asyncio.Event(), asyncio.Event()
        self.pieces: list[str] = []

    async def receive(self) -> dict[str, Any]:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        if piece := message.get("body", b"").decode():
            if piece != comment() or self.pieces[-1:] != [piece]:
                self.pieces.append(piece)
            if piece == comment():
                self.heard.set()

    async def ask(self, pieces: AsyncGenerator[str, None], silence_s: float = 0.001) -> None:
        request = Request(SCOPE, self.receive)
        response = await stream_response(
            request, pieces, lambda told: told.message, alive=comment, silence_s=silence_s
        )
        assert isinstance(response, StreamingResponse)
        await response(SCOPE, self.receive, self.send)

    async def sign_of_life(self) -> None:
        self.heard.clear()
        await self.heard.wait()


async def nothing_is_left() -> None:
    """No task goes on; the end of the loop would hide one."""
    for _ in range(20):
        await asyncio.sleep(0)  # what was cancelled ends
    assert asyncio.all_tasks() == {asyncio.current_task()}


def test_something_comes_before_and_between_pieces_that_take_long() -> None:
    client = Client()

    async def pieces() -> AsyncGenerator[str, None]:
        for piece in ("a", "b"):
            await client.sign_of_life()
            yield piece

    asyncio.run(client.ask(pieces()))
    assert client.pieces == [comment(), "a", comment(), "b"]


def test_nothing_comes_between_pieces_that_do_not() -> None:
    client = Client()

    async def pieces() -> AsyncGenerator[str, None]:
        for piece in ("a", "b"):
            yield piece
            await asyncio.sleep(0)  # whoever watches for silence has its turn

    async def main() -> None:
        await client.ask(pieces(), silence_s=60)
        assert client.pieces == ["a", "b"]
        await nothing_is_left()

    asyncio.run(main())


def test_an_error_after_a_sign_of_life_is_told_in_the_stream() -> None:
    client = Client()

    async def pieces() -> AsyncGenerator[str, None]:
        await client.sign_of_life()
        raise GenerationError("a/model", "it broke")
        yield ""

    asyncio.run(client.ask(pieces()))
    assert "it broke" in client.pieces[-1]


def test_an_error_at_once_is_no_stream() -> None:
    async def pieces() -> AsyncGenerator[str, None]:
        raise GenerationError("a/model", "it broke")
        yield ""

    async def main() -> None:
        with pytest.raises(GenerationError):
            await Client().ask(pieces(), silence_s=60)
        await nothing_is_left()

    asyncio.run(main())


def test_who_goes_before_the_first_piece_ends_the_work() -> None:
    client, ended = Client(), asyncio.Event()

    async def pieces() -> AsyncGenerator[str, None]:
        try:
            client.gone.set()
            await asyncio.Event().wait()
            yield ""
        finally:
            ended.set()

    async def main() -> None:
        with pytest.raises(HungUpError):
            await client.ask(pieces(), silence_s=60)
        assert ended.is_set()
        await nothing_is_left()

    asyncio.run(main())


@pytest.mark.parametrize("before", [0, 1])
def test_who_goes_while_nothing_is_there_ends_the_work(before: int) -> None:
    client, ended = Client(), asyncio.Event()

    async def pieces() -> AsyncGenerator[str, None]:
        try:
            for _ in range(before):
                yield "a"
            await client.sign_of_life()
            client.gone.set()
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def main() -> None:
        await client.ask(pieces())
        await nothing_is_left()
        assert ended.is_set()

    asyncio.run(main())


def test_who_reads_when_the_server_ends_is_told() -> None:
    client = Client()

    async def pieces() -> AsyncGenerator[str, None]:
        yield "a"
        await client.sign_of_life()
        asking.cancel()
        await asyncio.Event().wait()

    async def main() -> None:
        nonlocal asking
        asking = asyncio.create_task(client.ask(pieces()))
        await asking
        assert "stopped before this answer was complete" in client.pieces[-1]
        await nothing_is_left()

    asking: asyncio.Task[None]
    asyncio.run(main())


def test_who_waits_when_the_server_ends_gets_an_error() -> None:
    async def pieces() -> AsyncGenerator[str, None]:
        await asyncio.Event().wait()
        yield ""

    async def never() -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        client = Client()
        request = Request(SCOPE, client.receive)
        for asked in (client.ask(pieces(), silence_s=60), unless_hung_up(request, never())):
            asking = asyncio.create_task(asked)
            await asyncio.sleep(0.01)
            asking.cancel()
            with pytest.raises(ServerStoppedError):
                await asking
        await nothing_is_left()

    asyncio.run(main())
