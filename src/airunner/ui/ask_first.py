"""A question before something is gone: what goes, and whether it shall."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from nicegui import ui

from airunner.errors import AiRunnerError
from airunner.ui.buttons import word_button
from airunner.ui.dialog import titled_dialog
from airunner.ui.notices import tell_problem


def ask_first(
    title: str, words: str, yes: str, act: Callable[[], Awaitable[None]], no: str = "Keep it"
) -> None:
    """Show ``words`` under ``title``; ``act`` is done when ``yes`` is pressed."""
    with ui.context.client.content, titled_dialog(title) as dialog:
        ui.label(words).classes("told")

        async def agreed() -> None:
            try:
                await act()
            except AiRunnerError as error:
                tell_problem(error)
                return
            dialog.close()

        with ui.element("div").classes("buttons"):
            word_button(no, dialog.close)
            word_button(yes, agreed, main=True).classes("bad")
    dialog.open()
