"""``mcp.json``: the form other programs know, and what is wrong with an entry."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from airunner.errors import SettingsError
from airunner.mcp.client.config import McpConfig, ServerConfig, read_mcp_config


def read(folder: Path, **servers: Any) -> McpConfig:
    file = folder / "mcp.json"
    file.write_text(json.dumps({"mcpServers": servers}), encoding="utf-8-sig")
    return read_mcp_config(file, origin="test", required=True)


def test_an_entry_as_other_programs_have_it(tmp_path: Path) -> None:
    entry = {"command": "npx", "args": ["-y", "x"], "env": {"KEY": "v"}, "alwaysAllow": ["*"]}
    off = {"command": "x", "disabled": True}
    web = {"url": "https://example.org/mcp", "type": "http", "headers": {"A": "secret"}}
    config = read(tmp_path, files=entry, off=off, web=web)
    assert config.problems == ()
    files, there = config.servers
    assert files == ServerConfig("files", "npx", ("-y", "x"), {"KEY": "v"})
    # What another program was told to run unasked gives no right here.
    assert (files.permission, files.allow, files.deny) == ("execute", ("*",), ())
    assert there.url == "https://example.org/mcp"
    assert "secret" not in repr(config)


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ([], "no object"),
        ({}, 'either a "command" or a "url"'),
        ({"command": "a", "url": "http://b"}, 'either a "command" or a "url"'),
        ({"command": 3}, '"command" must be text'),
        ({"command": "a", "args": "b"}, '"args" must be a list'),
        ({"command": "a", "env": {"A": 1}}, '"env" must be an object of texts'),
        ({"url": "ftp://a"}, "must begin with http"),
        ({"url": "http://a", "type": "sse"}, "'sse' is not supported"),
        ({"command": "a", "permission": "all"}, "must be one of read, write"),
        ({"command": "a", "permission": ["read"]}, "must be one of read, write"),
        ({"command": "a", "timeout_s": True}, "number of seconds"),
        ({"command": "a", "allow": [1]}, '"allow" must be a list'),
    ],
)
def test_a_wrong_entry_is_left_out_with_a_reason(tmp_path: Path, entry: Any, told: str) -> None:
    config = read(tmp_path, good={"command": "x"}, wrong=entry)
    assert [server.name for server in config.servers] == ["good"]
    (problem,) = config.problems
    assert problem.server == "wrong"
    assert told in problem.problem
    assert "mcp.json" in problem.problem


def test_no_file_is_no_servers_unless_it_was_named(tmp_path: Path) -> None:
    absent = tmp_path / "mcp.json"
    assert read_mcp_config(absent, origin="default", required=False) == McpConfig()
    with pytest.raises(SettingsError, match="no such file"):
        read_mcp_config(absent, origin="flag", required=True)
    (problem,) = read(tmp_path, **{"1\x1b": {"command": "a"}}).problems
    assert "its name must be" in problem.problem
