"""Responses that are remembered: how many bytes of requests they may keep in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import Any, cast

import httpx
from fastapi import FastAPI

from airunner.engines.base import Chunk
from airunner.server.answers import Answers
from airunner.server.openai.responses import response_routes
from airunner.server.problems import tell_problems


class Short:
    """Answers all with one word."""

    async def chunks(self, body: Mapping[str, Any]) -> AsyncGenerator[Chunk, None]:
        yield {"choices": [{"index": 0, "delta": {"content": "Yes."}, "finish_reason": "stop"}]}


def test_of_more_bytes_the_oldest_are_forgotten_and_never_the_newest() -> None:
    app = FastAPI()
    tell_problems(app)
    app.include_router(response_routes(cast(Answers, Short()), most_bytes=3000))

    async def main() -> None:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:

            async def ask(text: str) -> str:
                asked = {"model": "a/model", "input": text}
                answer = (await client.post("/v1/responses", json=asked)).json()
                assert answer["status"] == "completed"
                return str(answer["id"])

            async def kept(ids: list[str]) -> list[bool]:
                found = [await client.get(f"/v1/responses/{id}") for id in ids]
                return [each.status_code == 200 for each in found]

            ids = [await ask(letter * 1000) for letter in "ab"]
            assert await kept(ids) == [True, True]
            ids.append(await ask("c" * 1000))
            assert await kept(ids) == [False, True, True]
            ids.append(await ask("d" * 5000))
            assert await kept(ids) == [False, False, False, True]

    asyncio.run(main())
