"""The tools of a turn: ours, and beside them those that whoever runs the turn brings along.

Owns which tools there are, which of them every prompt shows, and the tool calling of each
kind of model. Of tools that are brought along nothing is run here: see ``Turn``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from airunner.agent.tool_calling.prompt import ToolCalling, ToolCallingFactory
from airunner.agent.tool_calling.tool_block import ToolBlock
from airunner.errors import InvalidToolError, ToolFailedError
from airunner.messages import ToolSchema
from airunner.models.spec import ToolCallingName
from airunner.tools.json_form import JsonForm
from airunner.tools.search import RESERVED, search_tool
from airunner.tools.tool import Tool
from airunner.tools.toolset import Toolset


class OfferedTools:
    """``ours`` and ``external`` tools, and ``factories`` of how models are offered them.

    External tools stand in every prompt, below ours: conversations with and without them
    share what is above. Where one has the name of a tool of ours, ours is not offered. Only
    those that are ``allowed`` may be called, ``None`` for all; all stand in the prompt but
    the deferred ones, so that a client may bring more of these and the prompt stays.

    Raises:
        InvalidToolError: a tool has a name that the way to the others has; an external one
            has a name or a schema that cannot be used, or two have one name.
    """

    def __init__(
        self,
        ours: Toolset,
        core_tools: Sequence[str],
        factories: Mapping[ToolCallingName, ToolCallingFactory],
        external: Sequence[ToolSchema] = (),
        allowed: Collection[str] | None = None,
    ) -> None:
        theirs = Toolset(map(_external_tool, external), name="client")
        self.external = theirs if allowed is None else theirs.filtered(allowed)
        self.forbidden = frozenset(theirs.names).difference(self.external.names)
        for name in sorted(RESERVED.intersection((*ours.names, *theirs.names))):
            raise InvalidToolError(name, "models reach tools outside their prompt by this name")
        if external:
            ours = ours.filtered(lambda tool: tool.name not in theirs)
        deferred = {tool.name for tool in external if tool.deferred}
        block = ToolBlock(ours, core_tools, theirs, self.external, deferred)
        if not block.is_whole:
            ours += Toolset([search_tool(ours, block.names)])
            block = ToolBlock(ours, core_tools, theirs, self.external, deferred)
        self.block, self.toolset = block, ours + theirs
        self._factories = factories
        self._made: dict[ToolCallingName, ToolCalling] = {}

    def tool_calling(self, name: ToolCallingName) -> ToolCalling:
        """How a model of that tool calling is offered them; made when first asked for."""
        if name not in self._made:
            self._made[name] = self._factories[name](self.toolset, self.block)
        return self._made[name]


def _external_tool(schema: ToolSchema) -> Tool:
    def elsewhere(**_: object) -> None:
        raise ToolFailedError(schema.name, "whoever brought it runs it")

    return Tool(
        elsewhere,
        name=schema.name,
        description=schema.description or schema.name,
        form=JsonForm(schema.name, schema.parameters),
    )
