"""``airunner setup`` from end to end: a hub on loopback, real files, and a turn of a real model."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from benchmarks.random_gguf import RandomShape, write_random_gguf
from tests.hub_pages import publish
from tests.weights.conftest import FileServer

from airunner.components.llm.config.model_capabilities import EMBEDDED_PRIMARY
from airunner.durations import about_seconds

WRITER, EMBEDDER = "Qwen/Qwen2.5-3B-Instruct", "Qwen/Qwen3-Embedding-0.6B"
BUDGET = ("--max-vram", "2")
CHEAP = ("--context", "1024", "--max-tokens", "12")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory, smollm2: Path) -> bytes:
    shape = RandomShape("qwen2", n_vocab=300, n_embd=32, n_ff=32, head_dim=8)
    return write_random_gguf(
        tmp_path_factory.mktemp("gguf") / "a.gguf", shape, smollm2
    ).read_bytes()


@pytest.fixture
def hub(server: FileServer, tiny: bytes) -> FileServer:
    """A hub that has what a team for 2 GB wants, under the names it is registered with."""
    publish(server, f"{WRITER}-GGUF", {"qwen2.5-3b-instruct-q4_k_m.gguf": tiny})
    publish(server, f"{EMBEDDER}-GGUF", {"Qwen3-Embedding-0.6B-Q8_0.gguf": tiny})
    return server


def airunner(
    home: Path, hub: str, *arguments: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("AIRUNNER_", "HF_"))}
    environ |= {"HF_ENDPOINT": hub, "AIRUNNER_HOME": str(home), "HF_HUB_CACHE": "/nowhere"}
    environ |= variables
    command = [sys.executable, "-m", "airunner", *arguments]
    return subprocess.run(
        command, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300
    )


def models_of(plan: dict[str, Any]) -> set[str]:
    return {choice["model"] for choice in plan["choices"] if choice["model"]}


@pytest.mark.real
def test_setup_fetches_what_plan_shows_and_the_team_answers(
    embedded_home: Path, hub: FileServer, tiny: bytes
) -> None:
    plan = models_of(json.loads(airunner(embedded_home, hub.url, "plan", *BUDGET, "--json").stdout))
    shown = airunner(embedded_home, hub.url, "setup", "--dry-run", "--json", *BUDGET)
    proposal = json.loads(shown.stdout)
    assert {m["model"] for m in proposal["members"]} == plan
    missing = {m["model"] for m in proposal["members"] if not m["offer"]["is_here"]}
    assert missing == {WRITER, EMBEDDER}
    assert proposal["fetch_bytes"] == 2 * len(tiny)
    assert proposal["seconds"] > 0, "measured on the file itself"
    assert not list(embedded_home.glob("models/Qwen*")), "nothing was fetched"

    done = airunner(embedded_home, hub.url, "setup", "--yes", "--speed", "8", *BUDGET, *CHEAP)
    assert done.returncode == 0, done.stderr
    assert "licence Qwen Research (non-commercial)" in done.stdout
    took = about_seconds(proposal["fetch_bytes"] * 8 / 8e6)
    assert f"about {took} at 8 Mbit/s" in done.stdout
    assert "tokens at" in done.stderr
    assert "Try next:\n  airunner ui" in done.stdout
    for name in missing:
        (file,) = embedded_home.glob(f"models/{name.replace('/', '--')}/*.gguf")
        assert file.read_bytes() == tiny
    listed = json.loads(airunner(embedded_home, hub.url, "models", "list", "--json").stdout)
    serving = {row["capability"]: row["model"] for row in listed["serving"]}
    assert (serving["summarization"], serving["embedding"]) == (WRITER, EMBEDDER)
    asked = len(hub.requests)
    pulled = airunner(embedded_home, hub.url, "models", "pull", "--team", *BUDGET)
    assert {line.partition(":")[0] for line in pulled.stdout.splitlines()} == plan
    assert len(hub.requests) == asked, "all of it is here"


@pytest.mark.real
def test_one_model_that_fails_leaves_the_others_and_the_command_says_so(
    embedded_home: Path, hub: FileServer
) -> None:
    del hub.files[f"/api/models/{WRITER}-GGUF/revision/main"]
    done = airunner(embedded_home, hub.url, "setup", "--yes", *BUDGET, *CHEAP)
    assert done.returncode == 1
    assert f"{WRITER}: there is no such repository" in done.stderr
    assert list(embedded_home.glob(f"models/{EMBEDDER.replace('/', '--')}/*.gguf"))
    assert "tokens at" in done.stderr, "what is here answers"


@pytest.mark.real
def test_without_a_network_it_says_so_and_keeps_what_is_here(embedded_home: Path) -> None:
    before = sorted(embedded_home.glob("models/*"))
    done = airunner(embedded_home, "http://127.0.0.1:9", "setup", "--yes", *BUDGET, *CHEAP)
    assert done.returncode == 1
    assert "There is no connection to the hub" in done.stdout
    assert "What is here stays and serves" in done.stdout
    assert "cannot be reached" not in done.stderr  # told once, and in no library's words
    assert "tokens at" in done.stderr
    assert sorted(embedded_home.glob("models/*")) == before
    offline = airunner(embedded_home, "http://127.0.0.1:9", "setup", "--dry-run", "--offline")
    assert offline.returncode == 0
    assert "no connection" in offline.stdout or "on this machine already" in offline.stdout


@pytest.mark.real
def test_nothing_is_fetched_unasked(embedded_home: Path, hub: FileServer) -> None:
    done = airunner(embedded_home, hub.url, "setup", *BUDGET, *CHEAP)
    assert done.returncode == 2
    assert "`airunner setup --yes` does it" in done.stderr
    primary, secondary = pty.openpty()
    environ = {**os.environ, "HF_ENDPOINT": hub.url, "AIRUNNER_HOME": str(embedded_home)}
    command = [sys.executable, "-m", "airunner", "setup", *BUDGET]
    with subprocess.Popen(
        command, env=environ, stdin=secondary, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        os.write(primary, b"n\n")
        told, _ = process.communicate(timeout=300)
    os.close(primary)
    os.close(secondary)
    assert process.returncode == 2
    assert b"Nothing was changed." in told
    assert not list(embedded_home.glob("models/Qwen*"))


@pytest.mark.real
def test_a_team_too_large_for_the_disk_is_refused_before_a_byte(
    embedded_home: Path, hub: FileServer
) -> None:
    path = f"/api/models/{WRITER}-GGUF/revision/main"
    listing = json.loads(hub.files[path])
    listing["siblings"][1]["size"] = 10**16
    hub.files[path] = json.dumps(listing).encode()
    done = airunner(embedded_home, hub.url, "setup", "--yes", "--speed", "100", *BUDGET)
    assert done.returncode == 1
    assert "--max-vram" in done.stderr
    assert not [request for request, _ in hub.requests if "/resolve/" in request]


@pytest.mark.real
def test_gated_models_are_planned_for_those_who_are_signed_in(embedded_home: Path) -> None:
    def image_model(**variables: str) -> str:
        done = airunner(
            embedded_home, "http://hub", "plan", "--max-vram", "11", "--json", **variables
        )
        choices = {c["capability"]: c for c in json.loads(done.stdout)["choices"]}
        if "HF_TOKEN" not in variables:
            reasons = {r["model"]: r["reason"] for r in choices["image_generation"]["rejected"]}
            assert "hf auth login" in reasons["stabilityai/stable-diffusion-3.5-medium"]
        return str(choices["image_generation"]["model"])

    home = str(embedded_home)
    assert image_model(HF_HOME=home) == "stabilityai/stable-diffusion-xl-base-1.0"
    signed_in = image_model(HF_HOME=home, HF_TOKEN="hf_mine")
    assert signed_in == "stabilityai/stable-diffusion-3.5-medium"


@pytest.mark.real
def test_what_was_assigned_is_planned(embedded_home: Path, hub: FileServer) -> None:
    (embedded_home / "config.toml").write_text(
        f'[capabilities]\ntranslation = "{EMBEDDED_PRIMARY}-Q8_0"  # mine\n'
    )
    proposal = json.loads(
        airunner(embedded_home, hub.url, "setup", "--dry-run", "--json", *BUDGET).stdout
    )
    serves = {c: m["model"] for m in proposal["members"] for c in m["capabilities"]}
    assert serves["translation"] == f"{EMBEDDED_PRIMARY}-Q8_0"
