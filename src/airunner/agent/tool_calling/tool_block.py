"""The block of tools at the top of a prompt.

Chat templates put tools before everything that was said, so one changed tool
makes the engine read the whole conversation anew. The block is therefore
decided once, by the tools there are and the settings, and is the same for every
conversation from its beginning to its end. A client's own tools belong to its
conversation alone and stand below.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from airunner.messages import ToolSchema
from airunner.tools.call_tool import CALL_TOOL_SCHEMA
from airunner.tools.search import RESERVED, SEARCH_TOOLS
from airunner.tools.tool import Tool
from airunner.tools.toolset import Toolset

CORE_TOOLS = (
    "current_time",
    "search_web",
    "read_web_page",
    "read_document",
    "run_python",
    "generate_image",
    "remember_fact",
    "set_reminder",
)
"""The tools that are shown unless the setting ``core_tools`` names others.

A tool outside the core costs one search, that is one more generation, and one
inside it costs every conversation its description: these eight and the two that
reach the others are about 1,700 tokens, all 50 are about 7,000. In the core are
therefore those that a model would not think of searching for, since it believes
it can answer by itself (the time, the web, arithmetic that ``run_python`` gets
right), and those that people ask for most (pictures, a document of theirs,
something to be remembered or reminded of). What only some conversations need
(notes, tables, files, charts, translation, unit conversion) is found by search.
"""

ALL = "all"
"""In place of names: every tool is in the block, and there is no search."""


class ToolBlock:
    """What every prompt shows of ``toolset``.

    ``core`` names its tools, by default ``CORE_TOOLS``. Where a toolset lacks some of
    those, because they are switched off, the core is smaller: nothing that people seldom
    want takes their places. A toolset that has none of them shows its first ones, and one
    no larger than the core is shown whole. Names that are in no toolset are in ``unknown``.

    ``external`` has the tools of a client's own conversation, which are all shown, last, but
    for the ``deferred`` ones: messages tell of these.
    ``required`` are those of which one is called where a call is required, by default the
    external ones if there are any.
    """

    def __init__(
        self,
        toolset: Toolset,
        core: Sequence[str] = (),
        external: Toolset | None = None,
        required: Toolset | None = None,
        deferred: Collection[str] = (),
    ) -> None:
        self.external = Toolset() if external is None else external
        names = [name for name in toolset.names if name != SEARCH_TOOLS]
        chosen = names if tuple(core) == (ALL,) else [name for name in core if name in names]
        known = {*names, *RESERVED}  # the latter come by themselves
        self.unknown = () if tuple(core) == (ALL,) else tuple(n for n in core if n not in known)
        if not core:
            chosen = [name for name in names if name in CORE_TOOLS]
            if not chosen or len(names) <= len(CORE_TOOLS):
                chosen = names[: len(CORE_TOOLS)]
        self.names = tuple(name for name in names if name in chosen)
        self.is_whole = len(self.names) == len(names)
        shown = self.names if self.is_whole else (*self.names, SEARCH_TOOLS)
        self._tools = {name: toolset.get(name) for name in shown if name in toolset}
        own = tuple(tool.schema for tool in self._tools.values())
        found = () if self.is_whole else (CALL_TOOL_SCHEMA,)
        theirs = (replace(s, deferred=s.name in deferred) for s in self.external.schemas)
        self._schemas = (*own, *found, *theirs)
        self.required = tuple(required or self.external) or self.tools

    def __contains__(self, name: object) -> bool:
        """Whether a model sees the tool called ``name``."""
        return name in self._tools or name in self.external

    @property
    def tools(self) -> tuple[Tool, ...]:
        """The tools that can be called by their own name, in order."""
        return (*self._tools.values(), *self.external)

    @property
    def schemas(self) -> tuple[ToolSchema, ...]:
        """What a model is told, in order; byte for byte the same every time."""
        return self._schemas
