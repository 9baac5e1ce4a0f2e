"""What can be done with a saved conversation: its title, folder and pin, taking it away, deleting.

Owns the dialog. The conversation comes with its other versions: what is done, is done to all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from nicegui import ui

from airunner.records.conversation_rows import Entry
from airunner.server.native.services import Services
from airunner.ui.ask_first import ask_first
from airunner.ui.buttons import word_button
from airunner.ui.dialog import titled_dialog


async def edit_conversation(services: Services, members: Sequence[Entry]) -> None:
    """Show the dialog for a conversation; the first of its versions is what is exported."""
    saved, first = services.conversations, members[0]
    folders = [each.name for each in await asyncio.to_thread(saved.folders)]
    with titled_dialog("Conversation") as dialog:
        title = ui.input("Title", value=first.title).props("outlined dense autofocus")
        title.classes("wide")
        folder = ui.input("Folder", value=first.folder, autocomplete=folders)
        folder.props("outlined dense").classes("wide")
        pinned = ui.checkbox("Pinned", value=any(each.pinned for each in members)).props("dense")

        async def save() -> None:
            for each in members:
                words = title.value.strip() if each is first else None
                await asyncio.to_thread(
                    saved.change,
                    each.id,
                    title=words or None,
                    folder=folder.value.strip(),
                    pinned=pinned.value,
                )
            dialog.close()

        with ui.element("div").classes("ways"):
            for words, form in (("Markdown", "markdown"), ("JSON", "json")):
                source = f"/api/v1/conversations/{first.id}/export?form={form}"
                ui.html(
                    f'<a class="way" href="{source}" download="{_file_name(first, form)}">'
                    f"Export as {words}</a>",
                    sanitize=False,
                )
        with ui.element("div").classes("buttons apart"):
            word_button("Delete…", lambda: _ask(services, members, dialog)).classes("bad")
            word_button("Save", save, main=True)
        title.on("keydown.enter", save)
    dialog.open()


def _ask(services: Services, members: Sequence[Entry], first_dialog: ui.dialog) -> None:
    others = len(members) - 1
    with_them = f" and its {others} other version{'s' * (others > 1)}" if others else ""
    words = f"“{members[0].title}”{with_them} will be gone for good."
    window = ui.context.client

    async def delete() -> None:
        ids = [each.id for each in members]
        await asyncio.to_thread(services.conversations.delete_all, ids)
        if any(window.sub_pages_router.current_path.endswith(id) for id in ids):
            ui.navigate.to("/chat")

    ask_first("Delete this conversation?", words, "Delete", delete)
    first_dialog.close()


def _file_name(entry: Entry, form: str) -> str:
    kept = "".join(c if c.isalnum() or c in " -_" else " " for c in entry.title)
    stem = " ".join(kept.split())[:60] or "conversation"
    return f"{stem}.md" if form == "markdown" else f"{stem}.json"
