"""The native API over HTTP, as a page or a program without Python would use it."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import psutil
import pytest
from tests.conftest import Eventually
from tests.server.conftest import Server, serving

from airunner.components.llm.config.model_capabilities import EMBEDDED_PRIMARY
from airunner.components.llm.config.model_capabilities import EMBEDDED_SPECIALIST as SPECIALIST

IDLE_STREAMS = 200
MOST_BYTES_A_STREAM = 64_000


@pytest.fixture
def api(server: Server) -> Iterator[httpx.Client]:
    with server.api as client:
        yield client


def pieces(response: httpx.Response) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """The name, id and data of each server-sent event."""
    name = number = ""
    for line in response.iter_lines():
        field, _, value = line.partition(": ")
        if field == "event":
            name = value
        elif field == "id":
            number = value
        elif field == "data":
            yield name, number, json.loads(value)
            name = number = ""


def states(api: httpx.Client) -> dict[str, str]:
    return {m["model"]: m["state"] for m in api.get("/status").json()["models"]}


def chosen(api: httpx.Client, field: str) -> dict[str, Any]:
    rows = api.get("/models").json()["serving"]
    return {row["capability"]: row[field] for row in rows if row[field]}


def test_a_model_is_loaded_pinned_and_let_go_and_every_decision_is_told(api: httpx.Client) -> None:
    assert api.post("/load", json={"model": SPECIALIST}).status_code == 200
    assert states(api)[SPECIALIST] == "ready"
    line = api.get("/timeline").json()
    held = {each["model"]: each["held_bytes"] for each in line["samples"][-1]["models"]}
    assert held[SPECIALIST] > 10**8
    assert api.get("/timeline", params={"after": line["now_s"] + 1}).json()["samples"] == []
    api.post("/pin", json={"capabilities": ["summarization"]})
    pinned = {m["model"]: m["pinned"] for m in api.get("/status").json()["models"]}
    assert pinned[SPECIALIST] is True
    assert chosen(api, "kept") == {"summarization": True}
    api.post("/assign", json={"capability": "translation", "device": "cpu"})
    assert chosen(api, "device") == {"translation": "cpu"}
    api.post("/assign", json={"capability": "translation"})
    api.post("/pin", json={"capabilities": []})
    assert chosen(api, "kept") == chosen(api, "device") == {}
    api.post("/unload", json={"model": "capability:summarization"})
    assert states(api)[SPECIALIST] not in ("ready", "busy", "loading")
    decided = api.get("/explain").json()["decisions"]
    assert {"start_load", "stop"} <= {each["action"] for each in decided}
    assert all(each["words"] for each in decided)
    assert api.get("/status").json()["waiting"] == []
    placed = api.post("/assign", json={"capability": "summarization", "device": "cuda:9"})
    assert placed.status_code == 400
    assert placed.json()["error"]["raised"]["error"] == "DeviceNotFoundError"


def test_what_is_registered_has_its_bytes_and_settings_their_origin(api: httpx.Client) -> None:
    sheet = api.get(f"/models/{EMBEDDED_PRIMARY}").json()
    (chosen,) = [row for row in sheet["memory"] if row["chosen"]]
    assert chosen["fits"]
    assert chosen["total_bytes"] > sheet["file_bytes"]
    assert api.get("/serving/summarization").json()["model"] == SPECIALIST
    settings = api.get("/settings").json()
    assert settings["context"]["value"] == "2048"
    assert settings["context"]["origin"] == settings["context"]["overridden_by"]
    assert settings["context"]["origin"] == "flag --context"
    unknown = api.get("/models/nobody/nothing")
    assert unknown.status_code == 404
    assert unknown.json()["error"]["code"] == "model_not_found"


def test_a_download_has_an_end_that_can_be_looked_up(
    api: httpx.Client, eventually: Eventually
) -> None:
    name = "Qwen/Qwen2.5-3B-Instruct"  # the server is offline, so this can only fail
    assert api.post("/downloads", json={"model": name}).status_code == 202

    def shown() -> dict[str, Any]:
        return next(d for d in api.get("/downloads").json()["downloads"] if d["model"] == name)

    eventually(lambda: shown()["state"] == "failed")
    assert name in shown()["problem"]
    assert "offline" in shown()["problem"]
    assert api.patch(f"/downloads/{name}", json={"action": "pause"}).json()["state"] == "failed"
    assert api.patch(f"/downloads/{name}", json={"place": 0}).status_code == 400
    assert api.delete(f"/downloads/{name}").json()["model"] == name
    assert name not in [d["model"] for d in api.get("/downloads").json()["downloads"]]
    assert api.delete("/downloads/nobody").status_code == 404
    missing = api.post("/downloads", json={"model": name, "task": "verify"})
    assert missing.json()["error"]["code"] == "model_not_downloaded"
    api.post("/downloads", json={"model": EMBEDDED_PRIMARY, "task": "verify"})
    eventually(lambda: api.get("/downloads").json()["downloads"][0]["state"] == "done")
    verified = api.get("/downloads").json()["downloads"][0]
    assert verified["words"] == "The file is as published."
    here = api.post("/downloads", json={"model": EMBEDDED_PRIMARY}).json()
    assert here["model"] == EMBEDDED_PRIMARY


def test_what_lies_elsewhere_or_nowhere_frees_nothing(api: httpx.Client) -> None:
    gone = api.delete("/models/Qwen/Qwen2.5-3B-Instruct").json()
    assert (gone["freed_bytes"], gone["words"]) == (0, "Nothing freed: its weights are not here.")
    assert api.get("/downloads").json()["free_bytes"] > 0


def test_a_model_in_use_is_not_removed_and_stays_in_memory(
    api: httpx.Client, server: Server
) -> None:
    with api.stream("POST", "/leases", json={"capability": "summarization"}) as held:
        reading = pieces(held)  # nobody reads it any more once this is gone
        next(reading)
        refused = api.delete(f"/models/{SPECIALIST}")
        stopped = server.airunner("stop", SPECIALIST)
    assert stopped.returncode == 1
    assert "is in use and stays in memory" in stopped.stderr
    assert refused.status_code == 503
    assert "in use" in refused.json()["error"]["message"]
    assert api.get(f"/models/{SPECIALIST}").json()["removable_bytes"] > 10**8


def test_a_turn_is_streamed_saved_and_goes_on(api: httpx.Client) -> None:
    body = {"content": "Hello, harbour!", "system": "Be brief.", "max_tokens": 8, "seed": 1}
    with api.stream("POST", "/turns", json=body) as response:
        told = [(name, data) for name, _, data in pieces(response)]
    names = [name for name, _ in told]
    assert (names[0], names[-2], names[-1]) == ("begun", "result", "conversation")
    assert "text_streamed" in names
    result = dict(told)["result"]
    assert result["outcome"] == "answered"
    again = {"content": "How are you?", "conversation_id": result["conversation"], "max_tokens": 8}
    with api.stream("POST", "/turns", json=again) as response:
        assert [data for name, _, data in pieces(response) if name == "turn_finished"]
    saved = api.get(f"/conversations/{result['conversation'][:8]}").json()
    said = [m["role"] for m in saved["messages"]]
    assert said == ["system", "user", "assistant", "user", "assistant"]
    id = saved["id"]
    assert api.patch(f"/conversations/{id}", json={"title": "Greetings"}).json()["id"] == id
    (found,) = api.get("/conversations", params={"search": "harbour"}).json()["conversations"]
    assert (found["id"], found["title"]) == (id, "Greetings")
    assert api.delete(f"/conversations/{id}").json() == {"deleted": id}
    assert api.get(f"/conversations/{id}").status_code == 404


def test_hanging_up_cancels_and_a_conversation_has_one_turn(
    api: httpx.Client, eventually: Eventually
) -> None:
    conversation = {"id": "busy", "messages": []}
    story = "Tell me a very long story about the sea."
    body = {"content": story, "conversation": conversation, "max_tokens": 900, "seed": 3}
    with api.stream("POST", "/turns", json=body) as response:
        told = pieces(response)  # dropping it would hang up
        assert any(name == "text_streamed" for name, _, _ in told)
        second = api.post("/turns", json=body)
        assert second.status_code == 409
        assert states(api)[EMBEDDED_PRIMARY] == "busy"
    eventually(lambda: states(api)[EMBEDDED_PRIMARY] == "ready")
    eventually(lambda: api.get("/turns").json() == {"turns": {}})


def test_a_detached_turn_goes_on_and_is_read_by_who_comes_later(
    api: httpx.Client, eventually: Eventually
) -> None:
    body = {"content": "Count to a hundred.", "max_tokens": 60, "seed": 3, "detached": True}
    with api.stream("POST", "/turns", json=body) as response:
        told = pieces(response)
        _, _, begun = next(told)
        running = list(api.get("/turns").json()["turns"].values())
        assert running in ([begun["id"]], [])  # it may have ended meanwhile
        number = next(n for name, n, _ in told if name == "text_streamed")
    path = f"/turns/{begun['id']}/events"
    with api.stream("GET", path, headers={"Last-Event-ID": number}) as response:
        rest = list(pieces(response))
    with api.stream("GET", path) as response:
        whole = list(pieces(response))
    assert [n for _, n, _ in rest if n] == [n for _, n, _ in whole if n][int(number) :]
    text = "".join(data["text"] for name, _, data in whole if name == "text_streamed")
    assert {name: data for name, _, data in whole}["result"]["text"] == text.strip()
    eventually(lambda: api.get("/turns").json() == {"turns": {}})
    assert api.get("/turns/work_0/events").status_code == 404


def test_a_call_waits_for_the_answer_to_its_question(api: httpx.Client, server: Server) -> None:
    body = {
        "content": 'Write the text "hello" to the file greeting.txt',
        "tool_choice": "write_file",
        "may_ask": True,
        "max_tokens": 32,
    }
    answers = iter(["no"])
    with api.stream("POST", "/turns", json=body) as response:
        told = []
        for name, _, data in pieces(response):
            told.append((name, data))
            if name == "permission_asked":
                answer = {"answer": next(answers)}
                path = f"/approvals/{data['question']}"
                assert api.post(path, json=answer).json() == {"open": True}
                assert api.post(path, json=answer).json() == {"open": False}
    (decided,) = [data for name, data in told if name == "permission_decided"]
    assert (decided["allowed"], decided["by"]) == (False, "user")
    assert not (server.home / "files" / "greeting.txt").exists()


def test_a_body_that_says_nothing_useful_is_told_so(api: httpx.Client) -> None:
    for path, body in (
        ("/turns", {"content": {"messages": [{"nonsense": 1}]}}),
        ("/turns", {"content": "x", "conversation": {"messages": [1]}}),
        ("/turns", {"content": "x", "sampling": {"temperature": "hot"}}),
        ("/specialists/summarization", {}),
        ("/specialists/nothing", {"prompt": "x"}),
        ("/draw", {"request": {"prompt": "x", "targets": ["/etc/passwd"]}}),
        ("/approvals/nothing", {"answer": "perhaps"}),
    ):
        refused = api.post(path, json=body)
        assert refused.status_code == 400, (path, refused.text)
        assert refused.json()["error"]["message"]
    unknown = api.post("/turns", json={"content": "x", "conversation_id": "nothing"})
    assert unknown.status_code == 404
    assert api.post("/leases/lease_of_nobody", json={"prompt": "x"}).status_code == 404
    nothing = api.post("/approvals/nothing", json={"answer": "yes"})
    assert nothing.json() == {"open": False}


def test_the_manual_has_every_request_and_no_other(server: Server) -> None:
    known = httpx.get(f"{server.presence.url}/openapi.json", trust_env=False).json()["paths"]
    served = {
        f"{method.upper()} {path}"
        for path, methods in known.items()
        for method in methods
        if path.startswith("/api/v1")
    }
    page = Path(__file__).parents[2] / "docs" / "native.md"
    told = re.findall(r"`((?:GET|POST|PATCH|DELETE) /api/v1[^`]*)`", page.read_text("utf-8"))
    assert set(told) == served
    assert len(told) == len(served)


def test_vectors_and_answers_come_without_a_stream(api: httpx.Client) -> None:
    asked = {"prompt": "The sea is blue.", "max_tokens": 4}
    answer = api.post("/specialists/summarization", json=asked).json()
    assert answer["text"]
    called = api.post("/tools/calculate", json={"arguments": {"expression": "6 * 7"}}).json()
    assert "42" in called["message"]["content"]


def test_events_are_numbered_and_resumed_without_a_gap(api: httpx.Client) -> None:
    heard: list[tuple[str, int]] = []
    ready = threading.Event()

    def listen() -> None:
        with api.stream("GET", "/events") as response:
            ready.set()
            for name, number, _ in pieces(response):
                heard.append((name, int(number)))
                if name == "tool_call_finished":
                    return

    listening = threading.Thread(target=listen)
    listening.start()
    ready.wait(300)
    api.post("/tools/calculate", json={"arguments": {"expression": "1 + 1"}})
    listening.join(300)
    names, numbers = [name for name, _ in heard], [number for _, number in heard]
    told_of = [name for name in names if name.startswith("tool_call")]
    assert told_of == ["tool_call_started", "tool_call_finished"]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    with api.stream("GET", "/events", headers={"Last-Event-ID": str(numbers[-2])}) as response:
        name, number, _ = next(pieces(response))
    assert (name, int(number)) == ("tool_call_finished", numbers[-1])
    with api.stream("GET", "/events", headers={"Last-Event-ID": "7"}) as response:
        told = pieces(response)
        assert next(told)[::2] == ("gap", {"missed": None})
        assert int(next(told)[1]) <= numbers[0]


def test_idle_streams_cost_little_and_end_with_the_server(embedded_home: Path) -> None:
    with serving(embedded_home) as server:
        _hold_idle_streams(server)


def _hold_idle_streams(server: Server) -> None:
    process = psutil.Process(server.process.pid)
    url = f"{server.presence.url}/api/v1/events"
    limits = httpx.Limits(max_connections=None)
    with ExitStack() as held:
        client = held.enter_context(httpx.Client(limits=limits, timeout=300, trust_env=False))
        first = held.enter_context(client.stream("GET", url))
        grown_bytes = []
        for _ in range(5):
            before_bytes = process.memory_info().rss
            for _ in range(IDLE_STREAMS // 5):
                held.enter_context(client.stream("GET", url))
            grown_bytes.append(process.memory_info().rss - before_bytes)
        # What else begins in a server that has just started is in one part of them or two.
        assert median(grown_bytes) / (IDLE_STREAMS // 5) < MOST_BYTES_A_STREAM
        # All of them are waiting now, and the server ends them itself: it breaks none off.
        server.process.terminate()
        assert server.process.wait(timeout=300) is not None
        first.read()
