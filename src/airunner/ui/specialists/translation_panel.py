"""The panel that translates a text, which streams."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from nicegui import ui

from airunner.models.spec import ModelCapability
from airunner.server.native.services import Services
from airunner.ui.notices import tell_problem
from airunner.ui.specialists.running_task import RunningTask, by_whom, tell_who

_LANGUAGES = ("English", "French", "German", "Spanish", "Chinese", "Japanese")
_USUAL = "French"


class TranslationPanel:
    """The panel of one tab."""

    def __init__(self, services: Services) -> None:
        self._services = services
        tell_who(services, ModelCapability.TRANSLATION)
        self._text = ui.textarea("Text").props("outlined autogrow").classes("wide task-text")
        self._language = ui.input("Into", value=_USUAL, autocomplete=list(_LANGUAGES))
        self._language.props("outlined dense").classes("short")
        RunningTask(
            services, "Translate", self._make, lambda told, s: by_whom(str(told["model"]), s)
        )

    def _make(self) -> Coroutine[Any, Any, Any] | None:
        text, language = str(self._text.value or ""), str(self._language.value or "")
        if not text.strip() or not language.strip():
            tell_problem("Give a text, and the language to translate it into.")
            return None
        return self._services.tasks.translate(text, language)
