"""Executing one tool call: from a model's wish to the message that answers it.

Owns validation, permission, time limit, failures, how often a tool may be tried again
within a turn, and cutting the result down to what the context can take.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from airunner.agent.consent import Consent
from airunner.agent.tool_thread import CallApi, ToolThread
from airunner.errors import (
    ToolArgumentsError,
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
from airunner.tools.arguments import Arguments
from airunner.tools.facilities import Facilities
from airunner.tools.passages import head_and_tail
from airunner.tools.permissions import Decision
from airunner.tools.tool import Tool
from airunner.tools.toolset import Toolset

_PROBLEM_TOKENS = 300
_RETRYABLE = (ToolArgumentsError, ToolRetryError, UnknownToolError)
CANCELLED = "cancelled before it finished"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The message for the model, what went wrong, and whether it is worth another try."""

    message: Message
    again: bool = False
    problem: str = ""


class ToolCaller:
    """Runs the calls of one turn, one after the other.

    ``if_unsure`` is what becomes of calls that should be asked about; see ``Consent``.
    """

    def __init__(
        self,
        toolset: Toolset,
        *,
        turn: str,
        conversation: str,
        consent: Consent,
        if_unsure: Decision,
        emit: Callable[[Event], None],
        specialists: Specialists | None,
        facilities: Facilities | None,
        timeout_s: float,
        max_retries: int,
    ) -> None:
        self._toolset, self._turn, self._emit = toolset, turn, emit
        self._specialists, self._facilities = specialists, facilities
        self._timeout_s, self._max_retries = timeout_s, max_retries
        self._conversation, self._consent, self._if_unsure = conversation, consent, if_unsure
        self._asked_s = 0.0
        self._retries: Counter[str] = Counter()

    def uses(self, tool: str) -> tuple[ModelCapability, ...]:
        """The capabilities that a call of ``tool`` needs; none if there is no such tool."""
        return self._toolset.get(tool).uses if tool in self._toolset else ()

    def matching(self, call: ToolCall) -> ToolCall | None:
        """``call`` with its arguments as the tool's schema asks for them.

        ``None`` if they do not match, or there is no such tool.
        """
        if call.malformed:
            return None
        try:
            arguments = self._toolset.get(call.name).validate(call.arguments)
        except (ToolArgumentsError, UnknownToolError):
            return None
        return replace(call, arguments=arguments.as_json)

    async def run(self, call: ToolCall, max_result_tokens: int) -> Outcome:
        """Run ``call`` to an answer; only cancellation is raised.

        A cancelled call has its ``ToolCallFinished`` too; its message is the caller's to add.
        """
        started = time.perf_counter()
        self._asked_s = 0.0
        self._emit(
            ToolCallStarted(
                turn=self._turn, call=call.id, tool=call.name, arguments=dict(call.arguments)
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
            return Outcome(_answer(call, f"Error: {problem} {advice}"), again, problem)
        shown = head_and_tail(text, max_result_tokens)
        self._finish(call, started, result=shown, truncated=shown is not text)
        return Outcome(_answer(call, shown))

    async def _result(self, call: ToolCall) -> str:
        tool = self._toolset.get(call.name)
        if call.malformed:
            raise ToolArgumentsError(call.name, f"{call.malformed!r} is no JSON object.")
        arguments = tool.validate(call.arguments)
        await self._permission(call, tool, arguments)
        timeout_s = tool.timeout_s or self._timeout_s
        loop = asyncio.get_running_loop()

        def on_report(text: str) -> None:
            event = ToolProgressed(turn=self._turn, call=call.id, tool=call.name, text=text)
            with suppress(RuntimeError):  # the loop may close while an abandoned tool runs on
                loop.call_soon_threadsafe(self._emit, event)

        def on_switch(to: str) -> None:
            event = ConversationSwitched(turn=self._turn, conversation=self._conversation, to=to)
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._emit, event)

        conversation = "" if self._conversation == self._turn else self._conversation
        api = CallApi(self._specialists, on_report, self._facilities, conversation, on_switch)
        running = ToolThread(tool, arguments, api, owner=self._turn)
        waiting = asyncio.wrap_future(running.result)
        try:
            done, _ = await asyncio.wait([waiting], timeout=timeout_s)
            while not done and api.drawing:  # as slow as the machine, and watched step by step
                done, _ = await asyncio.wait([waiting], timeout=timeout_s)
        finally:
            # Cancelled, timed out, or done: in the last case there is nothing to give up.
            if not waiting.done():
                running.abandon()
                waiting.cancel()
        if not done:
            raise ToolTimeoutError(call.name, timeout_s)
        return waiting.result()

    async def _permission(self, call: ToolCall, tool: Tool, arguments: Arguments) -> None:
        """Return when the call is allowed. The time the user takes is nobody's: see ``_finish``."""
        asked_s = time.perf_counter()
        try:
            await self._consent.require(
                call,
                tool,
                arguments.as_json,
                turn=self._turn,
                conversation=self._conversation,
                if_unsure=self._if_unsure,
                emit=self._emit,
            )
        finally:
            self._asked_s = time.perf_counter() - asked_s

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
    return _answer(call, f"Error: {call.name} was {CANCELLED}.")


def _answer(call: ToolCall, content: str) -> Message:
    return Message("tool", content, tool_call_id=call.id, name=call.name)
