"""Keys: how they are kept, and what a server that others can reach lets each do."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.server.access.conftest import RunningServer, start_server, stop_server
from tests.server.access.raw import ask_raw, status_of
from typer.testing import CliRunner

from airunner.access.key_guesses import FREE_GUESSES, LONGEST_WAIT_S, KeyGuesses
from airunner.cli.app import app
from airunner.components.llm.config.model_capabilities import EMBEDDED_PRIMARY, EMBEDDED_SPECIALIST
from airunner.errors import KeysError
from airunner.resources.visitor import Visitor
from airunner.server.keys import Keys, patterns

pytestmark = pytest.mark.real

CHAT = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 1}
ANYTHING_ASKED = {
    **CHAT,
    "model": EMBEDDED_PRIMARY,
    "prompt": "hi",
    "input": "hi",
    "query": "hi",
    "documents": ["hi"],
}
"""A body that every route which takes a model understands."""


def test_only_the_hash_of_a_key_is_kept_and_only_the_owner_reads_it(empty_home: Path) -> None:
    key = Keys(empty_home).add(Visitor("ann", ("qwen*",), ("read_*",), 1))
    file = empty_home / "keys.json"
    assert key not in file.read_text(encoding="utf-8")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert Keys(empty_home).find(key) == Visitor("ann", ("qwen*",), ("read_*",), 1)
    assert Keys(empty_home).find(key[:-1]) is None
    assert Keys(empty_home).find("") is None


def test_two_keys_differ_and_names_do_too(empty_home: Path) -> None:
    keys = Keys(empty_home)
    assert keys.add(Visitor("a")) != keys.add(Visitor("b"))
    for name in ("a", "", "a b", "-x", "a/b", "x" * 65):
        with pytest.raises(KeysError):
            keys.add(Visitor(name))


def test_what_another_process_changes_is_seen_at_once(empty_home: Path) -> None:
    server, command = Keys(empty_home), Keys(empty_home)
    key = command.add(Visitor("ann"))
    assert server.find(key) is not None
    command.remove("ann")
    assert server.find(key) is None
    with pytest.raises(KeysError):
        command.remove("ann")


def test_a_file_that_cannot_be_read_lets_nobody_in(empty_home: Path) -> None:
    (empty_home / "keys.json").write_text("[", encoding="utf-8")
    with pytest.raises(KeysError):
        Keys(empty_home).find("x")


def test_patterns_and_rights() -> None:
    assert patterns(["a*, b", "c"]) == ("a*", "b", "c")
    assert patterns([]) == patterns(None) == ("*",)
    visitor = Visitor("ann", ("qwen*", "capability:code"), ("read_?",))
    assert visitor.may_use("Qwen3-8B")
    assert visitor.may_use("unknown", "capability:code")
    assert not visitor.may_use("airunner")
    assert visitor.may_call("read_x")
    assert not visitor.may_call("write_file")


def test_the_wait_after_wrong_keys_grows_and_ends() -> None:
    now = [0.0]
    guesses = KeyGuesses(clock=lambda: now[0])
    for _ in range(FREE_GUESSES):
        guesses.wrong("a")
    assert guesses.wait_s("a") == 0
    waits = []
    for _ in range(10):
        guesses.wrong("a")
        waits.append(guesses.wait_s("a"))
    assert waits[:3] == [1, 2, 4]
    assert waits[-1] == LONGEST_WAIT_S
    assert guesses.wait_s("b") == 0
    now[0] += LONGEST_WAIT_S
    assert guesses.wait_s("a") == 0
    guesses.right("a")
    guesses.wrong("a")
    assert guesses.wait_s("a") == 0


def test_the_commands(empty_home: Path) -> None:
    def run(*words: str) -> str:
        result = CliRunner().invoke(app, ["keys", *words, "--home", str(empty_home)])
        assert result.exit_code == 0, result.output
        return result.stdout

    key = run("add", "ann", "--models", "qwen*,airunner", "--tools", "read_*", "--priority", "high")
    assert Keys(empty_home).find(key.split()[0]) is not None
    (row,) = json.loads(run("list", "--json"))["keys"]
    assert row["models"] == ["qwen*", "airunner"]
    assert row["priority"] == "high"
    assert row["manages"] is False
    assert "ann" in run("list")
    assert key.split()[0] not in run("list") + run("list", "--json")
    run("remove", "ann")
    assert json.loads(run("list", "--json"))["keys"] == []


def test_a_server_that_others_can_reach_does_not_start_without_a_key(empty_home: Path) -> None:
    words = ["serve", "--host", "0.0.0.0", "--port", "0", "--home", str(empty_home)]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 1
    assert "airunner keys add" in result.stderr


@pytest.fixture(scope="module")
def served_home(make_home: Callable[[], Path]) -> Path:
    """The home folder of a server that other machines can reach."""
    return make_home()


@pytest.fixture(scope="module")
def keys(served_home: Path) -> dict[str, str]:
    """Keys by name: what each may do, its name says; ``gone`` is removed."""
    known = Keys(served_home)
    made = {
        "all": known.add(Visitor("all", manages=False)),
        "one": known.add(Visitor("one", (EMBEDDED_SPECIALIST,), (), manages=False)),
        "manager": known.add(Visitor("manager")),
        "narrow": known.add(Visitor("narrow", (EMBEDDED_SPECIALIST,), ("get_*",))),
        "named": known.add(Visitor("named", ("airunner",), manages=False)),
        "nothing": known.add(Visitor("nothing", ("none",), ("none",), manages=False)),
        "gone": known.add(Visitor("gone")),
    }
    known.remove("gone")
    return made


@pytest.fixture(scope="module")
def open_server(served_home: Path, keys: dict[str, str]) -> Iterator[RunningServer]:
    """A server that other machines can reach."""
    running = start_server(served_home, "--host", "0.0.0.0", "--name", "box.example")
    yield running
    assert "Traceback" not in stop_server(running)


@pytest.fixture
def ask(open_server: RunningServer) -> Iterator[httpx.Client]:
    """A client of it."""
    url = f"http://127.0.0.1:{open_server.port}"
    with httpx.Client(base_url=url, timeout=300, trust_env=False) as client:
        yield client


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def test_without_a_key_only_whether_it_lives_is_told(ask: httpx.Client) -> None:
    for path in ("/v1/models", "/api/tags", "/", "/openapi.json", "/metrics", "/v1/nothing"):
        response = ask.get(path)
        assert response.status_code == 401, path
        assert "error" in response.json()
    assert ask.post("/v1/chat/completions", json={**CHAT, "model": "airunner"}).status_code == 401
    assert ask.post("/v1/messages", json={}).json()["error"]["type"] == "authentication_error"


def test_a_key_of_either_form_lets_in(ask: httpx.Client, keys: dict[str, str]) -> None:
    assert ask.get("/v1/models", headers=bearer(keys["all"])).status_code == 200
    assert ask.get("/v1/models", headers={"x-api-key": keys["all"]}).status_code == 200
    assert ask.get("/v1/models", headers=bearer(keys["gone"])).status_code == 401
    assert ask.get("/v1/models", headers=bearer(keys["all"])).status_code == 200


def test_a_key_may_use_its_models_by_every_api_and_no_other(
    ask: httpx.Client, keys: dict[str, str]
) -> None:
    head = bearer(keys["one"])
    for path in ("/v1/chat/completions", "/v1/messages", "/api/chat"):
        body = {**CHAT, "stream": False, "options": {"num_predict": 1}}
        for model in ("airunner", EMBEDDED_PRIMARY, "capability:primary_conversation"):
            refused = ask.post(path, json={**body, "model": model}, headers=head)
            assert refused.status_code == 403, (path, model)
            assert EMBEDDED_PRIMARY in refused.text or model in refused.text
        allowed = ask.post(path, json={**body, "model": EMBEDDED_SPECIALIST}, headers=head)
        assert allowed.status_code == 200, allowed.text


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/responses", {"model": "airunner", "input": "hi"}),
        ("/v1/embeddings", {"model": EMBEDDED_PRIMARY, "input": "hi"}),
        ("/v1/rerank", {"model": EMBEDDED_PRIMARY, "query": "a", "documents": ["b"]}),
        ("/v1/images/generations", {"prompt": "a cat"}),
        ("/v1/images/generations", {"prompt": "a cat", "model": "airunner/shapes-64"}),
        ("/api/generate", {"model": EMBEDDED_PRIMARY, "prompt": "hi"}),
        ("/api/generate", {"model": EMBEDDED_PRIMARY, "keep_alive": 0}),
        ("/api/embed", {"model": EMBEDDED_PRIMARY, "input": "hi"}),
        ("/api/embeddings", {"model": EMBEDDED_PRIMARY, "prompt": "hi"}),
        ("/api/show", {"model": EMBEDDED_PRIMARY}),
        ("/v1/messages/count_tokens", {"model": "airunner", **CHAT}),
    ],
)
def test_every_door_asks_for_the_right(
    ask: httpx.Client, keys: dict[str, str], path: str, body: dict[str, object]
) -> None:
    response = ask.post(path, json=body, headers=bearer(keys["one"]))
    assert response.status_code == 403, response.text


def test_what_is_the_owners_needs_a_key_that_manages(
    ask: httpx.Client, keys: dict[str, str]
) -> None:
    body = {"model": EMBEDDED_PRIMARY, "stream": False}
    for path in ("/api/pull", "/api/v1", "/api/v1/conversations", "/api/v1/models/x", "/api/pull/"):
        for name in ("one", "all"):
            response = ask.post(path, json=body, headers=bearer(keys[name]))
            assert response.status_code == 403, path
        allowed = ask.post(path, json=body, headers=bearer(keys["manager"]))
        assert allowed.status_code != 403, path


def test_a_key_that_manages_keeps_to_its_models_and_tools(
    ask: httpx.Client, keys: dict[str, str]
) -> None:
    head = bearer(keys["narrow"])
    tool = {"arguments": {"expression": "1 + 1"}, "approved": True}
    refused = ask.post("/api/v1/tools/calculate", json=tool, headers=head)
    assert "the key of this request does not allow it" in refused.text
    allowed = ask.post("/api/v1/tools/calculate", json=tool, headers=bearer(keys["manager"]))
    assert "the key" not in allowed.text
    body = {"capability": "primary_conversation"}
    assert ask.post("/api/v1/leases", json=body, headers=head).status_code == 403


def test_a_model_may_be_meant_by_any_name_it_goes_by(
    ask: httpx.Client, keys: dict[str, str]
) -> None:
    for model, status in (("airunner", 200), (EMBEDDED_PRIMARY, 200), (EMBEDDED_SPECIALIST, 403)):
        body = {**CHAT, "model": model}
        response = ask.post("/v1/chat/completions", json=body, headers=bearer(keys["named"]))
        assert response.status_code == status, response.text


def test_a_response_is_its_keys_alone(ask: httpx.Client, keys: dict[str, str]) -> None:
    body = {"model": EMBEDDED_SPECIALIST, "input": "hi", "max_output_tokens": 16}
    response = ask.post("/v1/responses", json=body, headers=bearer(keys["one"]))
    path = f"/v1/responses/{response.json()['id']}"
    assert ask.get(path, headers=bearer(keys["one"])).status_code == 200
    assert ask.get(path, headers=bearer(keys["all"])).status_code == 404
    assert ask.delete(path, headers=bearer(keys["all"])).status_code == 404
    body["previous_response_id"] = response.json()["id"]
    assert ask.post("/v1/responses", json=body, headers=bearer(keys["all"])).status_code == 404
    assert ask.get(path, headers=bearer(keys["one"])).status_code == 200


def test_lists_have_what_the_key_may_use(ask: httpx.Client, keys: dict[str, str]) -> None:
    rows = ask.get("/v1/models", headers=bearer(keys["one"])).json()["data"]
    assert {row["id"] for row in rows if not row["id"].startswith("capability:")} == {
        EMBEDDED_SPECIALIST
    }
    tags = ask.get("/api/tags", headers=bearer(keys["one"])).json()["models"]
    assert EMBEDDED_PRIMARY not in {tag["name"] for tag in tags}
    everything = ask.get("/v1/models", headers=bearer(keys["all"])).json()["data"]
    assert "airunner" in {row["id"] for row in everything}


def test_every_route_refuses_a_key_that_may_nothing(
    ask: httpx.Client, keys: dict[str, str]
) -> None:
    head = bearer(keys["nothing"])
    document = ask.get("/openapi.json", headers=bearer(keys["manager"])).json()
    told = {}
    for path, methods in document["paths"].items():
        for method in methods:
            given: dict[str, Any] = {"json": ANYTHING_ASKED} if method == "post" else {}
            if path.endswith("/edits"):
                given = {"files": {"image": b"x"}, "data": {"prompt": "hi"}}
            with ask.stream(method, path, headers=head, **given) as response:
                told[method, path] = response.status_code
    served = {path for (_, path), status in told.items() if status < 400}
    assert served == {
        *("/healthz", "/readyz", "/metrics", "/props", "/api/version"),
        *("/models", "/v1/models", "/models/sse", "/api/tags", "/api/ps"),
    }
    refused = {status for (_, path), status in told.items() if "/responses/" not in path}
    assert refused - {200} <= {403, 404}, told
    assert all(each == 403 for (_, path), each in told.items() if path.startswith("/api/v1"))


def test_the_figures_tell_a_key_of_what_it_may_use(ask: httpx.Client, keys: dict[str, str]) -> None:
    body = {**CHAT, "model": EMBEDDED_SPECIALIST}
    ask.post("/v1/chat/completions", json=body, headers=bearer(keys["one"])).raise_for_status()
    for name, knows in (("manager", True), ("one", True), ("all", False), ("nothing", False)):
        figures = ask.get("/metrics", headers=bearer(keys[name])).text
        assert ('key="one"' in figures) is knows, name
        assert (f'model="{EMBEDDED_SPECIALIST}"' in figures) is (name != "nothing")


def test_only_a_key_that_manages_takes_a_model_out_of_memory(
    ask: httpx.Client, keys: dict[str, str]
) -> None:
    body = {"model": EMBEDDED_SPECIALIST, "keep_alive": 0}
    for path in ("/api/generate", "/api/chat"):
        refused = ask.post(path, json=body, headers=bearer(keys["one"]))
        assert refused.status_code == 403
        assert "--manage" in refused.json()["error"]
    allowed = ask.post("/api/generate", json=body, headers=bearer(keys["narrow"]))
    assert allowed.json()["done_reason"] == "unload"


def test_names_that_it_was_given_and_addresses_are_welcome(
    open_server: RunningServer, keys: dict[str, str]
) -> None:
    def status(host: str) -> int:
        lines = ["GET /v1/models HTTP/1.1", f"Host: {host}", "Connection: close"]
        lines += [f"Authorization: Bearer {keys['all']}", "", ""]
        return status_of(ask_raw(open_server.port, "\r\n".join(lines).encode()))

    assert status("box.example:8188") == 200
    assert status("192.168.1.5") == 200
    assert status("[fe80::1]") == 200
    assert status("evil.example") == 403


def test_who_tries_keys_has_to_wait(ask: httpx.Client, keys: dict[str, str]) -> None:
    statuses = [
        ask.get("/v1/models", headers=bearer(f"air-{number}")).status_code for number in range(9)
    ]
    assert statuses[:FREE_GUESSES] == [401] * FREE_GUESSES
    assert statuses[-1] == 429
    refused = ask.get("/v1/models", headers=bearer("air-more"))
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) >= 1
    # Somebody else at the same address, who has a key, is not kept out by that.
    assert ask.get("/v1/models", headers=bearer(keys["all"])).status_code == 200
