"""Calls and their results: which belong together, and what waits between two turns.

Owns that each call has an id of its own, and that each of the newest answer is followed by one
result, in the order of the calls: many templates show results without saying which call they
belong to.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace

from airunner.agent.tool_call import answer_to, cancelled_answer
from airunner.messages import Message, ToolCall


def with_own_ids(calls: Sequence[ToolCall], messages: Sequence[Message]) -> tuple[ToolCall, ...]:
    """``calls``, each with an id that no other has, also not in ``messages``.

    Some engines count calls anew in every answer, which would leave it open
    which result belongs to which call.
    """
    taken = {call.id for message in messages for call in message.tool_calls}
    found: list[ToolCall] = []
    for call in calls:
        is_own = call.id and call.id not in taken
        found.append(call if is_own else replace(call, id=f"call_{uuid.uuid4().hex[:12]}"))
        taken.add(found[-1].id)
    return tuple(found)


def answer_open_calls(messages: list[Message], results: Sequence[Message] = ()) -> None:
    """Answer the calls that ``messages`` end with; those without a result have been given up.

    ``results`` are matched by their ``tool_call_id``; where that names none of the calls,
    by the tool's name, and then in order. Those that belong to no call are left out.
    Nothing of this was in a prompt before, so that prompts only grow.
    """
    at = next((i for i in reversed(range(len(messages))) if messages[i].role != "tool"), None)
    if at is None or not (calls := messages[at].tool_calls):
        return
    known = {m.tool_call_id: m for m in messages[at + 1 :]}
    given = _matched(calls, results)
    messages[at + 1 :] = [
        given.get(call.id) or known.get(call.id) or cancelled_answer(call) for call in calls
    ]


def _matched(calls: Sequence[ToolCall], results: Sequence[Message]) -> dict[str, Message]:
    found: dict[str, Message] = {}
    by_id = {call.id: call for call in calls}
    for result in results:
        free = [call for call in calls if call.id not in found]
        call = by_id.get(result.tool_call_id or "")
        if call is None and not result.tool_call_id:
            named = [call for call in free if call.name == result.name]
            call = next(iter(named or free), None)
        if call is not None:
            answer = answer_to(call, "")
            found[call.id] = replace(answer, content=result.content)
    return found
