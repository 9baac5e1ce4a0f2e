"""The rules for tools: which there are, what each covers, one more, one less."""

from __future__ import annotations

import html
from functools import partial

from nicegui import ui

from airunner.events import PermissionDecided, SetupChanged
from airunner.server.native.permission_rules import AlwaysAllowed, ShownRule
from airunner.server.native.services import Services
from airunner.tools.rule_words import CLASSES
from airunner.ui.buttons import word_button
from airunner.ui.form_dialog import form_dialog
from airunner.ui.notices import tell
from airunner.ui.parts import heading, search_field
from airunner.ui.rows import Act, Row, Rows, named
from airunner.ui.window import on_events

DECISIONS = {"allow": "runs unasked", "ask": "asks first", "deny": "never runs"}
_CHOICES = {"allow": "Run it unasked", "ask": "Ask first", "deny": "Never run it"}
_NONE = "None yet. With a rule, a tool that asks each time may run unasked, or never."
_FIXED = "To change them here, start the server without it."
_MANY = 12
"""From so many rules on they can be searched."""


class PermissionList:
    """The rules of one tab."""

    def __init__(self, services: Services) -> None:
        self._services = services
        ui.label(
            "Before a tool runs, the most specific of your rules decides; where none speaks of it, "
            "the defaults do. A change holds from the next call on."
        ).classes("intro")
        self._field = search_field("Search rules", self.refresh)
        self._field.set_visibility(False)
        with ui.element("div").classes("subjects"):
            with ui.element("section"):
                heading("Your rules")
                self._hint = ui.label("").classes("hint")
                self._own = Rows()
                self._new = word_button("Add a rule…", self._add, main=True)
            with ui.element("section") as self._answered:
                heading("Answered with “always”")
                self._always = Rows()
            with ui.element("section"):
                heading("Defaults")
                self._defaults = Rows()
        on_events(services.core.bus, (SetupChanged, PermissionDecided), self.refresh)
        ui.timer(0.02, self.refresh, once=True)

    async def refresh(self) -> None:
        """Show the rules as they are."""
        rules = await self._services.rules.all()
        if self._hint.is_deleted:
            return
        wanted = (self._field.value or "").casefold()
        many = len(rules.rules) + len(rules.always) >= _MANY
        self._field.set_visibility(many or bool(wanted))
        hint = "" if rules.rules else _NONE
        if rules.overridden_by:
            hint = f"These come from the {rules.overridden_by}. {_FIXED}"
        self._hint.set_text(hint)
        self._new.set_visibility(not rules.overridden_by)
        self._answered.set_visibility(bool(rules.always))
        self._own.show(
            {
                each.pattern: Row(_rule(each), () if rules.overridden_by else (self._less(each),))
                for each in rules.rules
                if _fits(each, wanted)
            }
        )
        self._always.show(
            {
                (each.conversation, each.tool, each.covers): self._answer(each)
                for each in rules.always
                if wanted in f"{each.tool} {each.title}".casefold()
            }
        )
        self._defaults.show(
            {each.pattern: Row(_rule(each)) for each in rules.defaults if _fits(each, wanted)}
        )

    def _less(self, rule: ShownRule) -> Act:
        words = f"Remove the rule {rule.pattern}"
        return Act("Remove", words, partial(self._remove, rule))

    def _answer(self, each: AlwaysAllowed) -> Row:
        where = each.title or "a conversation that is not saved"
        words = f"not asked about again in “{where}”, until the server ends"
        forget = partial(self._services.rules.forget_always, each.conversation, each.tool)
        ask = Act("Ask again", f"Ask again about {each.tool}", forget)
        return Row(named(each.tool, ("what", words)), (ask,))

    async def _remove(self, rule: ShownRule) -> None:
        await self._services.rules.remove(rule.pattern)
        tell(f"The rule {rule.pattern} is gone.")

    async def _add(self) -> None:
        tools = (await self._services.core.agent()).toolset
        names = [f"@{name}" for name in CLASSES] + sorted(tool.name for tool in tools)
        with form_dialog("Add a rule") as form:
            ui.label(
                "A tool's name, a pattern such as write_*, a class of tools such as @network, or "
                "calls with certain arguments: write_file(path=notes/*)."
            ).classes("told")
            pattern = ui.input("Calls", autocomplete=names)
            pattern.props("outlined dense autofocus").classes("wide")
            decision = ui.radio(_CHOICES, value="allow").props("dense")
            decision.props["aria-label"] = "What to do"

            async def save() -> None:
                await self._services.rules.add(str(pattern.value or ""), str(decision.value))

            form.save, form.words = save, "Add"


def _fits(rule: ShownRule, wanted: str) -> bool:
    return wanted in f"{rule.pattern} {rule.covers} {DECISIONS[rule.decision]}".casefold()


def _rule(rule: ShownRule) -> str:
    return (
        f'<span class="name"><code>{html.escape(rule.pattern)}</code></span>'
        f'<span class="value {rule.decision}">{DECISIONS[rule.decision]}</span>'
        f'<span class="what">{html.escape(rule.covers[:1].upper() + rule.covers[1:])}.</span>'
    )
