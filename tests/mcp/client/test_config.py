"""``mcp.json``: the form other programs know, and what is wrong with an entry."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from airunner.config.variables import with_variables
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
        ({"command": "a", "env": {"A": []}}, '"env" must be an object of texts'),
        ({"url": "ftp://a"}, "must begin with http"),
        ({"url": "http://a", "type": "sse"}, "'sse' is not supported"),
        ({"command": "a", "permission": "all"}, "must be one of read, write"),
        ({"command": "a", "permission": ["read"]}, "must be one of read, write"),
        ({"command": "a", "timeout_s": True}, "number of seconds"),
        ({"command": "a", "allow": [None]}, '"allow" must be a list'),
        ({"command": "a", "args": ["${NO_SUCH_VARIABLE}"]}, "variable NO_SUCH_VARIABLE"),
        ({"command": "a", "env": {"KEY": "${input:api key}"}}, "write ${API_KEY} instead"),
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
    (problem,) = read(tmp_path, **{"\x1b": {"command": "a"}}).problems
    assert "its name must be" in problem.problem
    assert problem.server.isprintable()


def written(folder: Path, text: str) -> McpConfig:
    file = folder / "mcp.json"
    file.write_text(text, encoding="utf-8")
    return read_mcp_config(file, origin="test", required=True)


def test_a_file_as_people_keep_it(tmp_path: Path) -> None:
    config = written(
        tmp_path,
        """
        // My servers.
        {"mcpServers": {
            "io.github.owner/name": {
                "command": "npx", /* from npm, "really" */
                "args": ["-y", "https://x.test/*.js", 3, true,],
                "env": {"PORT": 8080, "DEBUG": false, "RATE": 0.5, "UNSET": null, "TEXT": "a // b"},
                "cwd": null, "url": null, "type": null, "headers": null, "permission": null,
            },
            "my server (local)": {"serverUrl": "http://localhost:1/mcp", "args": null},
            "wetter für münchen": {"command": "x", "disabled": null},
            "1password": {"command": "x", "enabled": true},
            "off": {"command": "x", "enabled": false},
        },}
        """,
    )
    assert config.problems == ()
    names = ["io.github.owner/name", "my server (local)", "wetter für münchen", "1password"]
    assert [server.name for server in config.servers] == names
    first, second = config.servers[:2]
    assert first.args == ("-y", "https://x.test/*.js", "3", "true")
    assert first.env == {"PORT": "8080", "DEBUG": "false", "RATE": "0.5", "TEXT": "a // b"}
    assert (first.cwd, first.url, first.permission) == (None, "", "execute")
    assert second.url == "http://localhost:1/mcp"


@pytest.mark.parametrize(
    "text",
    [
        '{"mcpServers": {"a": {"command": "x"}}}',
        '{"servers": {"a": {"type": "stdio", "command": "x"}}, "inputs": []}',
        '{"mcp": {"servers": {"a": {"command": "x"}}}, "editor.fontSize": 12}',
        '{"theme": "dark", "context_servers": {"a": {"source": "custom", "command": "x"}}}',
    ],
)
def test_the_keys_of_several_programs(tmp_path: Path, text: str) -> None:
    (server,) = written(tmp_path, text).servers
    assert (server.name, server.command) == ("a", "x")


def test_variables_are_those_of_the_environment() -> None:
    known = {"KEY": "s3cret", "EMPTY": ""}
    for text, value in {
        "Bearer ${KEY}": "Bearer s3cret",
        "${env:KEY}/${KEY}": "s3cret/s3cret",
        "${NONE:-http://x:1}": "http://x:1",
        "${EMPTY:-other}": "other",
        "${NONE:-}": "",
        "$KEY ${} $5 {KEY}": "$KEY ${} $5 {KEY}",
    }.items():
        assert with_variables(text, known) == value
    with pytest.raises(ValueError, match="environment variable NONE, which is not set"):
        with_variables("${NONE}", known)


def test_a_folder_of_ones_own_and_text_that_is_no_unicode(tmp_path: Path) -> None:
    text = r'{"servers": {"a\ud83d": {"command": "~/bin/x", "args": ["\ud83d", "~"]}}}'
    (server,) = written(tmp_path, text).servers
    assert server.command == str(Path.home() / "bin" / "x")
    assert server.args == ("\ufffd", "~"), "what a shell would make of an argument is not done"
    server.name.encode()
