"""Tools as they are listed for people and programs: JSON-ready values."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from airunner.tools.permissions import Permissions
from airunner.tools.toolset import Toolset


def tool_rows(
    tools: Toolset, core: Collection[str], permissions: Permissions
) -> list[dict[str, Any]]:
    """Every tool by its toolset, with its schema, whether it is ``core``, and if it asks first."""
    return [
        {
            "name": tool.name,
            "toolset": tools.subject_of(tool.name),
            "core": tool.name in core,
            "permission": tool.permission,
            "decision": permissions.by_class(tool),
            "description": tool.description,
            "parameters": tool.parameters,
        }
        for tool in tools
    ]
