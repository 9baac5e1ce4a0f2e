"""The connection to a worker, against a server that answers no chat."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from airunner.engines.base import ChatRequest, LoadPlan, WorkerExit
from airunner.engines.connection import WorkerConnection
from airunner.engines.llama_cpp.client import LlamaCppModel
from airunner.engines.silence import SilenceLimits
from airunner.errors import GenerationError, WorkerDiedError, WorkerSilentError
from airunner.messages import Message

HELLO = ChatRequest([Message("user", "Hello")])
COUNTED = b'{"prompt": "Hello", "tokens": [1]}'
FAR = 12
"""Steps of the loop after which a request has connected and waits for its answer."""


async def gone() -> WorkerExit:
    return WorkerExit(-9)


async def read(chunks: AsyncIterator[Any]) -> list[Any]:
    return [chunk async for chunk in chunks]


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

    asyncio.run(asyncio.wait_for(main(), 300))


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


@pytest.mark.parametrize(
    "said",
    [b"", b"{}", b"[]", b"null", b"nonsense", b"\xff", b'{"prompt": 1, "tokens": 1}', b"[" * 5000],
)
def test_a_worker_that_answers_in_another_form_is_told_of(said: bytes, tmp_path: Path) -> None:
    """As a ``llama-server`` of the user's does that is much older, or newer."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(said) + said)
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        connection = WorkerConnection("odd", url, "key", gone)
        model = LlamaCppModel(LoadPlan("odd", tmp_path / "odd.gguf"), connection, tmp_path)
        sealed = tmp_path / "state"
        sealed.write_bytes(b"")
        asked = {"messages": [{"role": "user", "content": "Hello"}]}
        for what in (
            model.count_tokens(HELLO.messages, ()),
            model.read_beginning(HELLO, 0),
            model.embed(["Hello"]),
            model.save_slot(0, tmp_path / "saved"),
            model.restore_slot(0, sealed),
            anext(model.chat(HELLO, 0)),
            read(model.complete(HELLO, asked, 0)),
        ):
            with pytest.raises(GenerationError, match="odd"):
                await what
        server.close()

    asyncio.run(main())


class StoppedClock(asyncio.SelectorEventLoop):
    """A loop whose time passes when the test says so."""

    now_s = 0.0

    def time(self) -> float:
        return self.now_s

    async def pass_s(self, seconds: int) -> None:
        for _ in range(seconds):
            self.now_s += 1
            await steps(20)


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Wait = Callable[[StoppedClock], Awaitable[None]]


def completed(
    folder: Path, serve: Serve, limits: SilenceLimits, wait: Wait, **more: Any
) -> tuple[list[Any] | WorkerSilentError, list[str]]:
    """What comes of asking a worker whose time passes by ``wait``, and why it was killed."""
    killed, serving = list[str](), list[Any]()

    async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.append(asyncio.current_task())
        await serve(reader, writer)

    async def main(clock: StoppedClock) -> list[Any]:
        server = await asyncio.start_server(serve_one, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        connection = WorkerConnection("slow", url, "key", gone, killed.append, limits)
        model = LlamaCppModel(LoadPlan("slow", folder / "slow.gguf"), connection, folder)
        body = {"messages": [{"role": "user", "content": "Hello"}], **more}
        asking = asyncio.create_task(read(model.complete(HELLO, body, 0)))
        await wait(clock)
        try:
            return await asking
        finally:
            server.close()
            await asyncio.gather(*serving)

    clock = StoppedClock()
    try:
        return clock.run_until_complete(main(clock)), killed
    except WorkerSilentError as error:
        return error, killed
    finally:
        clock.close()


@pytest.mark.parametrize("grows", [True, False])
def test_an_answer_that_comes_at_once_is_waited_for_while_it_grows(
    grows: bool, tmp_path: Path
) -> None:
    """Its tokens are counted for as long as it lasts, whatever that is; each has its limit."""
    looks = 0
    arrived, answered = asyncio.Event(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal looks
        asked = await reader.read(65536)  # nothing, where the look was given up
        said: Any = {"choices": [{"message": {"content": "Done"}, "finish_reason": "stop"}]}
        if asked.startswith(b"GET /slots "):
            looks += 1
            said = [{"id": 0, "next_token": [{"n_decoded": looks if grows else 1}]}]
        elif asked:
            arrived.set()
            await answered.wait()
        body = json.dumps(said).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    async def wait(clock: StoppedClock) -> None:
        await arrived.wait()
        await clock.pass_s(300)
        answered.set()

    limits = SilenceLimits(first_token_s=100, next_token_s=40)
    tools = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
    came, killed = completed(tmp_path, serve, limits, wait, tools=tools, logprobs=True)
    if grows:
        assert isinstance(came, list)
        (chunk,) = came
        assert chunk["choices"][0]["delta"]["content"] == "Done"
        assert killed == []
    else:
        assert "--next-token-limit-s" in str(came)
        assert killed == ["it said nothing for 40 s"]


@pytest.mark.parametrize("answers", [True, False])
def test_neither_a_head_nor_a_ping_is_an_answer(answers: bool, tmp_path: Path) -> None:
    """llama-server sends the head before it reads a prompt, and pings while nothing comes."""
    told = {"choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": "stop"}]}
    data = b"data: %s\n\ndata: [DONE]\n\n" % json.dumps(told).encode()
    given_up = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(3):
            await asyncio.sleep(30)
            writer.write(b"3\r\n:\n\n\r\n")
        if not answers:
            await given_up.wait()
        writer.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(data), data))
        writer.close()

    async def wait(clock: StoppedClock) -> None:
        await steps(200)
        await clock.pass_s(150)
        given_up.set()

    limits = SilenceLimits(first_token_s=100, next_token_s=20)
    came, killed = completed(tmp_path, serve, limits, wait)
    if answers:
        assert isinstance(came, list)
        (chunk,) = came
        assert chunk["choices"][0]["delta"]["content"] == "Hi"
        assert killed == []
    else:
        assert "--first-token-limit-s" in str(came)
        assert killed == ["it said nothing for 1 min 40 s"]
