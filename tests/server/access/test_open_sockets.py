"""A page that is open when its key is removed."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from airunner.access.guard import KEY_COOKIE, Admission, Guard
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
