"""The rules for tools: which there are, what each covers, one more, one less."""

from __future__ import annotations

import html
from functools import partial

from nicegui import ui

from airunner.errors import AiRunnerError
from airunner.server.native.permission_rules import AlwaysAllowed, Rules, ShownRule
from airunner.server.native.services import Services
from airunner.tools.rule_words import CLASSES
from airunner.ui.buttons import word_button
from airunner.ui.form_dialog import form_dialog
from airunner.ui.notices import tell, tell_problem
from airunner.ui.parts import heading, search_field

DECISIONS = {"allow": "runs unasked", "ask": "asks first", "deny": "never runs"}
_CHOICES = {"allow": "Run it unasked", "ask": "Ask first", "deny": "Never run it"}
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
        self._shown = ui.element("div").classes("subjects")
        ui.timer(0.02, self.refresh, once=True)

    async def refresh(self) -> None:
        """Show the rules as they are."""
        rules = await self._services.rules.all()
        if self._shown.is_deleted:
            return
        self._field.set_visibility(len(rules.rules) + len(rules.always) >= _MANY)
        wanted = (self._field.value or "").casefold()
        self._shown.clear()
        with self._shown:
            with ui.element("section"):
                heading("Your rules")
                self._own(rules, wanted)
            if rules.always:
                with ui.element("section"):
                    heading("Answered with “always”")
                    for each in rules.always:
                        if wanted in f"{each.tool} {each.title}".casefold():
                            self._always(each)
            with ui.element("section"):
                heading("Defaults")
                for rule in rules.defaults:
                    if _fits(rule, wanted):
                        with ui.element("div").classes("setting"):
                            ui.html(_rule(rule), sanitize=False).classes("facts")

    def _own(self, rules: Rules, wanted: str) -> None:
        if rules.overridden_by:
            ui.label(
                f"These come from the {rules.overridden_by}. To change them here, start the server "
                "without it."
            ).classes("hint")
        elif not rules.rules:
            ui.label(
                "None yet. With a rule, a tool that asks each time may run unasked, or never."
            ).classes("hint")
        for rule in rules.rules:
            if not _fits(rule, wanted):
                continue
            with ui.element("div").classes("setting"):
                ui.html(_rule(rule), sanitize=False).classes("facts")
                if not rules.overridden_by:
                    button = word_button("Remove", partial(self._remove, rule))
                    button.props["aria-label"] = f"Remove the rule {rule.pattern}"
        if not rules.overridden_by:
            word_button("Add a rule…", self._add, main=True)

    def _always(self, each: AlwaysAllowed) -> None:
        async def forget() -> None:
            try:
                await self._services.rules.forget_always(each.conversation, each.tool)
            except AiRunnerError as error:
                tell_problem(error)
            await self.refresh()

        with ui.element("div").classes("setting"):
            where = html.escape(each.title or "a conversation that is not saved")
            ui.html(
                f'<span class="name">{html.escape(each.tool)}</span>'
                f'<span class="what">not asked about again in “{where}”, until the server ends'
                "</span>",
                sanitize=False,
            ).classes("facts")
            word_button("Ask again", forget).props["aria-label"] = f"Ask again about {each.tool}"

    async def _remove(self, rule: ShownRule) -> None:
        try:
            await self._services.rules.remove(rule.pattern)
        except AiRunnerError as error:
            tell_problem(error)
            return
        tell(f"The rule {rule.pattern} is gone.")
        await self.refresh()

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
                await self.refresh()

            form.save, form.words = save, "Add"


def _fits(rule: ShownRule, wanted: str) -> bool:
    return wanted in f"{rule.pattern} {rule.covers} {DECISIONS[rule.decision]}".casefold()


def _rule(rule: ShownRule) -> str:
    return (
        f'<span class="name"><code>{html.escape(rule.pattern)}</code></span>'
        f'<span class="value {rule.decision}">{DECISIONS[rule.decision]}</span>'
        f'<span class="what">{html.escape(rule.covers[:1].upper() + rule.covers[1:])}.</span>'
    )
