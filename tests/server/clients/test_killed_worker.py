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

N_TOKENS = 24
PIECES = 3
COUNTED = ", ".join(map(str, range(1, 13))) + ","
"""What is hardly gone on from in two ways: no rounding of another batch decides."""
SAID = [{"role": "user", "content": "Count to 40."}, {"role": "assistant", "content": COUNTED}]
GREEDY: dict[str, Any] = {"temperature": 0}
DRAWN: dict[str, Any] = {"temperature": 1e-6}
"""Without a seed it may come out differently each time, as far as the server knows."""


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


APIS: dict[str, tuple[str, dict[str, Any], Callable[[dict[str, Any]], str]]] = {
    "chat": ("/v1/chat/completions", {"messages": SAID, "max_tokens": N_TOKENS}, of_chat),
    "messages": ("/v1/messages", {"messages": SAID, "max_tokens": N_TOKENS}, of_message),
    "responses": ("/v1/responses", {"input": SAID, "max_output_tokens": N_TOKENS}, of_response),
    "completions": ("/v1/completions", {"prompt": COUNTED, "max_tokens": N_TOKENS}, of_completion),
    "ollama": ("/api/chat", {"messages": SAID, "options": {"num_predict": N_TOKENS}}, of_ollama),
}


def loaded_worker(server: ServedHere) -> psutil.Process:
    """The worker that holds the model: the other, if there is one, only waits for a load."""
    return max(workers(server.pid), key=lambda worker: worker.memory_info().rss)


def kill(worker: psutil.Process) -> None:
    worker.kill()
    worker.wait(300)


def pieces(server: ServedHere, api: str, sampling: dict[str, Any]) -> Iterator[str]:
    """The text of a streamed answer as it comes."""
    path, body, text_of = APIS[api]
    asked = {"model": NATIVE, "stream": True, **body, **sampling}
    if "options" in body:
        asked["options"] = {**body["options"], **sampling}
    with httpx.stream("POST", server.url + path, json=asked, timeout=300) as answer:
        assert answer.status_code == httpx.codes.OK
        for line in answer.iter_lines():
            told = line.removeprefix("data: ")
            if told.startswith("{"):
                found = json.loads(told)
                assert "error" not in found or not found["error"], found
                if text := text_of(found):
                    yield text


def killed_in(server: ServedHere, api: str, sampling: dict[str, Any]) -> str:
    """An answer of which the worker dies after a few pieces, and is another afterwards."""
    found, killed = [], None
    for text in pieces(server, api, sampling):
        found.append(text)
        if len(found) == PIECES:
            killed = loaded_worker(server)
            kill(killed)
    assert killed is not None
    assert loaded_worker(server).pid != killed.pid
    return "".join(found)


@pytest.mark.parametrize("api", APIS)
def test_nothing_is_lost_or_doubled(server: ServedHere, api: str) -> None:
    undisturbed = "".join(pieces(server, api, GREEDY))
    assert " 13, 14, 15, 16" in undisturbed
    # With the conversation in the cache both times, the one computed again, the other gone on.
    assert killed_in(server, api, GREEDY) == undisturbed
    assert killed_in(server, api, DRAWN) == undisturbed


def test_a_worker_that_has_nothing_in_its_cache_may_die_as_well(server: ServedHere) -> None:
    kill(loaded_worker(server))
    undisturbed = "".join(pieces(server, "chat", GREEDY))
    kill(loaded_worker(server))
    assert killed_in(server, "chat", GREEDY) == undisturbed
