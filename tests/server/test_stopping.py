"""What becomes of answers in progress when the server is told to stop, or a worker dies."""

from __future__ import annotations

import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import httpx
import pytest
from benchmarks.scripted_model import long_text
from tests.server.conftest import scripted

from airunner.records.records import Records

pytestmark = [pytest.mark.real, pytest.mark.skipif(os.name == "nt", reason="signals")]


def begin(api: httpx.Client, content: str) -> tuple[str, str]:
    """Begin a turn that nobody follows, as the page's are; the ids of conversation and turn."""
    before = api.get("/turns").json()["turns"]
    with api.stream("POST", "/turns", json={"content": content, "detached": True}) as response:
        for line in response.iter_lines():
            if "turn_started" in line:
                break
    turns = api.get("/turns").json()["turns"]
    (conversation,) = turns.keys() - before.keys()
    return conversation, turns[conversation]


def test_turns_that_nobody_follows_end_first_and_one_broken_off_says_why(tmp_path: Path) -> None:
    with scripted(tmp_path) as server, server.api as api:
        short, turn = begin(api, "write 200 at 50")  # far shorter than the server is patient
        hung, _ = begin(api, "hang")
        with api.stream("GET", f"/turns/{turn}/events") as followed:
            server.process.send_signal(signal.SIGTERM)
            assert "event: result" in followed.read().decode()
        assert server.process.poll() is None, "it waits for the other turn"
        server.process.send_signal(signal.SIGINT)  # nobody waits any longer
        server.process.wait(timeout=300)
    assert ending(tmp_path, short) == "answered"
    assert ending(tmp_path, hung) == "server_stopped"


def test_clients_whose_answer_cannot_be_waited_for_are_told(tmp_path: Path) -> None:
    said = [{"role": "user", "content": "hang"}]
    with scripted(tmp_path) as server, server.api as api, ThreadPoolExecutor() as pool:
        url = server.presence.url
        names = [row["id"] for row in api.get(f"{url}/v1/models").json()["data"]]
        asked = {"model": names[1], "messages": said, "stream": True}
        bodies = {
            "/v1/chat/completions": asked,
            "/v1/messages": {**asked, "max_tokens": 99},
            "/v1/responses": {**asked, "input": "hang"},
            "/api/chat": asked,
        }
        begun = Barrier(len(bodies) + 1, timeout=60)

        def read(path: str) -> str:
            with api.stream("POST", f"{url}{path}", json=bodies[path]) as response:
                lines = response.iter_lines()
                first = next(lines)
                begun.wait()
                return "\n".join([first, *lines])

        reading = pool.map(read, bodies)
        begun.wait()
        server.process.send_signal(signal.SIGTERM)
        told = dict(zip(bodies, reading, strict=True))
        server.process.wait(timeout=300)
    for path, text in told.items():
        assert "stopped before this answer was complete" in text, path
    events = [
        json.loads(row[6:]) for row in told["/v1/responses"].splitlines() if row[:6] == "data: "
    ]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert events[-1]["response"]["status"] == "failed"


def test_an_answer_goes_on_where_its_worker_died(tmp_path: Path) -> None:
    with scripted(tmp_path) as server, server.api as api:
        for path, said in (("/turns", "content"), ("/specialists/primary_conversation", "prompt")):
            body = {said: f"write 200 die {said}", "stream": True}
            rows = [
                line[6:]
                for line in api.post(path, json=body).text.splitlines()
                if line[:6] == "data: "
            ]
            told = list(map(json.loads, rows))
            assert [each["exit_code"] for each in told if each.get("kind") == "worker_died"] == [-9]
            pieces = [each["text"] for each in told if each.get("kind") == "text_streamed"]
            assert "".join(pieces) == long_text(200)
            (result,) = [each for each in told if "text" in each and "kind" not in each]
            assert result["text"] == long_text(200).strip()
            assert result.get("outcome", "answered") == "answered"


def ending(home: Path, conversation: str) -> Any:
    with Records(home / "records.sqlite3") as records:
        return records.details.load(conversation)[0]["outcome"]
