"""Where a message is typed, and an answer stopped."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from nicegui import events, ui

# The browser says what was typed: what the server has heard of it may be a moment old.
_SEND = """(e) => {
  if (e.key !== "Enter" || e.shiftKey || e.isComposing || !e.target.value.trim()) return;
  e.preventDefault();
  emit(e.target.value);
}"""


class Composer:
    """The field and its buttons. ``send`` hears a message, ``stop`` that the answer shall end."""

    def __init__(
        self, send: Callable[[str], Awaitable[None]], stop: Callable[[], Awaitable[None]]
    ) -> None:
        async def typed(event: events.GenericEventArguments) -> None:
            self._field.set_value("")
            await send(str(event.args))

        async def clicked() -> None:
            text = self._field.value or ""
            if text.strip():
                self._field.set_value("")
                await send(text)

        with ui.element("div").classes("composer"):
            self._field = ui.textarea(placeholder="Message").props(
                'autogrow borderless dense autofocus aria-label="Message" input-class="typed"'
            )
            self._field.classes("field").on("keydown", typed, js_handler=_SEND)
            self._send = ui.button(icon="arrow_upward", on_click=clicked).props(
                'round unelevated aria-label="Send"'
            )
            self._stop = ui.button(icon="stop", on_click=stop).props(
                'round unelevated aria-label="Stop the answer"'
            )
        self.running(False)

    def running(self, runs: bool) -> None:
        """Show that an answer comes, or that none does."""
        self._stop.set_visibility(runs)
        self._send.set_visibility(not runs)
