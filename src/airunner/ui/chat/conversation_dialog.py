"""What can be done with a saved conversation: its title, folder and pin, taking it away, deleting.

Owns the dialog, and that of a folder. The conversation comes with its other versions: what is
done, is done to all.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from nicegui import ui

from airunner.records.conversation_rows import Entry
from airunner.server.native.services import Services
from airunner.ui.ask_first import ask_first
from airunner.ui.form_dialog import form_dialog


async def edit_conversation(services: Services, members: Sequence[Entry]) -> None:
    """Show the dialog for a conversation; the first of its versions is what is exported."""
    saved, first = services.conversations, members[0]
    folders = [each.name for each in await asyncio.to_thread(saved.folders)]
    with form_dialog("Conversation") as form:
        title = form.field("Title", first.title).props("autofocus")
        folder = form.field("Folder", first.folder)
        folder.set_autocomplete(folders)
        pinned = ui.checkbox("Pinned", value=any(each.pinned for each in members)).props("dense")

        async def save() -> None:
            for each in members:
                words = str(title.value or "").strip() if each is first else None
                await asyncio.to_thread(
                    saved.change,
                    each.id,
                    title=words or None,
                    folder=str(folder.value or "").strip(),
                    pinned=bool(pinned.value),
                )

        async def delete() -> None:
            _ask(services, members)

        ui.label(last_used(max(each.updated_s for each in members))).classes("hint")
        with ui.element("div").classes("ways"):
            for words, kind in (("Markdown", "markdown"), ("JSON", "json")):
                source = f"/api/v1/conversations/{first.id}/export?form={kind}"
                ui.html(
                    f'<a class="way" href="{source}" download="{_file_name(first, kind)}">'
                    f"Export as {words}</a>",
                    sanitize=False,
                )
        form.save, form.aside = save, ("Delete…", delete)


def last_used(when_s: float) -> str:
    """When a conversation was talked in last, which tells it from others of its title."""
    return time.strftime("Last used on %d %B %Y at %H:%M", time.localtime(when_s))


def edit_folder(services: Services, name: str) -> None:
    """Show the dialog for a folder: another name, or none for its conversations."""
    rename = services.conversations.rename_folder
    with form_dialog("Folder") as form:
        field = form.field("Name", name).props("autofocus")
        ui.label("Without the folder, its conversations stay in the list.").classes("hint")

        async def save() -> None:
            await asyncio.to_thread(rename, name, str(field.value or "").strip() or name)

        async def dissolve() -> None:
            await asyncio.to_thread(rename, name, "")

        form.save, form.aside = save, ("Remove the folder", dissolve)


def _ask(services: Services, members: Sequence[Entry]) -> None:
    others = len(members) - 1
    with_them = f" and its {others} other version{'s' * (others > 1)}" if others else ""
    words = (
        f"“{members[0].title}”{with_them} will be gone for good. "
        f"{last_used(max(each.updated_s for each in members))}."
    )
    window = ui.context.client

    async def delete() -> None:
        ids = [each.id for each in members]
        await asyncio.to_thread(services.conversations.delete_all, ids)
        if any(window.sub_pages_router.current_path.endswith(id) for id in ids):
            ui.navigate.to("/chat")

    ask_first("Delete this conversation?", words, "Delete", delete)


def _file_name(entry: Entry, form: str) -> str:
    kept = "".join(c if c.isalnum() or c in " -_" else " " for c in entry.title)
    stem = " ".join(kept.split())[:60] or "conversation"
    return f"{stem}.md" if form == "markdown" else f"{stem}.json"
