"""Pages and answers that are open when their key is removed."""

from __future__ import annotations

import asyncio

import pytest
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from airunner.access.guard import KEY_COOKIE, Admission, Guard
from airunner.access.key_watch import KeyGoneError, WatchedAnswer
from airunner.resources.visitor import Visitor

OWNER = Visitor("me")


@pytest.mark.parametrize("now", [None, Visitor("me", manages=False), Visitor("me", ("a",))])
def test_a_socket_ends_with_the_key_that_opened_it(now: Visitor | None) -> None:
    keys: dict[str, Visitor | None] = {"k": OWNER}
    heard = []

    async def echo(socket: WebSocket) -> None:
        await socket.accept()
        async for text in socket.iter_text():
            heard.append(text)
            if text == "push":
                keys["k"] = now
            await socket.send_text(text)

    app = Starlette(routes=[WebSocketRoute("/", echo)])
    rules = Admission({"testserver"}, key_required=True, find_key=keys.get, signs_in=True)
    asked = TestClient(Guard(app, rules))
    headers = {"origin": "http://testserver", "cookie": f"{KEY_COOKIE}=k"}
    for last in ("asks", "push"):
        keys["k"] = OWNER
        with asked.websocket_connect("/", headers=headers) as socket:
            socket.send_text("hello")
            assert socket.receive_text() == "hello"
            if last == "asks":
                keys["k"] = now
            socket.send_text(last)
            with pytest.raises(WebSocketDisconnect) as ended:
                socket.receive_text()
            assert ended.value.code == 1008
    assert heard == ["hello", "hello", "push"]


def test_an_answer_in_pieces_ends_with_the_key_that_asked_for_it() -> None:
    came, now_s, is_let_in = [], [0.0], [True]

    async def send(message: Message) -> None:
        came.append(message["body"])

    async def main() -> None:
        watched = WatchedAnswer(send, lambda: is_let_in[0], lambda: now_s[0])
        await watched.send({"type": "http.response.body", "body": b"1", "more_body": True})
        now_s[0] = 2.0
        await watched.send({"type": "http.response.body", "body": b"2", "more_body": True})
        is_let_in[0] = False
        await watched.send({"type": "http.response.body", "body": b"3", "more_body": True})
        now_s[0] = 3.0
        with pytest.raises(KeyGoneError):
            await watched.send({"type": "http.response.body", "body": b"4", "more_body": True})

    asyncio.run(main())
    assert came == [b"1", b"2", b"3"]


def test_the_guard_ends_what_makes_such_an_answer() -> None:
    keys: dict[str, Visitor | None] = {"k": OWNER}
    ended, came = [], []

    async def endless(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        try:
            while True:
                await send({"type": "http.response.body", "body": b".", "more_body": True})
                await asyncio.sleep(0)
        finally:
            ended.append(True)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        came.append(message)
        keys["k"] = None

    scope: Scope = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "query_string": b"",
        "headers": [(b"host", b"testserver"), (b"authorization", b"Bearer k")],
    }
    rules = Admission({"testserver"}, key_required=True, find_key=keys.get)
    asyncio.run(asyncio.wait_for(Guard(endless, rules)(scope, receive, send), 300))
    assert ended
    assert [message["type"] for message in came] == ["http.response.start"]
