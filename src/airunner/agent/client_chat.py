"""One generation for somebody who brings tools of their own, and runs them.

Owns that a call of theirs is valid. Which model answers is the team's concern, and
everything around the generation is the client's.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from airunner.agent.team import Lease
from airunner.agent.tool_calling.prompt import AUTO
from airunner.engines.base import ChatRequest
from airunner.errors import InvalidToolError, ToolArgumentsError
from airunner.messages import Delta, ToolCall, Usage
from airunner.tools.json_form import JsonForm


async def client_chat(lease: Lease, request: ChatRequest) -> AsyncGenerator[Delta, None]:
    """Stream the answer to ``request``; closing the iterator stops the generation.

    A call that the model made of its own accord, and that does not match its tool's
    schema, is decoded once more under it, where the call is all that was said. Its
    ``usage`` is then what both took.

    Raises:
        UnknownToolError: ``tool_choice`` names no tool of the request.
        EngineError: see ``Lease.chat``.
    """
    said, wrong = "", None
    async with aclosing(lease.chat(request)) as deltas:
        async for delta in deltas:
            said += delta.text
            if said or not _is_wrong(delta, request):
                yield delta
            else:
                wrong = delta
    if wrong is None:
        return
    async with aclosing(lease.chat(replace(request, tool_choice=wrong.tool_calls[0].name))) as anew:
        async for delta in anew:
            usage = delta.usage and _both(wrong.usage or Usage(), delta.usage)
            # What it thought, and the name of the tool, have been told.
            yield replace(delta, reasoning="", tool_name="", usage=usage)


def _is_wrong(delta: Delta, request: ChatRequest) -> bool:
    """Whether ``delta`` has one call, of a tool there is, with arguments that do not match."""
    if request.tool_choice != AUTO or len(delta.tool_calls) != 1:
        return False
    (call,) = delta.tool_calls
    schema = next((tool.parameters for tool in request.tools if tool.name == call.name), None)
    return schema is not None and not matches(call, schema)


def matches(call: ToolCall, schema: Mapping[str, Any]) -> bool:
    """Whether a call's arguments are as the schema of its tool says."""
    if call.malformed:
        return False
    try:
        JsonForm(call.name, schema).validate(call.arguments)
    except ToolArgumentsError:
        return False
    except InvalidToolError:
        pass  # nobody can say what a schema wants that is none
    return True


def _both(first: Usage, last: Usage) -> Usage:
    return replace(
        first,
        completion_tokens=first.completion_tokens + last.completion_tokens,
        prompt_s=first.prompt_s + last.prompt_s,
        decode_s=first.decode_s + last.decode_s,
    )
