"""What of an answer reaches a client of OpenAI's API in one write."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from typing import Any, cast

import pytest
from fastapi import FastAPI

from airunner.server.answers import Answers
from airunner.server.openai.chat import DONE, chat_routes

ROLE = {"role": "assistant", "content": ""}
END = ({}, "stop")


class Scripted:
    """Answers with certain chunks."""

    def __init__(self, chunks: list[dict[str, Any]]) -> None:
        self._chunks = chunks

    async def chunks(self, body: Mapping[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        for chunk in self._chunks:
            yield chunk


def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    return {"choices": [{"delta": delta, "finish_reason": finish}], **more}


def writes(*chunks: dict[str, Any]) -> list[list[dict[str, Any]]]:
    """The deltas of each write of a streamed answer, up to the one that says it is over."""
    body = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "stream": True}
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/chat/completions",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
    }
    app, sent, asked = FastAPI(), list[str](), False
    app.include_router(chat_routes(cast(Answers, Scripted(list(chunks)))))

    async def receive() -> dict[str, Any]:
        nonlocal asked
        if asked:
            await asyncio.Event().wait()
        asked = True
        return {"type": "http.request", "body": json.dumps(body).encode()}

    async def send(message: Any) -> None:
        if piece := message.get("body", b"").decode():
            sent.append(piece)

    asyncio.run(app(scope, receive, send))
    assert sent.pop() == DONE
    return [
        [json.loads(line[6:])["choices"][0]["delta"] for line in piece.split("\n\n") if line]
        for piece in sent
    ]


@pytest.mark.parametrize(
    "first",
    [
        {"content": "Hel"},
        {"reasoning_content": "Hm", "reasoning": "Hm"},
        {"tool_calls": [{"index": 0, "id": "c", "function": {"name": "add"}}]},
    ],
)
def test_who_speaks_is_told_before_anything_is_said(first: dict[str, Any]) -> None:
    found = writes(chunk(ROLE), chunk(first), chunk({"content": "lo"}), chunk(*END))
    assert found == [[ROLE], [first], [{"content": "lo"}], [{}]]


def test_an_answer_of_nothing_has_its_role_too() -> None:
    assert writes(chunk(ROLE), chunk(*END)) == [[ROLE], [{}]]


def test_what_the_team_does_waits_for_no_words() -> None:
    step = chunk(ROLE, airunner={"kind": "tool_call_started"})
    assert writes(step, step, chunk({"content": "So."}), chunk(*END)) == [
        *([ROLE], [ROLE]),
        [{"content": "So."}],
        [{}],
    ]
