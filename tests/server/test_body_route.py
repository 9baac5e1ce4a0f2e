"""Requests that go straight to their handler are answered as FastAPI would answer them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.testclient import TestClient

from airunner.server.body_route import BodyRoute, add_routes
from airunner.server.openai.chat_request import ChatCompletionRequest
from airunner.server.problems import tell_problems

JSON = {"Content-Type": "application/json"}
HELLO = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}


def client_of(kind: type[APIRoute]) -> TestClient:
    routes = APIRouter(route_class=kind)

    @routes.post("/v1/asked")
    async def asked(asked: ChatCompletionRequest, request: Request) -> Response:
        sent = (await request.body()).decode("latin-1")
        return JSONResponse({"asked": repr(asked.checked()), "sent": sent})

    @routes.get("/v1/asked")
    async def told() -> dict[str, Any]:
        return {"told": True}

    app = FastAPI()
    add_routes(app, routes)
    tell_problems(app)
    return TestClient(app, raise_server_exceptions=False)


def with_fields(**fields: Any) -> bytes:
    return json.dumps(HELLO | fields).encode()


@pytest.mark.parametrize(
    "body",
    [
        with_fields(),
        with_fields(max_tokens="7", temperature=1, stream=1),
        with_fields(max_tokens=7.0, own={"a": [1, None, 2.5]}),
        with_fields(seed=-(2**63), logit_bias={"5": 1}),
        with_fields(big=2**70, small=1e-320, exponent=1e300),
        with_fields(text="\ud83d\ude00 \u0000 é"),
        b"\xef\xbb\xbf" + with_fields(),
        with_fields().decode().encode("utf-16"),
        with_fields()[:-1] + b',"model":"n"}',
        with_fields()[:-1] + b',"top_p":NaN}',
        with_fields()[:-1] + b',"own":NaN}',
        with_fields()[:-1] + b',"own":-Infinity}',
        with_fields(temperature=-1),
        with_fields(messages=[]),
        with_fields(messages=[{"role": "nobody"}]),
        with_fields(tools=[{"function": {"name": "a"}}, {"function": {"name": "a"}}]),
        with_fields(stream_options="yes"),
        with_fields()[:-1],
        with_fields() + b"}",
        b"{'model': 'm'}",
        b"[]",
        b"null",
        b"",
        b"\xff\xfe\xfd",
    ],
)
@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8"])
def test_every_body_is_answered_as_by_fastapi(body: bytes, kind: str) -> None:
    headers = {"Content-Type": kind}
    found, wanted = (
        client_of(each).post("/v1/asked", content=body, headers=headers)
        for each in (BodyRoute, APIRoute)
    )
    assert (found.status_code, found.json()) == (wanted.status_code, wanted.json())


def test_a_body_of_another_kind_is_left_to_fastapi() -> None:
    for kind in ("text/plain", "application/octet-stream", "application/jsonl", ""):
        headers = {"Content-Type": kind}
        found, wanted = (
            client_of(each).post("/v1/asked", content=with_fields(), headers=headers)
            for each in (BodyRoute, APIRoute)
        )
        assert (found.status_code, found.json()) == (wanted.status_code, wanted.json()), kind


def test_what_can_be_read_is_not_looked_at_by_fastapi(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object) -> None:
        raise AssertionError

    client = client_of(BodyRoute)
    monkeypatch.setattr(APIRoute, "handle", fail)
    assert client.post("/v1/asked", content=with_fields(), headers=JSON).status_code == 200
    assert client.post("/v1/asked", content=b"[]", headers=JSON).status_code == 500


def test_a_route_without_a_body_is_fastapis() -> None:
    assert client_of(BodyRoute).get("/v1/asked").json() == {"told": True}
