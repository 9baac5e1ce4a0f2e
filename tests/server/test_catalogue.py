"""A running server whose catalogue changes: by its API, by commands, and by programs beside it."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.server.conftest import Server
from tests.server.test_native import pieces

from airunner.components.llm.config.model_capabilities import (
    CAPABILITY_TO_MODEL,
    EMBEDDED_SPECIALIST,
    MODEL_REGISTRY,
)
from airunner.config.settings import Settings
from airunner.events import Event, FallbackChosen
from airunner.models.spec import ModelCapability
from airunner.runtime.attaching import attach
from airunner.runtime.file_models import open_catalog

NAME = "mine"
DEFAULT = CAPABILITY_TO_MODEL[ModelCapability.TRANSLATION]


@pytest.fixture
def api(server: Server) -> Iterator[httpx.Client]:
    with server.api as client:
        yield client


def wanted(api: httpx.Client) -> str:
    """The model that translation is mapped to."""
    model: str = api.get("/serving/translation").json()["wanted"]
    return model


def test_a_model_is_added_serves_and_is_taken_out_while_the_server_runs(
    api: httpx.Client, server: Server, smollm2: Path
) -> None:
    attached = attach(Settings.load({"home": server.home}, environ={}))
    assert attached is not None
    with attached, api.stream("GET", "/events") as events:
        told = pieces(events)
        added = api.post("/models", json={"source": str(smollm2), "name": NAME})
        assert added.status_code == 201, added.text
        (model,) = added.json()["added"]
        assert (model["name"], model["is_here"]) == (NAME, True)
        news = next(data for name, _, data in told if name == "catalog_changed")
        assert news["models"] == [NAME]
        listed = {m["model"]: m["here"] for m in api.get("/models").json()["models"]}
        assert listed[NAME] is True

        assert wanted(api) == DEFAULT
        done = api.post("/assign", json={"capability": "translation", "model": NAME})
        assert done.status_code == 200, done.text
        assert wanted(api) == NAME
        found = attached.resolve(ModelCapability.TRANSLATION)
        assert found.spec.model_path == NAME, "a program that was attached before knows it"
        answer = api.post("/specialists/translation", json={"prompt": "Hi!", "max_tokens": 4})
        assert answer.status_code == 200
        plan = {c["capability"]: c["model"] for c in api.get("/plan").json()["choices"]}
        assert plan["translation"] == NAME

        file = tomllib.loads((server.home / "config.toml").read_text())
        assert file["capabilities"] == {"translation": NAME}
        assert file["models"][NAME]["file"] == str(smollm2)

        removed = api.delete(f"/models/{NAME}")
        told = removed.json()
        assert (told["freed_bytes"], told["forgotten"]) == (0, True)
        assert "stay there" in told["words"]
        assert smollm2.is_file()
        open_catalog(attached.settings, attached.engines.traits)
        assert NAME not in MODEL_REGISTRY
        assert wanted(api) == DEFAULT
        known = [model["model"] for model in api.get("/status").json()["models"]]
        assert NAME not in known, "nothing of it is parked that could be loaded"


def test_a_folder_gives_what_can_be_added_and_names_the_rest(
    server: Server, api: httpx.Client, smollm2: Path, tmp_path: Path
) -> None:
    (tmp_path / "good.gguf").symlink_to(smollm2)
    (tmp_path / "bad.gguf").write_bytes(b"nothing" * 9)
    added = server.airunner("models", "add", str(tmp_path))
    assert added.returncode == 0, added.stderr
    assert "good: " in added.stdout
    assert "it serves primary conversation, " in added.stdout
    assert "bad.gguf is not added: it does not begin" in added.stderr
    assert api.delete("/models/good").status_code == 200


def test_commands_beside_the_server_go_through_it_and_it_stays_theirs(
    server: Server, api: httpx.Client, smollm2: Path
) -> None:
    added = server.airunner("models", "add", str(smollm2), "--name", NAME, "--json")
    assert added.returncode == 0, added.stderr
    assert json.loads(added.stdout)["added"][0]["name"] == NAME
    assert api.get(f"/models/{NAME}").status_code == 200
    assigned = server.airunner("assign", "translation", NAME)
    assert (assigned.returncode, assigned.stderr) == (0, "")
    assert wanted(api) == NAME
    listed = server.airunner("models", "list")
    assert "is not used" not in listed.stderr, "both still know the same models"
    assert NAME in listed.stdout
    assert server.airunner("assign", "translation", "--default").returncode == 0
    assert wanted(api) == DEFAULT
    removed = server.airunner("models", "remove", NAME)
    assert "no longer registered" in removed.stdout
    assert api.get(f"/models/{NAME}").status_code == 404


def test_what_another_process_registers_is_known_at_once(
    server: Server, api: httpx.Client, smollm2: Path
) -> None:
    file = server.home / "config.toml"
    before = file.read_text() if file.exists() else ""
    table = {"file": str(smollm2), "capabilities": ["translation"]}
    lines = [f"{key} = {json.dumps(value)}" for key, value in table.items()]
    assigned = '[capabilities]\ntranslation = "elsewhere"\n'
    with api.stream("GET", "/events") as events:
        told = pieces(events)
        file.write_text(assigned + "\n".join(["[models.elsewhere]", *lines, ""]))
        assert api.get("/models/elsewhere").status_code == 200
        news = next(data for name, _, data in told if name == "catalog_changed")
        assert (news["models"], news["capabilities"]) == (["elsewhere"], ["translation"])
    assert wanted(api) == "elsewhere"
    attached = attach(Settings.load({"home": server.home}, environ={}))
    assert attached is not None, "the server is still used"
    attached.close()
    file.write_text('[capabilities]\ntranslation = "nobody"\n')
    assert wanted(api) == "elsewhere", "what cannot be changes nothing"
    file.write_text(before)
    open_catalog(attached.settings, attached.engines.traits)
    assert wanted(api) == DEFAULT
    assert api.get("/models/elsewhere").status_code == 404


def test_who_asks_is_told_of_a_model_that_is_passed_over(
    server: Server, api: httpx.Client, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bad = tmp_path / "bad.gguf"
    bad.write_bytes(b"nothing" * 9)
    file = server.home / "config.toml"
    before = file.read_text() if file.exists() else ""
    model = f'file = {json.dumps(str(bad))}\ncapabilities = ["translation"]\n'
    models = f"[models.spoilt]\n{model}[models.unused]\n{model}"
    file.write_text(f'{models}[capabilities]\ntranslation = "spoilt"\n')
    heard: list[Event] = []
    attached = attach(Settings.load({"home": server.home}, environ={}))
    assert attached is not None
    with attached, caplog.at_level("WARNING", "airunner"):
        attached.bus.subscribe(heard.append)
        # Somebody else was told before, and the log of the server says it once.
        api.post("/specialists/translation", json={"prompt": "Hi!", "max_tokens": 1})
        assert attached.use_specialized_model("translation", "Hi!", max_tokens=1) is not None
        (line,) = (each for each in caplog.messages if "is passed over" in each)
        assert line.startswith("spoilt is passed over: ")
        attached.plan()
        assert any("unused is passed over: " in line for line in caplog.messages)
        (told,) = (event for event in heard if isinstance(event, FallbackChosen))
        assert "spoilt cannot be used" in told.reason
    file.write_text(before)
    open_catalog(attached.settings, attached.engines.traits)


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"source": "/no/such.gguf"}, 400, "no file or folder"),
        ({"source": "publisher/name"}, 400, "--offline"),
        ({"source": ""}, 400, "no file or folder"),
        ({}, 400, "source"),
        ({"source": "/dev/null"}, 500, "not a usable model file"),
    ],
)
def test_what_cannot_be_added_says_why(
    api: httpx.Client, body: dict[str, str], status: int, words: str
) -> None:
    answer = api.post("/models", json=body)
    assert answer.status_code == status
    assert words in answer.text


def test_what_cannot_serve_is_refused_and_a_model_is_not_a_device(api: httpx.Client) -> None:
    image = {"capability": "image_generation", "model": EMBEDDED_SPECIALIST}
    refused = api.post("/assign", json=image)
    assert refused.status_code == 400
    assert f"{EMBEDDED_SPECIALIST} does not draw" in refused.text
    assert "did not load" not in refused.text
    assert api.post("/assign", json={**image, "model": "nobody/no"}).status_code == 404
    assert api.get("/found").status_code == 200
