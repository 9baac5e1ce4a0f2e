"""Every built-in tool: what the packages of the toolbox define, each a named toolset."""

from __future__ import annotations

import pkgutil
from functools import reduce
from importlib import import_module
from operator import add

from airunner import toolbox
from airunner.tools.tool import Tool
from airunner.tools.toolset import Toolset


def builtin_toolset() -> Toolset:
    """Every tool in a module ``*_tools`` of the toolbox: by module name, then as defined."""
    names = (module.name for module in pkgutil.walk_packages(toolbox.__path__, "airunner.toolbox."))
    modules = sorted((name for name in names if name.endswith("_tools")), key=_own_name)
    return reduce(add, map(_tools_of, modules), Toolset())


def builtin_subjects() -> tuple[str, ...]:
    """The names of the toolsets that come along; nothing is imported for them."""
    return tuple(module.name for module in pkgutil.iter_modules(toolbox.__path__) if module.ispkg)


def _tools_of(module: str) -> Toolset:
    found = (value for value in vars(import_module(module)).values() if isinstance(value, Tool))
    return Toolset(found, module.split(".")[2])


def _own_name(module: str) -> str:
    return module.rpartition(".")[2]
