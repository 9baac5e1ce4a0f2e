"""``mcp.json`` changed by the program, in the forms that people have it in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from airunner.errors import SettingsError
from airunner.mcp.client.config_file import McpConfigFile


@pytest.mark.parametrize(
    "text",
    [
        '{"mcpServers": {"a": {"command": "x"}}}',
        '\ufeff{"servers": {"a": {"command": "x"}}, "inputs": []}',
        '{"mcp": {"servers": {"a": {"command": "x"}}}}',
        '{"mcpServers": {"a": {"command": "x",},},}',
    ],
)
def test_an_entry_is_changed_where_it_stands(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mcp.json"
    path.write_text(text, encoding="utf-8")
    file = McpConfigFile(path)
    assert file.entries() == {"a": {"command": "x"}}
    file.put("b", {"command": "y", "args": ["${HOME}"]})
    assert file.entries()["b"] == {"command": "y", "args": ["${HOME}"]}
    written = json.loads(path.read_text(encoding="utf-8"))
    assert ("inputs" in written) == ("inputs" in text)
    assert sum(str(written).count(key) for key in ("mcpServers", "servers")) == 1


def test_comments_are_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "mcp.json"
    text = '{"mcpServers": {\n  // Mine.\n  "a": {"command": "x"}}}'
    path.write_text(text, encoding="utf-8")
    file = McpConfigFile(path)
    assert file.entries() == {"a": {"command": "x"}}
    with pytest.raises(SettingsError, match="has comments, which would be lost"):
        file.remove("a")
    assert path.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("text", ['{"mcpServers": ["mine"]}', '["mine"]'])
def test_what_stands_in_the_place_of_the_entries_is_not_replaced(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mcp.json"
    path.write_text(text)
    with pytest.raises(SettingsError, match='has no "mcpServers" object'):
        McpConfigFile(path).put("b", {"command": "y"})
    assert path.read_text() == text


def test_there_may_be_no_file(tmp_path: Path) -> None:
    file = McpConfigFile(tmp_path / "mcp.json")
    assert file.entries() == {}
    file.put("a", {"url": "http://localhost:1/mcp"})
    assert McpConfigFile(file.path).entries() == {"a": {"url": "http://localhost:1/mcp"}}
