"""Executing one tool call: from a model's wish to the message that answers it.

Owns validation, permission, time limit, failures, how often a tool may be tried again
within a turn, and cutting the result down to what the context can take.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Container
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from airunner.agent.approvals import Approvals, Grant
from airunner.agent.call_api import CallApi
from airunner.agent.tool_thread import ToolThread
from airunner.errors import (
    ToolArgumentsError,
    ToolDeniedError,
    ToolError,
    ToolFailedError,
    ToolRetryError,
    ToolTimeoutError,
    UnknownToolError,
)
from airunner.events import (
    ConversationSwitched,
    Event,
    ToolCallFinished,
    ToolCallStarted,
    ToolProgressed,
)
from airunner.messages import Message, ToolCall
from airunner.models.spec import ModelCapability
from airunner.tools.api import Specialists
from airunner.tools.call_tool import CALL_TOOL, meant
from airunner.tools.facilities import Facilities
from airunner.tools.meaning import MeantCall, meant_call
from airunner.tools.passages import head_and_tail
from airunner.tools.permissions import Decision
from airunner.tools.search import SEARCH_TOOLS, schema_text
from airunner.tools.tool import Tool
from airunner.tools.toolset import Toolset

_PROBLEM_TOKENS = 300
_RETRYABLE = (ToolArgumentsError, ToolRetryError, UnknownToolError)
CANCELLED = "cancelled before it finished"
ANSWER_NOW = "No further tool can be called for this message. Answer now with what you know."


@dataclass(frozen=True, slots=True)
class Outcome:
    """The message for the model, what went wrong, and whether it is worth another try."""

    message: Message
    again: bool = False
    problem: str = ""


class ToolCaller:
    """Runs the calls of one turn, one after the other.

    A call by way of ``call_tool`` is run, asked about and told of as the call that is
    meant. ``shown`` has the tools whose schemas the model sees; where arguments for
    another one are wrong, the model is told its schema. ``external`` are those that
    somebody else runs, and does not let be called if they are ``forbidden``. ``if_unsure``
    is what becomes of calls that should be asked about; see ``Approvals``.
    """

    def __init__(
        self,
        toolset: Toolset,
        *,
        shown: Container[str],
        external: Container[str] = (),
        forbidden: Container[str] = (),
        turn: str,
        conversation: str,
        approvals: Approvals,
        if_unsure: Decision,
        emit: Callable[[Event], None],
        specialists: Specialists | None,
        facilities: Facilities | None,
        timeout_s: float,
        max_retries: int,
    ) -> None:
        self._toolset, self._turn, self._emit = toolset, turn, emit
        self._shown, self._external, self._forbidden = shown, external, forbidden
        self._specialists = specialists
        self._facilities = facilities and facilities.in_conversation(conversation)
        self._timeout_s, self._max_retries = timeout_s, max_retries
        self._conversation, self._approvals, self._if_unsure = conversation, approvals, if_unsure
        self._asked_s = 0.0
        self._retries: Counter[str] = Counter()

    def uses(self, tool: str) -> tuple[ModelCapability, ...]:
        """The capabilities that a call of ``tool`` needs; none if there is no such tool."""
        return self._toolset.get(tool).uses if tool in self._toolset else ()

    def is_valid(self, call: ToolCall) -> bool:
        """Whether there is such a tool, and the arguments match its schema."""
        wanted = meant(call)
        if wanted.malformed:
            return False
        try:
            self._toolset.get(wanted.name).validate(wanted.arguments)
        except (ToolArgumentsError, UnknownToolError):
            return False
        return True

    def handed_over(self, call: ToolCall) -> ToolCall | None:
        """``call`` as somebody else runs it; ``None`` if it is ours to run, or to refuse.

        One with arguments that do not match goes back to the model like any other.
        """
        wanted = meant(call)
        if wanted.name not in self._external or not self.is_valid(call):
            return None
        arguments = self._toolset.get(wanted.name).validate(wanted.arguments)
        return ToolCall(call.id, wanted.name, arguments.as_json)

    def is_external(self, tool: str) -> bool:
        """Whether somebody else runs the tool of that name."""
        return tool in self._external

    async def run(self, call: ToolCall, max_result_tokens: int) -> Outcome:
        """Run ``call`` to an answer; only cancellation is raised.

        A cancelled call has its ``ToolCallFinished`` too; its message is the caller's to add.
        """
        asked, call = call, meant(call)
        started = time.perf_counter()
        self._asked_s = 0.0
        self._emit(
            ToolCallStarted(
                turn=self._turn, call=call.id, tool=call.name, arguments=self._told(call)
            )
        )
        text, problem, again = "", "", False
        try:
            text = await self._result(call)
        except asyncio.CancelledError:
            self._finish(call, started, problem=CANCELLED)
            raise
        except ToolError as error:
            problem = str(error)
            again = isinstance(error, _RETRYABLE) and self._may_retry(call.name)
        except Exception as error:
            problem = str(ToolFailedError(call.name, f"{type(error).__name__}: {error}"))
        if problem:
            problem = head_and_tail(problem, _PROBLEM_TOKENS)
            self._finish(call, started, problem=problem)
            advice = "Call it again, corrected." if again else "Do not call it again."
            if again and call.name in self._toolset and call.name not in self._shown:
                advice += f" Its arguments: {schema_text(self._toolset.get(call.name).schema)}"
            return Outcome(answer_to(asked, f"Error: {problem} {advice}"), again, problem)
        shown = head_and_tail(text, max_result_tokens)
        self._finish(call, started, result=shown, truncated=shown is not text)
        return Outcome(answer_to(asked, shown))

    async def _result(self, call: ToolCall) -> str:
        if call.name == CALL_TOOL:
            problem = (
                f"{call.malformed!r} is no JSON object" if call.malformed else "it lacks a name"
            )
            raise ToolArgumentsError(CALL_TOOL, f"{problem}; {SEARCH_TOOLS} finds tools.")
        tool = self._toolset.get(call.name)
        if call.name in self._forbidden:
            raise ToolDeniedError(call.name, "it may not be called for this message")
        if call.malformed:
            raise ToolArgumentsError(call.name, f"{call.malformed!r} is no JSON object.")
        files = self._facilities.files if self._facilities is not None else None
        meant_here = meant_call(tool, tool.validate(call.arguments), files)
        grant = await self._permission(call, tool, meant_here)
        timeout_s = tool.timeout_s or self._timeout_s
        loop = asyncio.get_running_loop()

        reports = 0

        def on_report(text: str) -> None:
            nonlocal reports
            reports += 1
            event = ToolProgressed(turn=self._turn, call=call.id, tool=call.name, text=text)
            with suppress(RuntimeError):  # the loop may close while an abandoned tool runs on
                loop.call_soon_threadsafe(self._emit, event)

        def on_switch(to: str) -> None:
            event = ConversationSwitched(turn=self._turn, conversation=self._conversation, to=to)
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._emit, event)

        conversation = "" if self._conversation == self._turn else self._conversation
        api = CallApi(
            self._specialists, on_report, self._facilities, conversation, on_switch, grant
        )
        running = ToolThread(tool, meant_here.arguments, api, owner=self._turn)
        waiting = asyncio.wrap_future(running.result)
        try:
            done, heard = set[asyncio.Future[str]](), -1
            # One that tells how far it is, or draws, is as slow as the machine.
            while not done and (api.drawing or reports > heard):
                heard = reports
                done, _ = await asyncio.wait([waiting], timeout=timeout_s)
        finally:
            # Cancelled, timed out, or done: in the last case there is nothing to give up.
            if not waiting.done():
                running.abandon()
                waiting.cancel()
            elif not waiting.cancelled():
                waiting.exception()  # asyncio complains of one that nobody looked at
        if not done:
            raise ToolTimeoutError(call.name, timeout_s)
        return waiting.result()

    async def _permission(self, call: ToolCall, tool: Tool, meant_here: MeantCall) -> Grant:
        """Return when the call is allowed. The time the user takes is nobody's: see ``_finish``."""
        asked_s = time.perf_counter()
        try:
            return await self._approvals.require(
                call,
                tool,
                meant_here,
                turn=self._turn,
                conversation=self._conversation,
                if_unsure=self._if_unsure,
                emit=self._emit,
            )
        finally:
            self._asked_s = time.perf_counter() - asked_s

    def _told(self, call: ToolCall) -> dict[str, Any]:
        """The arguments as the tool's schema asks for them; as they came, if they do not match."""
        try:
            return self._toolset.get(call.name).validate(call.arguments).as_json
        except (ToolArgumentsError, UnknownToolError):
            return dict(call.arguments)

    def _may_retry(self, tool: str) -> bool:
        self._retries[tool] += 1
        return self._retries[tool] <= self._max_retries

    def _finish(
        self,
        call: ToolCall,
        started: float,
        *,
        result: str = "",
        problem: str = "",
        truncated: bool = False,
    ) -> None:
        self._emit(
            ToolCallFinished(
                turn=self._turn,
                call=call.id,
                tool=call.name,
                result=result,
                problem=problem,
                seconds=time.perf_counter() - started - self._asked_s,
                truncated=truncated,
            )
        )


def cancelled_answer(call: ToolCall) -> Message:
    """The answer of a call that never ran to its end, so that none is left without one."""
    return answer_to(call, f"Error: {meant(call).name} was {CANCELLED}.")


def refused_answer(call: ToolCall) -> Message:
    """The answer of a call where none may be made any more."""
    return answer_to(call, f"Error: {meant(call).name} was not run. {ANSWER_NOW}")


def answer_to(call: ToolCall, content: str) -> Message:
    """The message that answers ``call``, under the name that the model called."""
    return Message("tool", content, tool_call_id=call.id, name=call.name)
