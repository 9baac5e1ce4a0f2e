"""Calls of a client's tools that are told while they are decoded.

Owns which may be: those that are decoded under all rules of their tool's schema, so that what
was told stands. After one that has to wait until it is checked all wait, to keep their order.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from airunner.agent.team import Lease
from airunner.agent.tool_call import ToolCaller
from airunner.agent.tool_calling.prompt import Prompt
from airunner.events import CallStreamed
from airunner.messages import Delta, Message


async def told_calls(
    turn: str, lease: Lease, prompt: Prompt, caller: ToolCaller, messages: Sequence[Message]
) -> ToldCalls:
    """What may be told of ``prompt``'s answer in a conversation of these ``messages``."""
    theirs = [tool for tool in prompt.tools if caller.is_external(tool.name)]
    names = [t.name for t in theirs if await lease.enforces(t.parameters)]
    taken = {call.id for message in messages for call in message.tool_calls}
    return ToldCalls(turn, caller, names, taken)


@dataclass(slots=True)
class ToldCalls:
    """The calls of one generation. ``ids`` are of those that were told.

    ``names`` are the tools whose calls may be told, and ``taken`` the ids that other calls of
    the conversation have.
    """

    turn: str
    caller: ToolCaller
    names: Collection[str] = ()
    taken: Collection[str] = ()
    ids: set[str] = field(default_factory=set)
    _tool: str = ""
    _call: str = ""
    _waits: bool = False

    def feed(self, delta: Delta) -> CallStreamed | None:
        """What is told of ``delta``, if anything."""
        if delta.tool_name:
            self._call = ""
            is_told = delta.tool_id and delta.tool_id not in self.taken and not self._waits
            if is_told and delta.tool_name in self.names:
                self._call, self._tool = delta.tool_id, delta.tool_name
                self.ids.add(delta.tool_id)
            elif self.caller.is_external(delta.tool_name):
                self._waits = True
        if not self._call or not (delta.tool_name or delta.tool_arguments):
            return None
        return CallStreamed(
            turn=self.turn, call=self._call, tool=self._tool, arguments=delta.tool_arguments
        )
