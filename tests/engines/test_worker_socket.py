"""What a worker sends is read whole, and a worker that is ahead of its reader waits."""

from __future__ import annotations

import asyncio
from pathlib import Path

from airunner.engines.worker_socket import WorkerSocket

SENT = bytes(range(256)) * 2**15  # 8 MiB


def test_a_worker_waits_for_a_reader_who_gets_all_of_it(tmp_path: Path) -> None:
    place = str(tmp_path / "socket")
    taken = 0

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal taken
        for start in range(0, len(SENT), 65536):
            writer.write(SENT[start : start + 65536])
            await writer.drain()
            taken = start + 65536
        writer.close()

    async def main() -> None:
        server = await asyncio.start_unix_server(serve, place)
        async with server:
            loop = asyncio.get_running_loop()
            transport, socket = await loop.create_unix_connection(WorkerSocket, place)
            before = -1
            while before != taken:
                before = taken
                for _ in range(100):
                    await asyncio.sleep(0)
            assert 0 < taken < len(SENT) / 2
            came = bytearray()
            while piece := await socket.read():
                came += piece
            assert bytes(came) == SENT
            assert await socket.read() == b""
            transport.close()

    asyncio.run(asyncio.wait_for(main(), 60))
