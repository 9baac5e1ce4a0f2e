"""Sessions of real programs, as they were sent: answered in full, and warm from turn to turn.

A file of ``shapes`` has the requests of one session with a client of the given version, its
texts replaced by other words, and most tools and parameters left out. What a ``helper`` asks
between the turns, such as a title, must not cost the conversation its KV cache.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.server.clients.conftest import ServedHere
from tests.server.clients.native_server import QUICK
from tests.server.clients.said import MOOD

SHAPES = Path(__file__).with_name("shapes")
LIMITS = {
    "/v1/messages": {"max_tokens": 4},
    "/v1/responses": {"max_output_tokens": 4},
    "/v1/chat/completions": {"max_tokens": 4},
    "/api/chat": {"options": {"num_predict": 4}},
}
REUSED_SHARE = 0.9


def requests_of(client: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((SHAPES / f"{client}.json").read_text())["requests"]
    return found


def answer(server: ServedHere, asked: dict[str, Any], **changes: Any) -> list[dict[str, Any]]:
    """Everything that comes of a request: the events of its stream, or its one body."""
    path = asked["path"].partition("?")[0]
    body = {**asked["body"], "model": QUICK, **LIMITS.get(path, {}), **changes}
    response = httpx.post(server.url + asked["path"], json=body, timeout=300)
    assert response.status_code == httpx.codes.OK, response.text
    lines = [line.removeprefix("data: ") for line in response.text.splitlines()]
    told = [json.loads(line) for line in lines if line.startswith("{")]
    assert not [each for each in told if each.get("type") == "error" or "error" in each]
    return told


def cost(told: list[dict[str, Any]]) -> tuple[int, int]:
    """The tokens of the prompt, and how many of them were cached, as any of the APIs tells it."""
    last = next(e for e in reversed(told) if "prompt_eval_count" in e or usage_in(e))
    if "prompt_eval_count" in last:
        return last["prompt_eval_count"], last["cached_tokens"]
    usage = usage_in(last)
    if "cache_read_input_tokens" in usage:
        cached = usage["cache_read_input_tokens"]
        return usage["input_tokens"] + cached, cached
    prompt = usage.get("prompt_tokens", usage.get("input_tokens"))
    details = usage.get("prompt_tokens_details") or usage["input_tokens_details"]
    return prompt, details["cached_tokens"]


def usage_in(event: dict[str, Any]) -> Any:
    return event.get("usage") or (event.get("response") or {}).get("usage")


@pytest.mark.parametrize("client", sorted(path.stem for path in SHAPES.glob("*.json")))
def test_a_session_is_answered_and_stays_warm(server: ServedHere, client: str) -> None:
    before = 0
    for asked in requests_of(client):
        told = answer(server, asked)
        if asked["kind"] == "turn":
            prompt, cached = cost(told)
            assert cached >= before * REUSED_SHARE, f"{cached} of {before} were cached"
            # The first answer in the history is not the one that our model gave.
            before = prompt if '"assistant"' in json.dumps(asked) else 0
    assert before


def test_a_deferred_tool_that_was_found_can_be_called(server: ServedHere) -> None:
    asked = requests_of("claude_code")[-1]
    found = next(tool for tool in asked["body"]["tools"] if tool["name"] == "WebFetch")
    assert found["defer_loading"]
    found["input_schema"] = MOOD
    told = answer(server, asked, tool_choice={"type": "tool", "name": "WebFetch"}, max_tokens=200)
    (called,) = [e["content_block"] for e in told if e["type"] == "content_block_start"]
    assert (called["type"], called["name"]) == ("tool_use", "WebFetch")


def test_a_function_of_a_namespace_is_called_by_both_names(server: ServedHere) -> None:
    asked = requests_of("codex")[0]
    (space,) = [tool for tool in asked["body"]["tools"] if tool["type"] == "namespace"]
    space["tools"][0]["parameters"] = MOOD
    choice = {"type": "function", "name": "mcp__clock__tell_time"}
    told = answer(server, asked, tool_choice=choice, max_output_tokens=200)
    (called,) = [e["item"] for e in told if e["type"] == "response.output_item.done"]
    assert (called["namespace"], called["name"]) == ("mcp__clock", "tell_time")
    assert "mood" in json.loads(called["arguments"])
