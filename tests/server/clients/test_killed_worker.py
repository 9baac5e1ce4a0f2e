"""A worker that is killed in the middle of a stream, on each API: the text is as it would be."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import psutil
import pytest
from tests.server.clients.conftest import ServedHere
from tests.server.clients.idle import workers
from tests.server.clients.native_server import NATIVE
from tests.server.clients.said import HELLO

N_TOKENS = 48
PIECES = 3
SAID = [{"role": "user", "content": HELLO}]


def of_chat(told: dict[str, Any]) -> str:
    return "".join(each["delta"].get("content") or "" for each in told["choices"])


def of_message(told: dict[str, Any]) -> str:
    return str((told.get("delta") or {}).get("text") or "")


def of_response(told: dict[str, Any]) -> str:
    return told["delta"] if told["type"] == "response.output_text.delta" else ""


def of_completion(told: dict[str, Any]) -> str:
    return "".join(each["text"] for each in told["choices"])


def of_ollama(told: dict[str, Any]) -> str:
    return str(told["message"]["content"])


SHORT = {"temperature": 0, "max_tokens": N_TOKENS}
APIS: dict[str, tuple[str, dict[str, Any], Callable[[dict[str, Any]], str]]] = {
    "chat": ("/v1/chat/completions", {"messages": SAID, **SHORT}, of_chat),
    "messages": ("/v1/messages", {"messages": SAID, **SHORT}, of_message),
    "responses": (
        "/v1/responses",
        {"input": HELLO, "temperature": 0, "max_output_tokens": N_TOKENS},
        of_response,
    ),
    "completions": ("/v1/completions", {"prompt": HELLO, **SHORT}, of_completion),
    "ollama": (
        "/api/chat",
        {"messages": SAID, "options": {"temperature": 0, "num_predict": N_TOKENS}},
        of_ollama,
    ),
}


def loaded_worker(server: ServedHere) -> psutil.Process:
    """The worker that holds the model: the other, if there is one, only waits for a load."""
    return max(workers(server), key=lambda worker: worker.memory_info().rss)


def kill(worker: psutil.Process) -> None:
    worker.kill()
    worker.wait(20)


def pieces(server: ServedHere, api: str) -> Iterator[str]:
    """The text of a streamed answer as it comes."""
    path, body, text_of = APIS[api]
    asked = {"model": NATIVE, "stream": True, **body}
    with httpx.stream("POST", server.url + path, json=asked, timeout=60) as answer:
        assert answer.status_code == httpx.codes.OK
        for line in answer.iter_lines():
            told = line.removeprefix("data: ")
            if told.startswith("{"):
                found = json.loads(told)
                assert "error" not in found or not found["error"], found
                if text := text_of(found):
                    yield text


@pytest.mark.parametrize("api", APIS)
def test_nothing_is_lost_or_doubled(server: ServedHere, api: str) -> None:
    # Each time by a worker that has nothing in its cache: what it computes is the same bit by bit.
    kill(loaded_worker(server))
    undisturbed = "".join(pieces(server, api))
    assert len(undisturbed) > N_TOKENS
    kill(loaded_worker(server))
    found, killed = [], None
    for text in pieces(server, api):
        found.append(text)
        if len(found) == PIECES:
            killed = loaded_worker(server)
            kill(killed)
    assert "".join(found) == undisturbed
    assert killed is not None
    assert loaded_worker(server).pid != killed.pid
