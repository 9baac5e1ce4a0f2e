"""Finding models and fetching them over HTTP, against a hub of our own."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import ollama
import pytest
from tests.conftest import Eventually
from tests.server.conftest import Server, serving
from tests.weights.conftest import FileServer, model_hub

from airunner.components.llm.config.model_capabilities import EMBEDDED_PRIMARY

MODELS = {
    "Qwen/Qwen3-8B": ("Qwen/Qwen3-8B-GGUF", "Qwen3-8B-Q4_K_M.gguf"),
    "Qwen/Qwen3-4B": ("Qwen/Qwen3-4B-GGUF", "Qwen3-4B-Q4_K_M.gguf"),
    "Qwen/Qwen3-Embedding-0.6B": ("Qwen/Qwen3-Embedding-0.6B-GGUF", "Embedding-Q8_0.gguf"),
}
BODY = b"GGUF" + os.urandom(300_000)
FIRST, SECOND, THIRD = MODELS

pytestmark = pytest.mark.real


@pytest.fixture
def hub() -> Iterator[FileServer]:
    """A hub that has the files of three registered models, and finds them."""
    with model_hub({repo: [name] for repo, name in MODELS.values()}, BODY) as state:
        yield state


def shown(api: httpx.Client) -> dict[str, dict[str, Any]]:
    return {each["model"]: each for each in api.get("/downloads").json()["downloads"]}


def start(home: Path, hub: FileServer) -> Any:
    budget = ("--max-memory", "600MB", "--parallel-downloads", "1", "--no-offline")
    return serving(home, *budget, HF_ENDPOINT=hub.url)


def test_models_are_found_fetched_paused_and_gone_on_with_by_the_next_server(
    embedded_home: Path, hub: FileServer, eventually: Eventually, capfd: pytest.CaptureFixture[str]
) -> None:
    def has_come(api: httpx.Client, model: str) -> int:
        return int(shown(api)[model]["done_bytes"])

    with start(embedded_home, hub) as server, server.api as api:
        found = api.get("/hub", params={"search": "qwen"}).json()["models"]
        assert [each["registered"] for each in found] == [[FIRST], [SECOND], [THIRD]]
        (file,) = found[0]["files"]
        assert (file["n_bytes"], file["fit"]["verdict"]) == (len(BODY), "fits")
        assert file["registered"] == FIRST
        assert "about" in file["fit"]["words"]
        fits = {fit["model"]: fit for fit in api.get("/fits").json()["fits"]}
        assert fits[EMBEDDED_PRIMARY]["exact"]
        assert fits[EMBEDDED_PRIMARY]["verdict"] == "fits"
        assert fits[FIRST]["verdict"] == "no"
        assert fits[FIRST]["needed_bytes"] == 5 * 10**9

        team = api.get("/team").json()
        assert team["only_embedded"]
        assert {each["model"] for each in team["members"]} >= {EMBEDDED_PRIMARY}
        assert team["fetch_bytes"] == 0
        assert not team["unreachable"]
        assert api.post("/team").json() == {"downloads": []}

        hub.hold_after = 100_000
        for model in MODELS:
            assert api.post("/downloads", json={"model": model}).status_code == 202
        assert api.patch(f"/downloads/{THIRD}", json={"place": 1}).json()["place"] == 1
        eventually(lambda: has_come(api, FIRST) > 0)
        assert api.patch(f"/downloads/{FIRST}", json={"action": "pause"}).json()["place"] is None
        eventually(lambda: has_come(api, THIRD) > 0)
        assert {model: each["state"] for model, each in shown(api).items()} == {
            FIRST: "paused",
            SECOND: "queued",
            THIRD: "running",
        }
        assert list(shown(api)) == [FIRST, THIRD, SECOND]

    hub.hold_after = None
    with start(embedded_home, hub) as server, server.api as api:
        eventually(lambda: shown(api)[SECOND]["state"] == "done")
        assert shown(api)[THIRD]["state"] == "done"
        assert shown(api)[FIRST]["state"] == "paused"
        api.patch(f"/downloads/{FIRST}", json={"action": "resume"})
        eventually(lambda: shown(api)[FIRST]["state"] == "done")
        assert Path(shown(api)[FIRST]["path"]).read_bytes() == BODY
        resumed = [path for path, span in hub.requests if span is not None]
        assert len(resumed) == 2, "the paused one, and the one that the end broke off"

        team = api.get("/team").json()  # what came is damaged, which ends no plan
        assert not team["only_embedded"]
        assert FIRST not in {each["model"] for each in team["members"]}

        sheet = server.airunner("models", "remove", SECOND)
        assert "freed" in sheet.stdout
        gone = api.delete(f"/models/{FIRST}").json()
        assert (gone["freed_bytes"], gone["words"][-6:]) == (len(BODY), "freed.")
        assert FIRST not in shown(api)
        pulled_as_ollama_does(server, hub, eventually)
    assert "never retrieved" not in capfd.readouterr().err


def pulled_as_ollama_does(server: Server, hub: FileServer, eventually: Eventually) -> None:
    """Who goes lets the download go; the next one shows how far it is."""

    def weights_asked_for() -> int:
        return sum(path.endswith(".gguf") for path, _ in hub.requests)

    def ended() -> float:
        text = httpx.get(f"{server.presence.url}/metrics", trust_env=False).text
        rows = [row for row in text.splitlines() if row.startswith("airunner_http_requests_total{")]
        return sum(float(row.split()[-1]) for row in rows if '"/api/pull"' in row)

    for stream in (True, False):
        hub.hold_after, before = 100_000, ended()
        hub.requests.clear()
        body = json.dumps({"model": FIRST, "stream": stream}).encode()
        address = urlsplit(server.presence.url)
        with socket.create_connection((address.hostname, address.port)) as sock:
            head = f"POST /api/pull HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}"
            sock.sendall(f"{head}\r\n\r\n".encode() + body)
            eventually(lambda: weights_asked_for() == 1)
        eventually(lambda before=before: ended() > before)  # type: ignore[misc]
        assert weights_asked_for() == 1, "it was not tried again"
        hub.hold_after = None
        with ollama.Client(server.presence.url) as client:
            told = list(client.pull(FIRST, stream=True))
        assert told[-1].status == "success"
        bars = [each for each in told if each.digest]
        assert len({each.digest for each in bars}) == 1
        assert any(each.completed == each.total == len(BODY) for each in bars)
        with server.api as api:
            api.delete(f"/models/{FIRST}").raise_for_status()


def test_offline_the_hub_is_not_asked_and_the_answer_says_so(server: Server) -> None:
    with server.api as api:
        answer = api.get("/hub", params={"search": "qwen"})
        assert answer.status_code == 503
        assert "stay offline" in answer.json()["error"]["message"]
        assert api.get("/hub").status_code == 400
