"""How an answer goes on when its worker dies: after what was delivered, or computed again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import pytest

from airunner.engines.base import Chunk
from airunner.errors import GenerationError, WorkerDiedError
from airunner.server.chunks import Completion
from airunner.server.replay import going_on, usage_after

GREEDY = {"temperature": 0}
FORM = {"response_format": {"type": "json_schema"}}
CALL = {"tool_calls": [{"index": 0, "id": "c", "function": {"name": "add", "arguments": "{"}}]}
WHOLE_CALL = {
    "tool_calls": [{"index": 0, "id": "d", "function": {"name": "add", "arguments": '{"a": 1}'}}]
}
Script = list[str | dict[str, Any] | BaseException]


def died() -> WorkerDiedError:
    return WorkerDiedError("tests/m", -9)


def refused() -> GenerationError:
    return GenerationError("tests/m", "its template begins no answers")


def answer(
    body: Mapping[str, Any], *scripts: Script, kind: str = "content"
) -> tuple[str, list[str]]:
    """The text that a client gets of these beginnings, and after what text each was asked for."""
    begun: list[str] = []

    async def begin(said: str) -> AsyncGenerator[Chunk, None]:
        script = scripts[len(begun)]
        begun.append(said)
        yield {"choices": [{"delta": {"role": "assistant"}, "finish_reason": None}]}
        for piece in script:
            if isinstance(piece, BaseException):
                raise piece
            delta = {kind: piece} if isinstance(piece, str) else piece
            yield {"choices": [{"delta": delta, "finish_reason": None}]}
        yield {"choices": [{"delta": {}, "finish_reason": "stop"}]}

    async def collect() -> str:
        text, ends = "", []
        async for chunk in going_on("tests/m", body, begin, Completion()):
            (choice,) = chunk["choices"]
            text += choice["delta"].get(kind, "")
            for piece in choice["delta"].get("tool_calls", ()):
                text += piece["function"].get("name", "") + piece["function"]["arguments"]
            ends += [choice["finish_reason"]] if choice["finish_reason"] else []
        assert ends == ["stop"]
        return text

    return asyncio.run(collect()), begun


@pytest.mark.parametrize("body", [{}, {"temperature": 0.7}, {"tools": [], "tool_choice": "auto"}])
def test_it_goes_on_after_the_text_that_was_delivered(body: dict[str, Any]) -> None:
    scripts: list[Script] = [["one ", "two ", died()], ["three ", died()], ["four"]]
    assert answer(body, *scripts) == ("one two three four", ["", "one two ", "one two three "])


@pytest.mark.parametrize("body", [GREEDY, {"seed": 1}, FORM, {"suffix": "end"}])
def test_what_has_to_be_the_same_is_computed_again(body: dict[str, Any]) -> None:
    scripts: list[Script] = [["one ", "two ", died()], ["on", "e tw", "o th", "ree"]]
    assert answer(body, *scripts) == ("one two three", ["", ""])


def test_it_goes_on_where_it_came_out_differently() -> None:
    scripts: list[Script] = [["one ", "two ", died()], ["one ", "too "], ["three"]]
    assert answer(GREEDY, *scripts) == ("one two three", ["", "", "one two "])
    with pytest.raises(GenerationError, match="came out differently"):
        answer(FORM, *scripts)


def test_thoughts_are_computed_again() -> None:
    scripts: list[Script] = [["one ", died()], ["one ", "two"]]
    assert answer({}, *scripts, kind="reasoning_content") == ("one two", ["", ""])


def test_text_beside_thoughts_or_calls_is_computed_again() -> None:
    thought = {"reasoning_content": "Hm."}
    thinking: list[Script] = [[thought, "one ", died()], [thought, "one ", "two"]]
    assert answer({}, *thinking) == ("one two", ["", ""])
    calling: list[Script] = [["one ", CALL, died()], ["on", "e ", WHOLE_CALL]]
    assert answer({}, *calling) == ('one add{"a": 1}', ["", ""])


def test_what_cannot_be_gone_on_from_is_computed_again() -> None:
    scripts: list[Script] = [["one ", died()], [refused()], ["one ", "two"]]
    assert answer({}, *scripts) == ("one two", ["", "one ", ""])


def test_it_ends_with_the_third_death_and_other_errors_are_told() -> None:
    with pytest.raises(WorkerDiedError):
        answer({}, ["one ", died()], [died()], ["two ", died()], ["never"])
    with pytest.raises(GenerationError, match="begins no answers"):
        answer({}, ["one ", refused()], ["never"])


def test_tokens_that_were_delivered_count_as_written() -> None:
    read = {"prompt_tokens": 30, "completion_tokens": 5, "total_tokens": 35}
    usage = usage_after({**read, "prompt_tokens_details": {"cached_tokens": 29}}, 10)
    assert usage == {
        "prompt_tokens": 20,
        "completion_tokens": 15,
        "total_tokens": 35,
        "prompt_tokens_details": {"cached_tokens": 20},
    }
