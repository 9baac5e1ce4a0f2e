"""A dialog with fields, a button that saves them, and a place for what is wrong with them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from nicegui import ui

from airunner.errors import AiRunnerError, SettingsError
from airunner.ui.buttons import word_button
from airunner.ui.dialog import titled_dialog
from airunner.ui.page_words import page_words


@dataclass
class Form:
    """A dialog that is being built; ``save`` closes it unless it raises an ``AiRunnerError``."""

    dialog: ui.dialog
    save: Callable[[], Awaitable[None]] | None = None
    words: str = "Save"
    aside: tuple[str, Callable[[], Awaitable[None]]] | None = None
    """Another button: its words, and what it does."""

    def field(self, label: str, value: str = "", hint: str = "") -> ui.input:
        """A field of one line."""
        field = ui.input(label, value=value, placeholder=hint or None)
        return field.props("outlined dense stack-label").classes("wide")

    def area(self, label: str, value: str = "") -> ui.textarea:
        """A field of several lines."""
        field = ui.textarea(label, value=value)
        return field.props("outlined dense autogrow stack-label").classes("wide")


@contextmanager
def form_dialog(title: str) -> Iterator[Form]:
    """Build a form in the body, which sets ``save``; it is open afterwards."""
    # Not where the button is: what is there may be drawn anew while the dialog is open.
    with ui.context.client.content, titled_dialog(title) as dialog:
        form = Form(dialog)
        yield form
        wrong = ui.label("").classes("wrong").props('role="alert"')

        async def doing(act: Callable[[], Awaitable[None]]) -> None:
            wrong.set_text("")
            try:
                await act()
            except SettingsError as error:
                words = page_words(error.problem)
                wrong.set_text(f"{words[:1].upper()}{words[1:]}.")
                return
            except AiRunnerError as error:
                wrong.set_text(page_words(error))
                return
            dialog.close()

        save = form.save
        assert save is not None
        with ui.element("div").classes("buttons apart" if form.aside else "buttons"):
            if form.aside is not None:
                words, act = form.aside
                word_button(words, lambda: doing(act))
            word_button(form.words, lambda: doing(save), main=True)
    dialog.on("keydown.enter", lambda: doing(save), js_handler=_IN_A_LINE)
    dialog.open()


# Enter saves from a field of one line, not from one of several, nor from a button.
_IN_A_LINE = '(e) => { if (e.target.tagName === "INPUT" && e.target.type === "text") emit(); }'
