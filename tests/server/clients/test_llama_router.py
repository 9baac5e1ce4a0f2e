"""What Open WebUI asks of a llama-server with several models."""

from __future__ import annotations

import json

import httpx
from tests.server.clients.conftest import ServedHere
from tests.server.clients.native_server import CONTEXT, EMBEDDER, NATIVE

from airunner.engines.base import AUTO_SLOTS


def status_of(server: ServedHere, model: str) -> str:
    rows = httpx.get(f"{server.url}/models").json()["data"]
    return next(row["status"]["value"] for row in rows if row["id"] == model)


def test_a_model_is_loaded_watched_and_unloaded(server: ServedHere) -> None:
    with httpx.stream("GET", f"{server.url}/models/sse", timeout=300) as watching:
        told = (
            json.loads(line.removeprefix("data: "))
            for line in watching.iter_lines()
            if line.startswith("data: ")
        )

        def until(model: str, status: str) -> None:
            for each in told:
                assert each["event"] == "status_change"
                if (each["model"], each["data"]["status"]) == (model, status):
                    return
            raise AssertionError("the stream ended")

        until(NATIVE, "loaded")
        for command, status in (("load", "loaded"), ("unload", "unloaded")):
            answer = httpx.post(
                f"{server.url}/models/{command}", json={"model": EMBEDDER}, timeout=300
            )
            assert answer.json() == {"success": True}
            if status_of(server, EMBEDDER) != status:
                until(EMBEDDER, status)
            assert status_of(server, EMBEDDER) == status
    missing = httpx.post(f"{server.url}/models/load", json={"model": "no/such"})
    assert missing.status_code == httpx.codes.NOT_FOUND


def test_the_context_in_force_is_told(server: ServedHere) -> None:
    assert httpx.get(f"{server.url}/props").json()["role"] == "router"
    found = httpx.get(f"{server.url}/props", params={"model": NATIVE}).json()
    assert found["default_generation_settings"]["n_ctx"] == CONTEXT
    assert found["total_slots"] == AUTO_SLOTS
    assert "tool_call" in found["chat_template"]
    (row,) = (row for row in httpx.get(f"{server.v1}/models").json()["data"] if row["id"] == NATIVE)
    assert (row["context_length"], row["max_model_len"], row["meta"]["n_ctx"]) == (CONTEXT,) * 3
    loaded = [each["config"]["context_length"] for each in row["loaded_instances"]]
    assert loaded == [CONTEXT] * (row["status"]["value"] == "loaded")
