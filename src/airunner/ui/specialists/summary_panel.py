"""The panel that summarizes a text, or a file that is handed over, part by part."""

from __future__ import annotations

import html
from collections.abc import Coroutine, Mapping
from typing import Any

from nicegui import ui

from airunner.agent.tool_call import Outcome
from airunner.config.byte_size import format_bytes
from airunner.errors import AiRunnerError
from airunner.media import MOST_BYTES
from airunner.messages import text_of_content
from airunner.models.spec import ModelCapability
from airunner.runtime.native_form import API
from airunner.server.native.services import Services
from airunner.toolbox.documents.reading import DOCUMENT_SUFFIXES
from airunner.ui.buttons import icon_button, word_button
from airunner.ui.notices import tell_problem
from airunner.ui.specialists.running_task import RunningTask, by_whom, tell_who
from airunner.ui.upload_field import UploadField

_SENTENCES = {1: "1 sentence", 3: "3 sentences", 5: "5 sentences", 10: "10 sentences"}


class SummaryPanel:
    """The panel of one tab."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._file = ""
        tell_who(services, ModelCapability.SUMMARIZATION)
        self._text = ui.textarea("Text").props("outlined autogrow").classes("wide task-text")
        field = UploadField(
            "summary-file",
            f"{API}/files",
            self._handed_over,
            label="A file to summarize",
            most_bytes=MOST_BYTES,
            attributes=f'accept="{",".join(sorted(DOCUMENT_SUFFIXES))}"',
        )
        with ui.element("div").classes("task-file"):
            choose = word_button("Or a file…")
            choose.on("click", js_handler=field.opens)
            self._named = ui.html("", sanitize=False).classes("named")
            self._drop = icon_button("close", "Leave the file out", self._leave_out)
            self._drop.set_visibility(False)
        self._sentences = ui.select(_SENTENCES, value=3, label="Length, at most")
        self._sentences.props("outlined dense options-dense").classes("short")
        self._task = RunningTask(services, "Summarize", self._make, self._ended)

    def _handed_over(self, told: Mapping[str, Any]) -> None:
        self._file = str(told["name"])
        name, size = html.escape(self._file.rpartition("/")[2]), format_bytes(int(told["n_bytes"]))
        self._named.set_content(f'<span title="{name}">{name}</span> <small>{size}</small>')
        self._drop.set_visibility(True)
        self._text.set_visibility(False)

    def _leave_out(self) -> None:
        self._file = ""
        self._named.set_content("")
        self._drop.set_visibility(False)
        self._text.set_visibility(True)

    def _make(self) -> Coroutine[Any, Any, Any] | None:
        most = {"max_sentences": self._sentences.value or 3}
        call = self._services.core.call_tool
        if self._file:
            return call("summarize_document", {"file": self._file, **most}, by_user=True)
        text = str(self._text.value or "")
        if not text.strip():
            tell_problem("Give a text or a file first.")
            return None
        return call("summarize_text", {"text": text, **most}, by_user=True)

    def _ended(self, outcome: Outcome, seconds: float) -> str:
        if outcome.problem:
            self._task.show_problem(outcome.problem)
            return ""
        self._task.show_answer(text_of_content(outcome.message.content))
        try:
            spec = self._services.core.resolve(ModelCapability.SUMMARIZATION).spec
        except AiRunnerError:
            return ""
        return by_whom(spec.model_path, seconds)
