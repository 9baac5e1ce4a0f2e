"""What becomes of answers in progress when the server is told to stop."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import httpx
import pytest
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


def ending(home: Path, conversation: str) -> Any:
    with Records(home / "records.sqlite3") as records:
        return records.details.load(conversation)[0]["outcome"]
