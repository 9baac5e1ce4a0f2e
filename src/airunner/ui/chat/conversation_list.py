"""The saved conversations beside the page: a new one, finding one, and what can be done with each.

Owns what the list shows and when it is drawn anew. Versions of one conversation are one
line, which leads to the one that was talked in last.
"""

from __future__ import annotations

import asyncio
import html
from collections.abc import Container, Mapping, Sequence
from typing import Any

from nicegui import events, ui

from airunner.errors import AiRunnerError
from airunner.events import ConversationChanged
from airunner.records.branches import families
from airunner.records.conversation_rows import Entry
from airunner.records.conversations import Found
from airunner.records.folders import Page
from airunner.runtime.native_form import API
from airunner.server.native.services import Services
from airunner.ui.buttons import word_button
from airunner.ui.chat.conversation_dialog import edit_conversation, edit_folder
from airunner.ui.chat.growing_text import GrowingHtml
from airunner.ui.chat.icons import ACTED, act_button, icon_html
from airunner.ui.notices import tell, tell_problem
from airunner.ui.upload_field import UploadField
from airunner.ui.window import in_order, on_events

SHOWN = 300
_PINNED = "\n"  # which is no folder's name
_MOST_IMPORT = 60 << 20


class ConversationList:
    """The list of one tab."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._most, self._total = SHOWN, 0
        with ui.element("div").classes("finding"):
            ui.html(
                f'<a class="new-chat" href="/chat" data-shortcut="new">{icon_html("add")}'
                "New chat</a>",
                sanitize=False,
            )
            self._field = ui.input(placeholder="Search").props(
                "dense borderless clearable debounce=250"
                ' type="search" aria-label="Search conversations" data-shortcut="search"'
            )
            self._field.classes("search").on_value_change(self.refresh)
        self._shown = GrowingHtml("").classes("conversations")
        self._shown.on("click", self._clicked, js_handler=_CLICKED)
        with ui.element("div").classes("list-foot"):
            self._import()
        on_events(services.core.bus, (ConversationChanged,), self.refresh)
        ui.timer(0.05, self.refresh, once=True)

    @in_order
    async def refresh(self) -> None:
        """Show the list as it is now."""
        wanted = (self._field.value or "").strip()
        try:
            if wanted:
                found = await asyncio.to_thread(self._services.conversations.search, wanted)
                content = _found_html(found)
            else:
                page = await asyncio.to_thread(self._page)
                known = families(page.entries)
                content = list_html(page, known, self._services.turns.running())
        except AiRunnerError as error:
            content = f'<p class="hint">{html.escape(str(error))}</p>'
        if not self._shown.is_deleted:
            self._shown.grow(content)

    def _page(self) -> Page:
        """What is listed; for a new one, none of the others goes, which would be sent anew."""
        read = self._services.conversations.page
        page = read(self._most)
        more, self._total = page.total - (self._total or page.total), page.total
        if more <= 0 or not page.next:
            return page
        self._most += more
        return read(self._most)

    def _versions(self, id: str) -> Sequence[Entry]:
        """The conversations that are one line with ``id``."""
        known = families(self._page().entries).values()
        found = next((m for m in known if id in [e.id for e in m]), None)
        return found or [self._services.conversations.entry(id)]

    async def _clicked(self, event: events.GenericEventArguments) -> None:
        if event.args["act"] == "older":
            self._most += SHOWN
            await self.refresh()
            return
        id = str(event.args["id"])
        if event.args["act"] == "folder":
            edit_folder(self._services, id)
            return
        await edit_conversation(self._services, await asyncio.to_thread(self._versions, id))

    def _import(self) -> None:
        field = UploadField(
            "import-file",
            f"{API}/conversations/import",
            self._came_in,
            label="Conversations to import",
            most_bytes=_MOST_IMPORT,
            attributes='accept=".json,.zip,application/json"',
        )
        button = word_button("Import…").on("click", js_handler=field.opens)
        button.tooltip("Conversations exported here, from ChatGPT or from Open WebUI")

    def _came_in(self, told: Mapping[str, Any]) -> None:
        (tell_problem if told["refused"] else tell)(import_in_words(told))


_CLICKED = ACTED.replace("if (button)", "if (button) e.preventDefault();\n  if (button)")


def import_in_words(told: Mapping[str, Any]) -> str:
    """What came of an import: how many came in, and what did not."""
    count, known = len(told["added"]), told["known"]
    words = [f"{count} {'conversation' if count == 1 else 'conversations'} came in"]
    if known:
        words[0] += f", {known} {'was' if known == 1 else 'were'} here already"
    if told["left_out"]:
        counted = ", ".join(f"{number} {what}" for what, number in told["left_out"].items())
        words.append(f"Left out: {counted}")
    if told["refused"]:
        more = f", and {len(told['refused']) - 1} more" if len(told["refused"]) > 1 else ""
        words.append(f"Not read: {told['refused'][0]}{more}")
    return ". ".join(words) + "."


def list_html(page: Page, known: Mapping[str, Sequence[Entry]], running: Container[str]) -> str:
    """The conversations of ``page`` by their folders, each with ``known`` versions in one line."""
    groups: dict[str, list[str]] = {}
    for members in known.values():
        first = members[0]
        group = _PINNED if any(each.pinned for each in members) else first.folder
        is_busy = any(each.id in running for each in members)
        groups.setdefault(group, []).append(_row_html(members, is_busy))
    if not groups:
        return '<p class="hint">What you talk about is listed here.</p>'
    loose = "".join(groups.pop("", ()))
    pinned = "".join(groups.pop(_PINNED, ()))
    parts = [f"<h2>Pinned</h2>{pinned}<h2>Others</h2>" if pinned and loose else pinned, loose]
    parts += [
        f'<div class="folder-line"><details class="folder" open><summary>'
        f'{icon_html("folder_open")}<span class="name" title="{html.escape(name)}">'
        f"{html.escape(name)}</span></summary>{''.join(groups[name])}</details>"
        f"{act_button('folder', f'Rename or remove the folder {name}', 'more_horiz', id=name)}"
        "</div>"
        for name in sorted(groups, key=str.casefold)
    ]
    if page.next:
        older = act_button("older", "Show older ones")
        parts.append(f'<p class="hint">{page.total - len(page.entries):,} more. {older}</p>')
    return "".join(parts)


def _row_html(members: Sequence[Entry], is_busy: bool) -> str:
    first = members[0]
    title = html.escape(first.title)
    ids = " ".join(each.id for each in members)
    busy = ' <span class="busy" title="An answer is being written">●</span>' if is_busy else ""
    return (
        f'<div class="talk-line"><a class="conversation" href="/chat/{first.id}" data-ids="{ids}"'
        f' dir="auto" title="{title}"><span>{title}</span>{busy}</a>{_more(first)}</div>'
    )


def _found_html(found: Sequence[Found]) -> str:
    if not found:
        return '<p class="hint">Nothing was said with these words.</p>'
    return "".join(map(_found_row_html, found))


def _found_row_html(found: Found) -> str:
    entry = found.entry
    folder = f"{entry.folder}: " if entry.folder else ""
    return (
        f'<div class="talk-line"><a class="conversation found" href="/chat/{entry.id}" dir="auto"'
        f' data-ids="{entry.id}"><span>{html.escape(f"{folder}{entry.title}")}</span>'
        f'<span class="excerpt">{html.escape(found.excerpt)}</span></a>{_more(entry)}</div>'
    )


def _more(entry: Entry) -> str:
    words = f"Rename, move, export or delete {entry.title}"
    return act_button("more", words, "more_horiz", id=entry.id)


def conversation_list(services: Services) -> None:
    """The list of one tab, the latest first."""
    ConversationList(services)
