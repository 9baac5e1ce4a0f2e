"""A conversation with a real model that uses a real MCP server, and one whose server dies."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mcp")

from tests.cli.test_chat_real import SMALL, airunner
from tests.mcp.client.test_servers import odd


def turn(home: Path, text: str, **servers: Any) -> list[dict[str, Any]]:
    (home / "mcp.json").write_text(json.dumps({"mcpServers": servers}), encoding="utf-8")
    done = airunner(home, "chat", "-p", text, "--json", *SMALL)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def only(events: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    (event,) = [event for event in events if event["kind"] == kind]
    return event


def test_the_primary_calls_a_tool_of_a_server(embedded_home: Path) -> None:
    # What the time is, a tool of our own tells; no other converts one.
    question = "Convert the time 10:00 from the timezone Europe/Oslo to the timezone Asia/Tokyo."
    time = {"command": sys.executable, "args": ["-m", "mcp_server_time"], "permission": "read"}
    events = turn(embedded_home, question, time=time)
    call = only(events, "tool_call_finished")
    assert (call["tool"], call["problem"]) == ("time_convert_time", "")
    result = json.loads(call["result"])
    assert result["source"]["timezone"] == "Europe/Oslo"
    assert result["target"]["timezone"] == "Asia/Tokyo"
    assert only(events, "turn_finished")["outcome"] == "answered"


def test_a_server_that_dies_does_not_take_the_chat_along(
    embedded_home: Path, tmp_path: Path
) -> None:
    server = odd(tmp_path, allow=["die"], permission="read")
    events = turn(embedded_home, "Please die, odd server.", odd=server)
    problems = [e["problem"] for e in events if e["kind"] == "tool_call_finished"]
    assert problems
    assert all("MCP server odd cannot be used: it ended" in problem for problem in problems)
    assert only(events, "turn_finished")["outcome"] == "answered"
