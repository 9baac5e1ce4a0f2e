"""An ordered collection of tools with distinct names.

The order is part of the value: it is the order in which models see the tools,
and a stable order keeps the prompt's prefix in the KV cache.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from airunner.errors import InvalidToolError, UnknownToolError
from airunner.messages import ToolSchema
from airunner.tools.former_names import name_now
from airunner.tools.tool import Tool


class Toolset:
    """Immutable; ``a + b`` is a new one with the tools of both."""

    def __init__(self, tools: Iterable[Tool] = ()) -> None:
        self._tools: dict[str, Tool] = {}
        for tool in tools:
            if tool.name in self._tools:
                raise InvalidToolError(tool.name, "another tool of this name is in the set")
            self._tools[tool.name] = tool

    def __iter__(self) -> Iterator[Tool]:
        return iter(self._tools.values())

    def __len__(self) -> int:
        return len(self._tools)

    def __contains__(self, name: object) -> bool:
        return name in self._tools

    def __add__(self, other: Toolset) -> Toolset:
        return Toolset([*self, *other])

    @property
    def names(self) -> tuple[str, ...]:
        """The tools' names, in order."""
        return tuple(self._tools)

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
