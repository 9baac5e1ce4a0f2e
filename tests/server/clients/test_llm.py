"""Simon Willison's ``llm``, with the one file of settings that it needs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.server.clients.conftest import ServedHere
from tests.server.clients.native_server import NATIVE
from tests.server.clients.said import LETTERS


@pytest.fixture
def home(server: ServedHere, tmp_path: Path) -> Path:
    """Its folder, with our model in it."""
    lines = [
        "- model_id: here",
        f"  model_name: {NATIVE}",
        f"  api_base: {server.v1}",
        "  supports_tools: true",
        "  supports_schema: true",
    ]
    (tmp_path / "extra-openai-models.yaml").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path


def llm(home: Path, *arguments: str) -> str:
    environ = {**os.environ, "LLM_USER_PATH": str(home), "OPENAI_API_KEY": "none"}
    line = [sys.executable, "-W", "ignore", "-m", "llm", *arguments]
    done = subprocess.run(line, env=environ, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_prompt_is_answered_in_pieces_and_whole_and_goes_on(home: Path) -> None:
    options = ("-m", "here", "-o", "temperature", "0", "-o", "max_tokens", "12")
    pieces = llm(home, "prompt", LETTERS, *options)
    assert pieces
    assert llm(home, "prompt", LETTERS, "--no-stream", *options) == pieces
    assert llm(home, "prompt", "-c", "And the wind?", *options)


def test_an_answer_matches_its_schema(home: Path) -> None:
    schema = '{"type": "object", "properties": {"mood": {"enum": ["calm"]}}, "required": ["mood"]}'
    found = llm(home, "prompt", "How is the sea?", "-m", "here", "--schema", schema)
    assert json.loads(found) == {"mood": "calm"}
