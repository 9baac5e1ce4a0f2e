"""The OpenAPI document keeps its word: schemathesis finds no error of the server's.

It has an environment of its own: it needs other libraries, and is a plugin of pytest.
``make fuzz`` says more, and to every route, over a server of its own.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from benchmarks.random_gguf import RandomShape, write_random_gguf
from tests.server.clients.conftest import ServedHere, serving
from tests.server.clients.native_server import EMBEDDER, NATIVE
from tests.server.clients.own_venv import programs

SOURCES = Path(__file__).with_name("openapi")
CHECKS = (
    *("not_a_server_error", "status_code_conformance", "content_type_conformance"),
    *("response_schema_conformance", "response_headers_conformance"),
)
HELD = ("/api/v1/events", "/models/sse", "/api/v1/leases", "/api/v1/series")
"""Streams that last as long as they are read."""
STARTS_PROGRAMS = "/api/v1/mcp/{name}/probe"
ALL_BUT_THESE = [f"--exclude-path={path}" for path in (*HELD, STARTS_PROGRAMS)]
CLIENTS = ("OpenAI", "Anthropic", "Ollama", "llama-server", "Operation")


@pytest.fixture(scope="module")
def schemathesis(weights_home: Path) -> Path:
    """Its command."""
    return programs(SOURCES / "requirements.txt", weights_home) / "schemathesis"


def run(schemathesis: Path, server: ServedHere, folder: Path, *options: str) -> None:
    config = SOURCES / "schemathesis.toml"
    line = [
        str(schemathesis),
        f"--config-file={config}",
        "run",
        f"{server.url}/openapi.json",
        "--no-color",
        "--seed=1",
    ]
    line += ["--checks", ",".join(CHECKS), "--continue-on-failure", "--request-timeout=300"]
    # Of a name in a path, most that could be tried is none.
    line += ["--generation-database=none", "--warnings=off", "--suppress-health-check=all"]
    environ = {**os.environ, "SCHEMATHESIS_HOOKS": "hooks", "SERVED_MODELS": f"{NATIVE} {EMBEDDER}"}
    environ |= {"PYTHONPATH": str(SOURCES), "PYTHONDONTWRITEBYTECODE": "1", "NO_PROXY": "127.0.0.1"}
    done = subprocess.run(
        [*line, *options], cwd=folder, env=environ, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_clients_ask_is_answered_as_documented(
    schemathesis: Path, server: ServedHere, tmp_path: Path
) -> None:
    tags = [f"--include-tag={tag}" for tag in CLIENTS]
    options = ("--phases=fuzzing", "--max-examples=1", "--no-shrink")
    run(schemathesis, server, tmp_path, *options, *ALL_BUT_THESE, *tags)


def test_every_route_answers_as_documented(
    schemathesis: Path,
    tmp_path: Path,
    smollm2: Path,
    request: pytest.FixtureRequest,
) -> None:
    if request.config.getoption("--hypothesis-profile") != "fuzz":
        pytest.skip("make fuzz: it takes minutes")
    quick = write_random_gguf(tmp_path / "quick.gguf", RandomShape(), smollm2)
    with serving(tmp_path, quick, quick, quick) as server:
        options = ("--phases=coverage,fuzzing", "--max-examples=20")
        run(schemathesis, server, tmp_path, *options, *ALL_BUT_THESE)
        # Of the streams, what is wrong in some way; one that begins all the same is left soon.
        options = ("--phases=coverage", "--mode=negative", "--request-timeout=2")
        run(schemathesis, server, tmp_path, *options, *(f"--include-path={path}" for path in HELD))
