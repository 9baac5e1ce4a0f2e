"""Files that a browser gives to a route of the native API, chosen in a window.

Owns the hidden field and what is heard of it. The library's own uploader makes a route for
each window, which is never let go of entirely; one route serves all of ours.
"""

from __future__ import annotations

import html
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from nicegui import events, ui

from airunner.config.byte_size import format_bytes
from airunner.ui.notices import tell_problem

Uploaded = Callable[[Mapping[str, Any]], Awaitable[None] | None]


class UploadField:
    """A field that posts each file to ``address``, as ``static/chat.js`` does it.

    ``uploaded`` hears what the route answered; a refusal is told in the window. ``name`` is
    its class, by which a button opens it and ``attributes`` are the field's own.
    """

    def __init__(
        self,
        name: str,
        address: str,
        uploaded: Uploaded,
        *,
        label: str,
        most_bytes: int,
        attributes: str = "",
    ) -> None:
        self._name, self._uploaded = name, uploaded
        self._rest = (
            f' class="{name}" aria-label="{html.escape(label)}" tabindex="-1"'
            f' data-most="{most_bytes}" data-limit="{format_bytes(most_bytes)}" {attributes}>'
        )
        self._shown = ui.html("", sanitize=False).classes("uploader")
        self._shown.on("uploaded", self._hear, js_handler="(e) => emit(e.detail)")
        self.send_to(address)

    @property
    def opens(self) -> str:
        """The handler, in the browser, of a button that lets one choose."""
        return f"() => document.querySelector('input.{self._name}').click()"

    def send_to(self, address: str) -> None:
        """Post to another address from now on."""
        told = html.escape(address)
        self._shown.set_content(f'<input type="file" data-upload="{told}"{self._rest}')

    async def _hear(self, event: events.GenericEventArguments) -> None:
        told: Mapping[str, Any] = event.args
        if "problem" in told:
            tell_problem(told["problem"])
            return
        waiting = self._uploaded(told)
        if waiting is not None:
            await waiting
