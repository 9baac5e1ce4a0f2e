"""Calls of tools on each API that streams them: in pieces while they are made, valid in the end."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import pytest
from tests.server.clients.conftest import ServedHere
from tests.server.clients.native_server import NATIVE
from tests.server.clients.said import WEATHER_TOOL, is_valid, question

Told = dict[str, Any]
ROWS = [{"role": "user", "content": question("Paris")}]
LEAST_PIECES = 5


def of_chat(told: Told) -> str:
    calls = [call for each in told["choices"] for call in each["delta"].get("tool_calls") or ()]
    return "".join(call["function"].get("arguments") or "" for call in calls)


def of_message(told: Told) -> str:
    return str((told.get("delta") or {}).get("partial_json") or "")


def of_response(told: Told) -> str:
    return told["delta"] if told["type"] == "response.function_call_arguments.delta" else ""


def how_chat_ended(told: Told) -> Any:
    return next((c["finish_reason"] for c in told["choices"] if c.get("finish_reason")), None)


def how_message_ended(told: Told) -> Any:
    return told["type"] == "message_delta" and told["delta"]["stop_reason"]


def how_response_ended(told: Told) -> Any:
    return told["type"] in ("response.completed", "response.incomplete") and told["type"]


def chat_body(tool: Any, limit: int, *, forced: bool) -> Told:
    choice = {"tool_choice": "required"} if forced else {}
    return {"messages": ROWS, "tools": [tool], "max_tokens": limit, **choice}


def message_body(tool: Any, limit: int, *, forced: bool) -> Told:
    function = dict(tool["function"])
    function["input_schema"] = function.pop("parameters")
    choice = {"tool_choice": {"type": "any"}} if forced else {}
    return {"messages": ROWS, "tools": [function], "max_tokens": limit, **choice}


def response_body(tool: Any, limit: int, *, forced: bool) -> Told:
    choice = {"tool_choice": "required"} if forced else {}
    tools = [{"type": "function", **tool["function"]}]
    return {"input": ROWS, "tools": tools, "max_output_tokens": limit, **choice}


APIS: Mapping[
    str, tuple[str, Callable[..., Told], Callable[[Told], str], Callable[[Told], Any]]
] = {
    "chat": ("/v1/chat/completions", chat_body, of_chat, how_chat_ended),
    "messages": ("/v1/messages", message_body, of_message, how_message_ended),
    "responses": ("/v1/responses", response_body, of_response, how_response_ended),
}


def asked(
    server: ServedHere, api: str, tool: Any, limit: int = 100, **options: Any
) -> tuple[list[str], Any]:
    """The pieces of the arguments, and how the answer ended."""
    path, body_of, piece_of, ended = APIS[api]
    body = {"model": NATIVE, "stream": True, "temperature": 0, **body_of(tool, limit, **options)}
    with httpx.stream("POST", server.url + path, json=body, timeout=300) as answer:
        lines = [line.removeprefix("data: ") for line in answer.iter_lines()]
    told = [json.loads(line) for line in lines if line.startswith("{")]
    pieces = [piece for each in told if (piece := piece_of(each))]
    return pieces, next(how for each in told if (how := ended(each)))


@pytest.mark.parametrize("api", APIS)
def test_a_forced_call_comes_while_it_is_made(server: ServedHere, api: str) -> None:
    pieces, ended = asked(server, api, WEATHER_TOOL, forced=True)
    assert len(pieces) >= LEAST_PIECES
    assert is_valid("weather", "".join(pieces))
    assert ended in ("tool_calls", "tool_use", "response.completed")


@pytest.mark.parametrize("api", APIS)
def test_of_a_call_that_the_token_limit_cuts_off_the_end_says_so(
    server: ServedHere, api: str
) -> None:
    pieces, ended = asked(server, api, WEATHER_TOOL, limit=18, forced=True)
    assert pieces
    with pytest.raises(json.JSONDecodeError):
        json.loads("".join(pieces))
    assert ended in ("length", "max_tokens", "response.incomplete")
    path, body_of, *_ = APIS[api]
    body = {"model": NATIVE, "temperature": 0, **body_of(WEATHER_TOOL, 18, forced=True)}
    whole = httpx.post(server.url + path, json=body, timeout=300).json()
    if api == "responses":
        assert whole["output"][0]["status"] == "incomplete"
    else:
        assert "tool_calls" not in json.dumps(whole)
        assert "tool_use" not in json.dumps(whole)
