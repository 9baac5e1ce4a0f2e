"""What is passed on of calls that an engine makes of its own accord, piece by piece."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import Any, cast

import pytest

from airunner.engines.base import Chunk
from airunner.errors import GenerationError
from airunner.models.spec import ModelCapability, ModelSpec
from airunner.resources.lease import Lease
from airunner.server.valid_calls import valid_completion

NUMBER = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
UNSURE = {**NUMBER, "maxProperties": 1}


def tool(name: str, parameters: dict[str, Any]) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


BODY = {"messages": [], "tools": [tool("sure", NUMBER), tool("unsure", UNSURE)]}


class Scripted:
    """A lease of a model that says ``pieces`` of calls, and promises those of ``sure`` alone."""

    spec = ModelSpec("tests/m", [ModelCapability.PRIMARY_CONVERSATION])

    def __init__(self, *pieces: tuple[int, str, str], finish: str = "tool_calls") -> None:
        self._pieces, self._finish = pieces, finish

    async def enforces(self, parameters: Mapping[str, Any]) -> bool:
        return parameters == NUMBER

    async def complete(self, body: Mapping[str, Any], *_: Any) -> AsyncGenerator[Chunk, None]:
        for index, name, arguments in self._pieces:
            head = {"id": f"id{index}"} if name else {}
            function = {"arguments": arguments} | ({"name": name} if name else {})
            piece = {"index": index, **head, "function": function}
            choice = {"index": 0, "delta": {"tool_calls": [piece]}, "finish_reason": None}
            yield {"choices": [choice]}
        yield {"choices": [{"index": 0, "delta": {}, "finish_reason": self._finish}], "usage": {}}


def passed_on(lease: Scripted, told: list[tuple[int, str]]) -> None:
    """Add what is passed on to ``told``: of which call, and what of its arguments."""

    async def collect() -> None:
        async for chunk in valid_completion(cast(Lease, lease), BODY, [], None):
            pieces = chunk["choices"][0]["delta"].get("tool_calls") or ()
            told.extend((piece["index"], piece["function"]["arguments"]) for piece in pieces)

    asyncio.run(collect())


def test_what_is_sure_comes_at_once_and_what_is_not_waits_with_all_behind_it() -> None:
    told: list[tuple[int, str]] = []
    pieces = [(0, "sure", '{"n"'), (0, "", ": 1}"), (1, "unsure", '{"n": '), (1, "", "2}")]
    passed_on(Scripted(*pieces, (2, "sure", '{"n": 3}')), told)
    assert told == [(0, '{"n"'), (0, ": 1}"), (1, '{"n": 2}'), (2, '{"n": 3}')]


def test_a_broken_promise_ends_the_answer_with_an_error_and_never_as_a_call() -> None:
    told: list[tuple[int, str]] = []
    with pytest.raises(GenerationError, match="its call of sure does not match"):
        passed_on(Scripted((0, "sure", '{"n": '), (0, "", '"x"}')), told)
    assert told == [(0, '{"n": '), (0, '"x"}')]


def test_of_a_call_that_is_cut_off_nothing_is_passed_on_that_has_waited() -> None:
    told: list[tuple[int, str]] = []
    passed_on(Scripted((0, "sure", '{"n": '), finish="length"), told)
    passed_on(Scripted((0, "unsure", '{"n": '), finish="length"), told)
    assert told == [(0, '{"n": ')]
