"""The connection to a worker, against a server that never answers."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from airunner.engines.base import ChatRequest, LoadPlan, WorkerExit
from airunner.engines.llama_cpp import LlamaCppModel
from airunner.errors import WorkerDiedError
from airunner.messages import Message

HELLO = ChatRequest([Message("user", "Hello")])


async def gone() -> WorkerExit:
    return WorkerExit(-9)


@pytest.mark.parametrize("steps", range(20))
def test_closing_leaves_no_connection_open_however_far_a_request_has_come(
    steps: int, tmp_path: Path
) -> None:
    async def main() -> None:
        open_connections = 0
        none_open = asyncio.Event()
        none_open.set()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal open_connections
            open_connections += 1
            none_open.clear()
            while await reader.read(1024):
                pass
            writer.close()
            open_connections -= 1
            if not open_connections:
                none_open.set()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        plan = LoadPlan("silent", tmp_path / "silent.gguf")
        model = LlamaCppModel(plan, f"http://127.0.0.1:{port}", "key", tmp_path, gone)
        asked = asyncio.create_task(anext(model.chat(HELLO, 0)))
        for _ in range(steps):
            await asyncio.sleep(0)
        await model.aclose()
        with pytest.raises(WorkerDiedError):
            await asked
        # What the client has connected reaches the server some steps later.
        for _ in range(20):
            await asyncio.sleep(0)
        await none_open.wait()
        with pytest.raises(WorkerDiedError):
            await anext(model.chat(HELLO, 0))
        server.close()
        await server.wait_closed()

    asyncio.run(asyncio.wait_for(main(), 20))
