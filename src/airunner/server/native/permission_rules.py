"""The user's rules for tools: which there are, one more, one less.

Owns the rules of the configuration file, and what was answered with "always". What a rule
decides is ``tools.permissions``'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from airunner.config.values import permission_rules
from airunner.errors import SettingsError, UnknownRecordError
from airunner.events import SetupChanged
from airunner.runtime.core import RuntimeCore
from airunner.server.native.settings_service import SettingsService
from airunner.tools.permissions import DEFAULT_RULES
from airunner.tools.rule_words import covers


@dataclass(frozen=True, slots=True)
class ShownRule:
    """A rule: what it speaks of, what it says (``allow``, ``ask`` or ``deny``), and of which
    calls, in words.
    """

    pattern: str
    decision: str
    covers: str


@dataclass(frozen=True, slots=True)
class AlwaysAllowed:
    """A tool that is not asked about again in a conversation, until the server ends.

    ``covers`` is for which of its calls, as a rule is written.
    """

    conversation: str
    title: str
    tool: str
    covers: str


@dataclass(frozen=True, slots=True)
class Rules:
    """What decides about calls: the user's rules before the defaults, and answers beside both.

    ``origin`` is where the user's come from, ``overridden_by`` the flag or variable that
    keeps them from being changed here, empty for none.
    """

    rules: tuple[ShownRule, ...]
    defaults: tuple[ShownRule, ...]
    always: tuple[AlwaysAllowed, ...]
    origin: str
    overridden_by: str


class PermissionRules:
    """The rules of a core. Used on the loop that serves."""

    def __init__(self, core: RuntimeCore, settings: SettingsService) -> None:
        self._core, self._settings = core, settings
        self._changing = asyncio.Lock()

    async def all(self) -> Rules:
        """Every rule that holds now."""
        agent = await self._core.agent()
        answered, tools = agent.approvals.always, tuple(agent.toolset)

        def shown(rules: Iterable[tuple[str, str]]) -> tuple[ShownRule, ...]:
            return tuple(ShownRule(*each, covers(each[0], tools)) for each in rules)

        settings = self._core.settings
        always = await asyncio.to_thread(self._titled, answered)
        return Rules(
            rules=shown(settings.permissions),
            defaults=shown(DEFAULT_RULES),
            always=tuple(always),
            origin=settings.origins["permissions"],
            overridden_by=self._settings.overridden_by("permissions"),
        )

    async def add(self, pattern: str, decision: str) -> Rules:
        """One more rule, or another decision for one; it holds from the next call on.

        Raises:
            SettingsError: it is no rule, or a flag or variable says which rules there are.
            StorageError: it cannot be written.
        """
        self._changeable()
        try:
            ((key, wanted),) = permission_rules(((pattern, decision),))
        except ValueError as error:
            origin = self._settings.file.origin
            raise SettingsError("permissions", pattern, origin, str(error)) from error
        async with self._changing:
            await self._write({**self._changeable(), key: wanted})
        return await self.all()

    async def remove(self, pattern: str) -> Rules:
        """One rule less.

        Raises:
            UnknownRecordError: there is no such rule.
            SettingsError, StorageError: see ``add``.
        """
        async with self._changing:
            rules = self._changeable()
            if pattern not in rules:
                raise UnknownRecordError("rule", pattern)
            del rules[pattern]
            await self._write(rules)
        return await self.all()

    async def forget_always(self, conversation: str, tool: str) -> Rules:
        """Ask again about a tool in a conversation.

        Raises:
            UnknownRecordError: it was never answered with "always".
        """
        if not (await self._core.agent()).approvals.forget(conversation, tool):
            raise UnknownRecordError("answer about", tool)
        self._core.bus.publish(SetupChanged(what="permissions"))
        return await self.all()

    def _changeable(self) -> dict[str, str]:
        wins = self._settings.overridden_by("permissions")
        known = dict(self._core.settings.permissions)
        if wins:
            problem = "this wins over the configuration file; start the server without it"
            shown = self._core.settings.shown("permissions")
            raise SettingsError("permissions", shown, wins, problem)
        return known

    async def _write(self, rules: dict[str, str]) -> None:
        changes: dict[str, Any] = {"permissions": rules or None}
        await asyncio.to_thread(self._settings.change, changes)

    def _titled(self, answered: Any) -> list[AlwaysAllowed]:
        entries = self._core.records.conversations
        return [
            AlwaysAllowed(id, entry.title if (entry := entries.entry(id)) else "", tool, covers)
            for id, tool, covers in answered
        ]
