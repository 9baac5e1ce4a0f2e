"""The connection to a worker, against a server that answers no chat."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from airunner.engines.base import ChatRequest, LoadPlan, WorkerExit
from airunner.engines.connection import WorkerConnection
from airunner.engines.llama_cpp.client import LlamaCppModel
from airunner.errors import WorkerDiedError
from airunner.messages import Message

HELLO = ChatRequest([Message("user", "Hello")])
COUNTED = b'{"prompt": "Hello", "tokens": [1]}'
FAR = 12
"""Steps of the loop after which a request has connected and waits for its answer."""


async def gone() -> WorkerExit:
    return WorkerExit(-9)


async def steps(number: int) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


@asynccontextmanager
async def silent_worker(folder: Path) -> AsyncIterator[LlamaCppModel]:
    """A model whose server counts tokens, but never answers; at the end nothing is connected."""
    open_connections = 0
    none_open = asyncio.Event()
    none_open.set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal open_connections
        open_connections += 1
        none_open.clear()
        asked = b""
        while received := await reader.read(4096):
            asked += received
            # Head and body may come in one piece or in two.
            if asked.endswith(b"}") and not asked.startswith(b"POST /v1/chat"):
                asked = b""
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(COUNTED))
                writer.write(COUNTED)
        writer.close()
        open_connections -= 1
        if not open_connections:
            none_open.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    plan = LoadPlan("silent", folder / "silent.gguf")
    connection = WorkerConnection("silent", f"http://127.0.0.1:{port}", "key", gone)
    yield LlamaCppModel(plan, connection, folder)
    # What the client has connected reaches the server some steps later.
    await steps(20)
    await none_open.wait()
    server.close()
    await server.wait_closed()


def close_after(
    begun: int, folder: Path, close: Callable[[LlamaCppModel], Awaitable[None]]
) -> None:
    """A request that began ``begun`` steps ago fails when its model is closed."""

    async def main() -> None:
        async with silent_worker(folder) as model:
            # One connection for the chat, and one that stays idle.
            await asyncio.gather(*(model.count_tokens(HELLO.messages, ()) for _ in range(2)))
            asked = asyncio.create_task(anext(model.chat(HELLO, 0)))
            await steps(begun)
            await close(model)
            with pytest.raises(WorkerDiedError):
                await asked
            with pytest.raises(WorkerDiedError):
                await anext(model.chat(HELLO, 0))

    asyncio.run(asyncio.wait_for(main(), 20))


@pytest.mark.parametrize("begun", range(20))
def test_closing_leaves_no_connection_open_however_far_a_request_has_come(
    begun: int, tmp_path: Path
) -> None:
    close_after(begun, tmp_path, LlamaCppModel.aclose)


@pytest.mark.parametrize("later", range(8))
def test_two_may_close_it(later: int, tmp_path: Path) -> None:
    async def close(model: LlamaCppModel) -> None:
        first = asyncio.create_task(model.aclose())
        await steps(later)
        await model.aclose()
        await first

    close_after(FAR, tmp_path, close)


@pytest.mark.parametrize("later", range(8))
def test_closing_goes_on_where_its_caller_is_cancelled(later: int, tmp_path: Path) -> None:
    async def close(model: LlamaCppModel) -> None:
        given_up = asyncio.create_task(model.aclose())
        await steps(1 + later)
        given_up.cancel()
        await asyncio.wait([given_up])

    close_after(FAR, tmp_path, close)
