"""Toolsets that are switched on and off by the setting ``tools``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from airunner.agent.tool_calling.tool_block import CORE_TOOLS, ToolBlock
from airunner.config.settings import Settings
from airunner.errors import SettingsError
from airunner.events import EventBus
from airunner.runtime.tool_supply import ToolSupply
from airunner.toolbox.toolset import builtin_subjects
from airunner.tools.toolset import Toolset


def supplied(home: Path, *tools: str) -> Toolset:
    supply = ToolSupply(Settings(home=home, tools=tools), EventBus())
    try:
        return supply.open()
    finally:
        supply.close()


def test_every_tool_has_a_subject_and_every_subject_has_tools(tmp_path: Path) -> None:
    tools = supplied(tmp_path)
    assert sorted(tools.subjects) == sorted(builtin_subjects())
    assert all(tools.subject_of(name) for name in tools.names)
    assert (tools.subject_of("read_web_page"), tools.subject_of("vary_image")) == (
        "web",
        "pictures",
    )


def test_subjects_are_chosen_and_left_out_in_one_order(tmp_path: Path) -> None:
    everything = supplied(tmp_path)
    some = supplied(tmp_path, "web", "files")
    assert set(some.subjects) == {"web", "files"}
    assert some.names == tuple(name for name in everything.names if name in some)
    assert some.names == supplied(tmp_path, "files", "web").names
    without = supplied(tmp_path, "-web")
    assert set(everything.names) - set(without.names) == set(everything.of_subjects(["web"]).names)
    assert len(supplied(tmp_path, "none")) == 0


def test_the_core_is_smaller_without_a_subject(tmp_path: Path) -> None:
    left = set(CORE_TOOLS) - {"search_web", "read_web_page"}
    assert set(ToolBlock(supplied(tmp_path, "-web")).names) == left
    assert ToolBlock(supplied(tmp_path, "none")).schemas == ()
    assert ToolBlock(supplied(tmp_path, "math")).names == ("calculate", "convert_units")


def test_an_unknown_name_says_which_there_are(tmp_path: Path) -> None:
    servers = {"mcpServers": {"garden": {"command": "no-such-program"}}}
    (tmp_path / "mcp.json").write_text(json.dumps(servers))
    with pytest.raises(SettingsError, match=r"tools='wep'.*Did you mean web\?.*garden"):
        supplied(tmp_path, "wep")
    # A server that is switched off is not started: this one would be an event.
    seen: list[object] = []
    bus = EventBus()
    bus.subscribe(seen.append)
    supply = ToolSupply(Settings(home=tmp_path, tools=("-garden",)), bus)
    supply.open()
    supply.close()
    assert seen == []
