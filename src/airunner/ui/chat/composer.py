"""Where a message is typed, files are attached, and an answer is stopped.

Owns the field and the buttons around it. What is typed is the browser's until it is sent:
what the server has heard of it may be a moment old.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from nicegui import events, ui

from airunner.ui.buttons import icon_button, word_button
from airunner.ui.chat.attached_files import AttachedFiles

_KEYS = """(e) => {
  const text = e.target.value;
  if (e.isComposing) return;
  if (e.key === "Enter" && !e.shiftKey) {
    e.preventDefault();
    emit({send: text});
  } else if (e.key === "ArrowUp" && !text) {
    e.preventDefault();
    emit({edit: true});
  }
}"""


@dataclass(frozen=True)
class ComposerActions:
    """What the page does: with a message, to stop, to edit the last one, to choose, to give up."""

    send: Callable[[str], Awaitable[None]]
    stop: Callable[[], Awaitable[None]]
    edit_last: Callable[[], Awaitable[None]]
    options: Callable[[], Awaitable[None]]
    cancel_edit: Callable[[], None]


class Composer:
    """See the module's description."""

    def __init__(self, actions: ComposerActions, files: AttachedFiles) -> None:
        self._actions, self._files = actions, files
        with ui.element("div").classes("composer").props('role="group" aria-label="Your message"'):
            with ui.element("div").classes("editing") as self._editing:
                ui.label("Editing a message. The answer is written anew; the old one stays.")
                word_button("Cancel", actions.cancel_edit)
            files.build_thumbnails()
            self.field = ui.textarea(placeholder="Message").props(
                'autogrow borderless dense autofocus aria-label="Message" input-class="typed"'
            )
            self.field.classes("field").on("keydown", self._key, js_handler=_KEYS)
            with ui.element("div").classes("tools"):
                files.build_buttons()
                icon_button(
                    "tune", "Model, tools and instructions", actions.options, shortcut="options"
                )
                self._chosen = ui.label("").classes("chosen")
                ui.space()
                self._send = icon_button("arrow_upward", "Send", self._clicked, main=True)
                self._stop = icon_button(
                    "stop", "Stop the answer", actions.stop, shortcut="stop", main=True
                )
        self._editing.set_visibility(False)
        self.running(False)

    def running(self, runs: bool) -> None:
        """Show that an answer comes, or that none does."""
        self._stop.set_visibility(runs)
        self._send.set_visibility(not runs)

    def chosen(self, words: str) -> None:
        """Show what was chosen for this conversation."""
        self._chosen.set_text(words)

    def edit(self, text: str) -> None:
        """Let a message be edited."""
        self._editing.set_visibility(True)
        self.field.set_value(text)
        ui.run_javascript("airunner.focusMessage(true)")

    def clear(self) -> None:
        """Let a new message be typed."""
        self._editing.set_visibility(False)
        self.field.set_value("")

    async def _key(self, event: events.GenericEventArguments) -> None:
        told: dict[str, Any] = event.args
        if "edit" in told:
            await self._actions.edit_last()
        else:
            await self._send_text(str(told["send"]))

    async def _clicked(self) -> None:
        await self._send_text(self.field.value or "")

    async def _send_text(self, text: str) -> None:
        if text.strip() or self._files.ids:
            await self._actions.send(text)
