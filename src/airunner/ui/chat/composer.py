"""Where a message is typed, files are attached, and an answer is stopped.

Owns the field and the buttons around it. What is typed is the browser's until it is sent:
the server hears nothing of it before.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Self

from nicegui import events, ui

from airunner.ui.buttons import icon_button, word_button
from airunner.ui.chat.attached_files import AttachedFiles
from airunner.ui.notices import tell_problem

_KEYS = """(e) => {
  const text = e.target.value;
  if (e.isComposing) return;
  if (e.key === "Enter" && !e.shiftKey) {
    e.preventDefault();
    airunner.send(emit);
  } else if (e.key === "ArrowUp" && !text) {
    e.preventDefault();
    emit({edit: true});
  }
}"""

_CLICKED = "() => airunner.send(emit)"
_TYPED = "update:value"
"""The event that would send the whole text at each key."""


class _Field(ui.textarea):
    """A field whose text stays in the browser; it is written and read by ``static/chat.js``."""

    def on(self, type: str, *args: Any, **options: Any) -> Self:
        """See ``ui.element``."""
        return self if type == _TYPED else super().on(type, *args, **options)


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
                cancel = word_button("Cancel", actions.cancel_edit)
                cancel.props["data-shortcut"] = "end-edit"
            files.build_thumbnails()
            self.field = _Field(placeholder="Message").props(
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
                self._send = icon_button("arrow_upward", "Send", main=True)
                self._send.on("click", self._key, js_handler=_CLICKED)
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
        ui.run_javascript(f"airunner.edit({json.dumps(text)})")

    def done(self) -> None:
        """What was sent has been taken."""
        self._editing.set_visibility(False)
        ui.run_javascript("airunner.sent()")

    def give_back(self) -> None:
        """What was sent has been refused: it is in the field again."""
        ui.run_javascript("airunner.refused()")

    def end_edit(self) -> None:
        """Let a new message be typed: what was in the field before is there again."""
        self._editing.set_visibility(False)
        ui.run_javascript("airunner.endEdit()")

    async def _key(self, event: events.GenericEventArguments) -> None:
        told: dict[str, Any] = event.args
        if "edit" in told:
            await self._actions.edit_last()
        elif "too_long" in told:
            tell_problem(
                f"This message is too long to be sent: {int(told['too_long']):,} characters. "
                "Shorten it, or save the text as a file and attach that."
            )
        else:
            await self._send_text(str(told["send"]))

    async def _send_text(self, text: str) -> None:
        if text.strip() or self._files.ids:
            await self._actions.send(text)
        else:
            self.give_back()
