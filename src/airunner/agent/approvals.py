"""Asking the user whether a tool may run, and waiting for the answer.

Owns the open questions and what was answered with "always" or "never". Which calls are
asked about is decided by ``airunner.tools.permissions``. A question is an
event; whoever shows it answers by its id, from any thread.
"""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from airunner.errors import ToolDeniedError
from airunner.events import Event, PermissionAsked, PermissionDecided
from airunner.messages import ToolCall
from airunner.resources.visitor import current_visitor
from airunner.tools.files_folder import FilesFolder
from airunner.tools.meaning import MeantCall
from airunner.tools.permissions import Decision, Permissions, scope_of
from airunner.tools.tool import Tool

Answer = Literal["yes", "no", "always", "never"]

_BY_RULE = "the rule {rule} of the user forbids this call"
_BY_KEY = "the key of this request does not allow it"
_BY_NOBODY = "it needs the user's permission, and nobody is there to give it"
_BY_USER = "the user did not allow it. Respect that, and do not try to get it done another way"
_REFUSALS = ("no", "never")


@dataclass(frozen=True, slots=True)
class Grant:
    """Leave to run one call, and how far it reaches.

    Attributes:
        scope: what it was given for, where by "always"; else empty.
        by_rule: whether a rule gave it, and not the user for this call.
    """

    permissions: Permissions
    tool: Tool
    call: MeantCall
    scope: str = ""
    by_rule: bool = False

    def forbids(self, argument: str, value: str, files: FilesFolder | None) -> bool:
        """Whether a rule denies the same call with ``value``: what a folder has in it."""
        if not self.permissions.look_at_arguments:
            return False
        return self._decision(self._instead(argument, value, files)) == "deny"

    def covers(self, argument: str, value: str, files: FilesFolder | None) -> bool:
        """Whether ``value`` needs no leave of its own: where an address leads on to.

        What the user allowed for one call may go wherever no rule denies it.
        """
        other = self._instead(argument, value, files)
        decision = self._decision(other)
        if self.scope:
            return decision != "deny" and scope_of(self.tool, other) == self.scope
        return decision == "allow" if self.by_rule else decision != "deny"

    def _instead(self, argument: str, value: str, files: FilesFolder | None) -> MeantCall:
        resolve = self.tool.resolve[argument]
        return self.call.instead(argument, resolve(value, self.call.arguments.values, files))

    def _decision(self, call: MeantCall) -> Decision:
        return self.permissions.decide(self.tool, call).decision


class Approvals:
    """The questions of all conversations. ``answer`` may be called from any thread."""

    def __init__(self, permissions: Permissions) -> None:
        self._permissions = permissions
        self._open: dict[str, tuple[asyncio.AbstractEventLoop, asyncio.Future[Answer]]] = {}
        # With the revision of the tool that was meant, which a server may change.
        self._always: dict[tuple[str, str, str, str], str] = {}
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
    def always(self) -> Sequence[tuple[str, str, str]]:
        """What was answered with "always" since the process began.

        The conversation, the tool, and what of it the answer covers.
        """
        found = self._always.items()
        return sorted((conversation, tool, scope) for (conversation, _, scope, _), tool in found)

    def forget(self, conversation: str, tool: str) -> bool:
        """Ask again about a tool in a conversation; false if that was never answered so."""
        known = [key for key, of in self._always.items() if (key[0], of) == (conversation, tool)]
        for key in known:
            del self._always[key]
        return bool(known)

    async def require(
        self,
        call: ToolCall,
        tool: Tool,
        meant: MeantCall,
        *,
        turn: str,
        conversation: str,
        if_unsure: Decision,
        emit: Callable[[Event], None],
    ) -> Grant:
        """Return when the call is allowed.

        Args:
            meant: the arguments as the tool gets them; nothing the user has not seen is run.
            conversation: what "always" and "never" hold for; another conversation asks again.
                Nor does "always" hold for what another rule asks about, or outside of
                ``scope_of``; "never" is for the tool.
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
        verdict = self._permissions.decide(tool, meant)
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
        scope = scope_of(tool, meant)
        grant = Grant(self._permissions, tool, meant, by_rule=verdict.decision == "allow")
        always = replace(grant, scope=scope)
        if decision == "allow":
            return grant
        if (conversation, verdict.rule, scope, revision) in self._always:
            return always
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
                    arguments=dict(meant.arguments.as_json),
                    always=scope,
                )
            )
            answer = await waiting
        finally:
            with self._lock:
                self._open.pop(question, None)
        if (now := self._permissions.decide(tool, meant)).decision == "deny":
            # A rule, or where one leads, is another since the question was asked.
            decided(False, "rule", question)
            raise ToolDeniedError(tool.name, _BY_RULE.format(rule=now.rule))
        decided(answer not in _REFUSALS, "user", question)
        if answer == "never":
            self._never.add((conversation, tool.name))
        if answer in _REFUSALS:
            raise ToolDeniedError(tool.name, _BY_USER)
        self._agreed.add((tool.name, revision))
        if answer == "always":
            self._always[conversation, verdict.rule, scope, revision] = tool.name
            return always
        return grant


def _settle(waiting: asyncio.Future[Answer], answer: Answer) -> None:
    if not waiting.done():  # cancelled while the answer was on its way
        waiting.set_result(answer)
