"""The saved conversations, beside the page."""

from __future__ import annotations

import asyncio
import html

from nicegui import ui

from airunner.events import ConversationChanged
from airunner.server.native.services import Services
from airunner.ui.window import on_events

SHOWN = 100


def conversation_list(services: Services) -> None:
    """The list of one tab, the latest first."""
    shown = ui.html("", sanitize=False).classes("conversations")

    async def refresh() -> None:
        entries = await asyncio.to_thread(services.core.records.conversations.list, SHOWN)
        running = services.turns.running()
        shown.set_content(
            "".join(
                f'<a class="conversation{" busy" if each.id in running else ""}"'
                f' href="/chat/{each.id}">{html.escape(each.title)}</a>'
                for each in entries
            )
        )

    on_events(services.core.bus, (ConversationChanged,), refresh)
    ui.timer(0.05, refresh, once=True)
