"""``airunner mcp`` as other programs see it: a real process, reached with our own MCP client."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mcp")

from tests.agent.scripted_team import ScriptedTeam
from tests.cli.test_chat_real import REQUEST, SMALL, command

from airunner.agent.loop import AgentLoop
from airunner.agent.tool_call import Outcome
from airunner.events import Event, EventBus
from airunner.mcp.client.config import McpConfig, ServerConfig
from airunner.mcp.client.servers import McpServers
from airunner.tools.toolset import Toolset

OFFERED = (
    "enhance_prompt",
    "summarize_text",
    "translate_text",
    "generate_code",
    *(["generate_image"] if find_spec("diffusers") else []),
)


@contextmanager
def client_of(folder: Path, **server: Any) -> Iterator[Toolset]:
    """The toolset that a program which uses AI Runner gets."""
    events: list[Event] = []
    config = McpConfig((ServerConfig("air", timeout_s=300, permission="read", **server),))
    servers = McpServers(config, logs=folder, publish=events.append)
    try:
        toolset = servers.connect()
        assert len(toolset), events
        yield toolset
    finally:
        servers.close()


def call(toolset: Toolset, name: str, **arguments: Any) -> Outcome:
    loop = AgentLoop(ScriptedTeam([]), toolset, bus=EventBus())
    return asyncio.run(loop.call_tool(name, arguments))


@contextmanager
def over_http(home: Path, *arguments: str) -> Iterator[tuple[str, dict[str, str]]]:
    """A running ``airunner mcp --http``: its URL, and the header that lets in."""
    line, environ = command(home, "mcp", "--http", "0", *SMALL, *arguments)
    with subprocess.Popen(line, env=environ, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            url = process.stderr.readline().strip()
            token = (home / "mcp-token").read_text(encoding="ascii").strip()
            yield url, {"Authorization": f"Bearer {token}"}
        finally:
            process.terminate()
            # Everything is put away: a worker that stayed would keep this pipe open.
            process.stderr.read()
            process.wait()
    assert process.returncode == 143


def test_another_program_uses_the_models_over_stdio(embedded_home: Path, tmp_path: Path) -> None:
    line, _ = command(embedded_home, "mcp", *SMALL)
    # A server gets none of our environment but a few harmless variables.
    environ = {"PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    with client_of(tmp_path, command=line[0], args=tuple(line[1:]), env=environ) as tools:
        assert tools.names == tuple(f"air_{name}" for name in OFFERED)
        described = tools.get("air_summarize_text")
        assert described.description == "Summarize a text in a few sentences."
        assert described.parameters["properties"]["max_sentences"]["maximum"] == 12
        summary = call(tools, "air_summarize_text", text=REQUEST)
        assert not summary.problem
        assert summary.message.content.strip()
        empty = call(tools, "air_enhance_prompt", idea=" ")
        assert "The idea is empty" in empty.problem


def test_over_http_with_rules_and_a_choice_of_tools(embedded_home: Path, tmp_path: Path) -> None:
    chosen = ("--tool", "enhance_prompt", "--tool", "translate_text")
    denied = ("--permissions", "translate_text=deny")
    with (
        over_http(embedded_home, *chosen, *denied) as (url, headers),
        client_of(tmp_path, url=url, headers=headers) as tools,
    ):
        assert tools.names == ("air_enhance_prompt", "air_translate_text")
        enhanced = call(tools, "air_enhance_prompt", idea="a lighthouse at dusk")
        assert not enhanced.problem
        assert enhanced.message.content.strip()
        refused = call(tools, "air_translate_text", text="Hello", target_language="French")
        assert "forbids" in refused.problem


def test_a_program_that_writes_half_an_emoji_is_answered(tmp_path: Path) -> None:
    asked = [
        '{"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": '
        '"2025-06-18", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}}}',
        "a line that is no message",
        '{"jsonrpc": "2.0", "method": "notifications/initialized"}',
        r'{"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": '
        r'{"name": "calculate", "arguments": {"expression": "\ud83d"}}}',
    ]
    line = [sys.executable, "-m", "airunner", "mcp", "--tool", "calculate"]
    with subprocess.Popen(
        [*line, "--home", str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("\n".join(asked) + "\n")
        process.stdin.flush()
        answers = [json.loads(process.stdout.readline()) for _ in range(2)]
        process.stdin.close()
    assert [answer["id"] for answer in answers] == [1, 2]
    assert "\ufffd" in answers[1]["result"]["content"][0]["text"]
