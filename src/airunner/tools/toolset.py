"""An ordered collection of tools with distinct names, and what is made of one.

The order is part of the value: it is the order in which models see the tools,
and a stable order keeps the prompt's prefix in the KV cache.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Literal

from airunner.errors import InvalidToolError, UnknownToolError
from airunner.messages import ToolSchema
from airunner.tools.former_names import name_now
from airunner.tools.tool import Tool


class Toolset:
    """Immutable. Every method that changes something returns a new toolset.

    ``a + b`` has the tools of both, and each tool keeps the name of its own toolset: the
    subject by which the setting ``tools`` switches it on and off.

    Args:
        tools: in the order in which models see them.
        name: the subject of these tools; empty for none.

    Raises:
        InvalidToolError: two tools have one name.
    """

    def __init__(self, tools: Iterable[Tool] = (), name: str = "") -> None:
        self._tools: dict[str, Tool] = {}
        for tool in tools:
            if tool.name in self._tools:
                raise InvalidToolError(tool.name, "another tool of this name is in the set")
            self._tools[tool.name] = tool
        self._subjects = dict.fromkeys(self._tools, name)

    def __iter__(self) -> Iterator[Tool]:
        return iter(self._tools.values())

    def __len__(self) -> int:
        return len(self._tools)

    def __contains__(self, name: object) -> bool:
        return name in self._tools

    def __add__(self, other: Toolset) -> Toolset:
        both = Toolset([*self, *other])
        both._subjects = {**self._subjects, **other._subjects}
        return both

    def filtered(self, keep: Callable[[Tool], bool] | Collection[str]) -> Toolset:
        """The tools for which ``keep`` is true, or whose names it has; in their order."""
        holds = keep if callable(keep) else lambda tool: tool.name in keep
        return self._changed((tool, tool) for tool in self if holds(tool))

    def prefixed(self, prefix: str) -> Toolset:
        """The same tools, called ``prefix`` and their name.

        Raises:
            InvalidToolError: one of these is no name.
        """
        return self._changed((tool, tool.changed(name=prefix + tool.name)) for tool in self)

    def approved(self, decision: Literal["allow", "ask"] = "allow") -> Toolset:
        """The same tools, whose calls run unasked, or ask first, whatever class they are of.

        The user's own rules come before that.
        """
        return self._changed((tool, tool.changed(approval=decision)) for tool in self)

    def of_subjects(self, subjects: Collection[str]) -> Toolset:
        """The tools whose subject is one of ``subjects``."""
        return self.filtered(lambda tool: self._subjects[tool.name] in subjects)

    @property
    def names(self) -> tuple[str, ...]:
        """The tools' names, in order."""
        return tuple(self._tools)

    @property
    def subjects(self) -> tuple[str, ...]:
        """The names of the toolsets that this one is made of, as their first tools come."""
        return tuple(dict.fromkeys(filter(None, self._subjects.values())))

    def subject_of(self, name: str) -> str:
        """The subject of the tool called ``name``; empty where it has none."""
        return self._subjects.get(name, "")

    @property
    def schemas(self) -> tuple[ToolSchema, ...]:
        """What a model is told, in order."""
        return tuple(tool.schema for tool in self)

    def get(self, name: str) -> Tool:
        """The tool called ``name``.

        Raises:
            UnknownToolError: there is none.
        """
        try:
            return self._tools[name]
        except KeyError:
            now = name_now(name)
            raise UnknownToolError(name, self.names, now if now in self else "") from None

    def _changed(self, tools: Iterable[tuple[Tool, Tool]]) -> Toolset:
        """A toolset of the second of each pair, with the subject of the first."""
        pairs = list(tools)
        made = Toolset(new for _, new in pairs)
        made._subjects = {new.name: self._subjects[old.name] for old, new in pairs}
        return made
