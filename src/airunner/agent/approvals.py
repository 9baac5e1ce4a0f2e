"""Asking the user whether a tool may run, and waiting for the answer.

Owns the open questions and what was answered with "always" or "never". Which calls are
asked about is decided by ``airunner.tools.permissions``. A question is an
event; whoever shows it answers by its id, from any thread.
"""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from airunner.errors import ToolDeniedError
from airunner.events import Event, PermissionAsked, PermissionDecided
from airunner.messages import ToolCall
from airunner.resources.visitor import current_visitor
from airunner.tools.permissions import Decision, Permissions
from airunner.tools.tool import Tool

Answer = Literal["yes", "no", "always", "never"]

_BY_RULE = "the rule {rule} of the user forbids this call"
_BY_KEY = "the key of this request does not allow it"
_BY_NOBODY = "it needs the user's permission, and nobody is there to give it"
_BY_USER = "the user did not allow it. Respect that, and do not try to get it done another way"
_REFUSALS = ("no", "never")


class Approvals:
    """The questions of all conversations. ``answer`` may be called from any thread."""

    def __init__(self, permissions: Permissions) -> None:
        self._permissions = permissions
        self._open: dict[str, tuple[asyncio.AbstractEventLoop, asyncio.Future[Answer]]] = {}
        # With the revision of the tool that was meant.
        self._always: dict[tuple[str, str], str] = {}
        self._agreed: set[tuple[str, str]] = set()
        self._never: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    def answer(self, question: str, answer: Answer) -> bool:
        """Answer an open question; false if it is answered, cancelled or unknown."""
        with self._lock:
            found = self._open.pop(question, None)
        if found is None:
            return False
        loop, waiting = found
        try:
            loop.call_soon_threadsafe(_settle, waiting, answer)
        except RuntimeError:  # the loop has ended, and the turn with it
            return False
        return True

    @property
    def always(self) -> Sequence[tuple[str, str]]:
        """What was answered with "always" since the process began: (conversation, tool)."""
        return sorted(self._always)

    def forget(self, conversation: str, tool: str) -> bool:
        """Ask again about a tool in a conversation; false if that was never answered so."""
        return self._always.pop((conversation, tool), None) is not None

    async def require(
        self,
        call: ToolCall,
        tool: Tool,
        arguments: Mapping[str, Any],
        *,
        turn: str,
        conversation: str,
        if_unsure: Decision,
        emit: Callable[[Event], None],
    ) -> None:
        """Return when the call is allowed.

        Args:
            arguments: as validated; nothing the user has not seen is run.
            conversation: what "always" and "never" hold for; another conversation asks again.
            if_unsure: what becomes of a call that should be asked about: ``ask``, if
                somebody watches who will answer; else it is denied or allowed unseen.

        Raises:
            ToolDeniedError: a rule or the user says no, or nobody can say yes.
        """

        def decided(allowed: bool, by: str, question: str = "") -> None:
            emit(
                PermissionDecided(
                    turn=turn,
                    call=call.id,
                    question=question,
                    tool=tool.name,
                    allowed=allowed,
                    by=by,
                )
            )

        if not current_visitor().may_call(tool.name):
            decided(False, "rule")
            raise ToolDeniedError(tool.name, _BY_KEY)
        verdict = self._permissions.decide(tool, arguments)
        if verdict.decision == "deny":
            decided(False, "rule")
            raise ToolDeniedError(tool.name, _BY_RULE.format(rule=verdict.rule))
        if (conversation, tool.name) in self._never:
            decided(False, "user")
            raise ToolDeniedError(tool.name, _BY_USER)
        revision = tool.revision()
        # What was allowed is the tool as it was: a server may have changed it since.
        is_other = bool(revision) and (tool.name, revision) not in self._agreed
        decision = if_unsure if is_other or verdict.decision == "ask" else verdict.decision
        always = self._always.get((conversation, tool.name))
        if decision == "allow" or always == revision:
            return
        if decision == "deny":
            decided(False, "nobody")
            raise ToolDeniedError(tool.name, _BY_NOBODY)
        question = f"ask_{uuid.uuid4().hex[:12]}"
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[Answer] = loop.create_future()
        with self._lock:
            self._open[question] = (loop, waiting)
        try:
            emit(
                PermissionAsked(
                    turn=turn,
                    call=call.id,
                    question=question,
                    tool=tool.name,
                    permission=tool.permission,
                    arguments=dict(arguments),
                )
            )
            answer = await waiting
        finally:
            with self._lock:
                self._open.pop(question, None)
        decided(answer not in _REFUSALS, "user", question)
        if answer == "never":
            self._never.add((conversation, tool.name))
        if answer in _REFUSALS:
            raise ToolDeniedError(tool.name, _BY_USER)
        self._agreed.add((tool.name, revision))
        if answer == "always":
            self._always[conversation, tool.name] = revision


def _settle(waiting: asyncio.Future[Answer], answer: Answer) -> None:
    if not waiting.done():  # cancelled while the answer was on its way
        waiting.set_result(answer)
