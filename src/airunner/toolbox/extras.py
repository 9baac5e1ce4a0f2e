"""Which extras bring the libraries that built-in tools need, and which are not installed.

Owns the table of libraries by toolset. It repeats what the tools say of themselves, so that
nothing has to be imported where everything is installed; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec

NEEDS: Mapping[str, Sequence[str]] = {
    "charts": ("matplotlib",),
    "code": ("pydantic_monty",),
    "math": ("pint",),
    "tables": ("duckdb",),
    "time": ("dateparser", "dateutil"),
    "web": ("ddgs", "trafilatura"),
}
"""The libraries that tools of each toolset need; the extra has the toolset's name."""


def missing_extras() -> tuple[str, ...]:
    """What to install for the tools that are left out; a line for each extra."""
    if all(is_installed(module) for modules in NEEDS.values() for module in modules):
        return ()
    from airunner.toolbox.toolset import builtin_toolset, whole_toolset

    tools, offered = whole_toolset(), builtin_toolset()
    left_out = tools.filtered(lambda tool: tool.name not in offered)
    return tuple(
        f"pip install 'airunner[{extra}]' adds {', '.join(left_out.of_subjects([extra]).names)}."
        for extra in left_out.subjects
    )


def is_installed(module: str) -> bool:
    """Whether a module could be imported; it is not."""
    return find_spec(module) is not None
