"""Tools of installed packages: the entry points of the group ``airunner.tools``.

Each entry is a ``Tool``, a ``Toolset``, or a function without parameters that
returns one of these. Installing a package is the user's decision to trust it;
one that is broken is reported and left out.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from importlib.metadata import EntryPoint, entry_points

from airunner.errors import InvalidToolError
from airunner.events import Event, ToolRefused
from airunner.tools.tool import Tool
from airunner.tools.toolset import Toolset

GROUP = "airunner.tools"


def plugin_subjects() -> tuple[str, ...]:
    """The packages that bring tools, whose names are those of their toolsets."""
    return tuple(dict.fromkeys(map(_subject, _entries())))


def plugin_toolset(
    taken: Iterable[str],
    publish: Callable[[Event], None],
    subjects: Collection[str] | None = None,
) -> Toolset:
    """The tools of every installed package, by entry name; none may have a name in ``taken``.

    Packages that are not among ``subjects`` are not loaded.
    """
    names = set(taken)
    tools = Toolset()
    for entry in _entries():
        if subjects is not None and _subject(entry) not in subjects:
            continue
        origin = f"package {entry.dist.name}" if entry.dist else f"entry point {entry.name}"
        try:
            found = _load(entry)
        except Exception as error:
            problem = f"{type(error).__name__}: {error}"
            publish(ToolRefused(origin=origin, tool=entry.name, problem=problem))
            continue
        for tool in found:
            if tool.name in names:
                problem = "another tool has this name"
                publish(ToolRefused(origin=origin, tool=tool.name, problem=problem))
            else:
                names.add(tool.name)
                tools += Toolset([tool], _subject(entry))
    return tools


def _entries() -> list[EntryPoint]:
    return sorted(entry_points(group=GROUP), key=lambda each: (each.name, each.value))


def _subject(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else entry.name


def _load(entry: EntryPoint) -> Toolset:
    value = entry.load()
    if callable(value) and not isinstance(value, Tool):
        value = value()
    found = Toolset([value]) if isinstance(value, Tool) else value
    if not isinstance(found, Toolset):
        raise InvalidToolError(entry.name, f"{entry.value} is neither a Tool nor a Toolset")
    for tool in found:
        tool.schema  # noqa: B018  (made now, so that a type without a schema is found here)
    return found
