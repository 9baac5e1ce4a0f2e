"""The panel in which a model writes code, and the sandbox runs it.

Owns that only what a person has seen, and pressed a button for, is run.
"""

from __future__ import annotations

import html
from collections.abc import Coroutine
from typing import Any

from nicegui import ui

from airunner.agent.tool_call import Outcome
from airunner.durations import format_seconds
from airunner.messages import text_of_content
from airunner.models.spec import ModelCapability
from airunner.server.native.services import Services
from airunner.toolbox.code.sandbox.source import script_in
from airunner.ui.notices import tell_problem
from airunner.ui.parts import heading
from airunner.ui.specialists.running_task import RunningTask, by_whom, tell_who

_PYTHON = "Python"


class CodePanel:
    """The panel of one tab."""

    def __init__(self, services: Services) -> None:
        self._services = services
        tell_who(services, ModelCapability.CODE_GENERATION)
        self._wanted = ui.textarea("What shall the code do?").props("outlined autogrow")
        self._wanted.classes("wide")
        self._language = ui.input("Language", value=_PYTHON).props("outlined dense")
        self._language.classes("short")
        RunningTask(services, "Write code", self._write, self._written)
        with ui.element("section").classes("run-code"):
            heading("Run")
            ui.label(
                "Python runs in a sandbox, without files and without a network. Change what you "
                "like before."
            ).classes("hint")
            self._code = ui.textarea("Code").props('outlined autogrow spellcheck="false"')
            self._code.classes("wide code-text")
            self._run = RunningTask(services, "Run", self._start, self._ran)

    def _write(self) -> Coroutine[Any, Any, Any] | None:
        wanted = str(self._wanted.value or "")
        if not wanted.strip():
            tell_problem("Say what the code shall do.")
            return None
        return self._services.tasks.write_code(wanted, str(self._language.value or ""))

    def _written(self, told: dict[str, Any], seconds: float) -> str:
        if (self._language.value or _PYTHON).strip().lower() == _PYTHON.lower():
            self._code.set_value(script_in(str(told["text"])))
        return by_whom(str(told["model"]), seconds)

    def _start(self) -> Coroutine[Any, Any, Any] | None:
        code = str(self._code.value or "")
        if not code.strip():
            tell_problem("There is no code to run yet.")
            return None
        return self._services.core.call_tool("run_python", {"code": code}, by_user=True)

    def _ran(self, outcome: Outcome, seconds: float) -> str:
        if outcome.problem:
            self._run.show_problem(outcome.problem)
            return f"Failed after {format_seconds(seconds)}."
        printed = html.escape(text_of_content(outcome.message.content))
        with self._run.answer:
            shown = f'<pre class="output" tabindex="0" aria-label="Output">{printed}</pre>'
            ui.html(shown, sanitize=False)
        return f"Ran in {format_seconds(seconds)}."
