"""The examples of the built-in tools are a file beside them."""

from __future__ import annotations

from airunner.components.llm.tools.image_tools import image_toolset
from airunner.toolbox.examples import read_examples
from airunner.toolbox.toolset import builtin_toolset


def test_every_built_in_tool_has_its_examples_and_no_other_has_any() -> None:
    tools = builtin_toolset() + image_toolset()
    assert {tool.name for tool in tools} == set(read_examples())
    for tool in tools:
        assert tool.examples == tuple(read_examples()[tool.name])
        assert len(set(tool.examples)) == len(tool.examples) >= 10
