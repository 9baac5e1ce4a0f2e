"""Every built-in tool: what the packages of the toolbox define."""

from __future__ import annotations

import pkgutil
from importlib import import_module

from airunner import toolbox
from airunner.toolbox.examples import with_examples
from airunner.tools.tool import Tool
from airunner.tools.toolset import Toolset


def builtin_toolset() -> Toolset:
    """Every tool in a module ``*_tools`` of the toolbox: by module name, then as defined."""
    names = (module.name for module in pkgutil.walk_packages(toolbox.__path__, "airunner.toolbox."))
    modules = sorted((name for name in names if name.endswith("_tools")), key=_own_name)
    return Toolset(
        with_examples(
            value
            for module in map(import_module, modules)
            for value in vars(module).values()
            if isinstance(value, Tool)
        )
    )


def _own_name(module: str) -> str:
    return module.rpartition(".")[2]
