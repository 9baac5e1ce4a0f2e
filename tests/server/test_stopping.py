"""What becomes of answers in progress when the server is told to stop, or a worker dies."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
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
