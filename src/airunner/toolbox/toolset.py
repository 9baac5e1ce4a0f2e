"""Every built-in tool: what the packages of the toolbox define, each a named toolset.

Leaves out those whose library is not installed; ``extras`` says what would bring it.
"""

from __future__ import annotations

import pkgutil
from functools import reduce
from importlib import import_module
from operator import add

from airunner import toolbox
from airunner.toolbox.examples import with_examples
from airunner.toolbox.extras import is_installed
from airunner.tools.tool import Tool
from airunner.tools.toolset import Toolset


def builtin_toolset() -> Toolset:
    """The built-in tools that can run here; nothing that they need is imported for it."""
    return whole_toolset().filtered(lambda tool: all(map(is_installed, tool.needs)))


def whole_toolset() -> Toolset:
    """Every tool in a module ``*_tools`` of the toolbox: by module name, then as defined."""
    names = (module.name for module in pkgutil.walk_packages(toolbox.__path__, "airunner.toolbox."))
    modules = sorted((name for name in names if name.endswith("_tools")), key=_own_name)
    return reduce(add, map(_tools_of, modules), Toolset())


def builtin_subjects() -> tuple[str, ...]:
    """The names of the toolsets that come along; nothing is imported for them."""
    return tuple(module.name for module in pkgutil.iter_modules(toolbox.__path__) if module.ispkg)


def _tools_of(module: str) -> Toolset:
    found = (value for value in vars(import_module(module)).values() if isinstance(value, Tool))
    return Toolset(with_examples(found), module.split(".")[2])


def _own_name(module: str) -> str:
    return module.rpartition(".")[2]
