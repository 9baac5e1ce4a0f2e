"""``/api/v1/conversations`` and what else is remembered: facts, notes, reminders."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from airunner.errors import UnknownRecordError
from airunner.media import media_part
from airunner.records.conversation_rows import Entry
from airunner.runtime.core import RuntimeCore
from airunner.runtime.native_form import messages_as_json, plain
from airunner.server.native.native_route import NativeRoute

MOST_FOUND = 50


class Title(BaseModel):
    """A conversation's new title."""

    title: str


def record_routes(core: RuntimeCore) -> APIRouter:
    """The routes. An id may be given by its first characters, where no other begins so."""
    routes = APIRouter(route_class=NativeRoute)
    records = core.records

    @routes.get("/conversations")
    def conversations(
        search: str = "", limit: int = Query(default=-1, ge=-1)
    ) -> dict[str, list[dict[str, Any]]]:
        """The saved conversations, the latest first; or those in which something was said."""
        if not search:
            return {"conversations": [plain(each) for each in records.conversations.list(limit)]}
        found = records.conversations.search(search, MOST_FOUND if limit < 0 else limit)
        return {"conversations": [{**plain(each.entry), "excerpt": each.excerpt} for each in found]}

    @routes.get("/conversations/{id}")
    def conversation(id: str) -> dict[str, Any]:
        """A whole conversation; its pictures are named by their SHA-256."""
        entry = _entry(core, id)
        saved = records.conversations.load(entry.id)
        if saved is None:
            raise UnknownRecordError("conversation", id)
        files = {part.sha256 for message in saved.messages for part in message.media}
        said = messages_as_json(saved.messages, known=files)["messages"]
        details = {"preface": saved.preface, "start": saved.start, "revision": saved.revision}
        return {**plain(entry), **details, "messages": said}

    @routes.get("/conversations/{id}/files/{sha256}")
    def file(id: str, sha256: str) -> Response:
        """A picture or recording of a conversation."""
        saved = records.conversations.load(_entry(core, id).id)
        for message in saved.messages if saved else ():
            for part in message.media:
                if part.sha256 == sha256:
                    known = media_part(part.data, sha256)
                    return Response(part.data, media_type=known.media_type)
        raise UnknownRecordError("file", sha256)

    @routes.patch("/conversations/{id}")
    def retitle(id: str, asked: Title) -> dict[str, Any]:
        """Give a conversation another title."""
        entry = _entry(core, id)
        records.conversations.retitle(entry.id, asked.title)
        found: dict[str, Any] = plain(_entry(core, entry.id))
        return found

    @routes.delete("/conversations/{id}")
    async def delete(id: str) -> dict[str, Any]:
        """Delete a conversation for good."""
        entry = await asyncio.to_thread(_entry, core, id)
        await asyncio.to_thread(records.conversations.delete, entry.id)
        return {"deleted": entry.id}

    @routes.delete("/states/{conversation}")
    def forget(conversation: str) -> dict[str, Any]:
        """Remove what models have computed of a conversation that its owner has deleted."""
        core.forget(conversation)
        return {}

    @routes.get("/facts")
    def facts() -> dict[str, Any]:
        """What is known of the user."""
        return {"facts": [plain(each) for each in records.facts.list()]}

    @routes.get("/notes")
    def notes() -> dict[str, Any]:
        """The notes."""
        return {"notes": [plain(each) for each in records.notes.list()]}

    @routes.get("/reminders")
    def reminders() -> dict[str, Any]:
        """The reminders that wait for their time."""
        return {"reminders": [plain(each) for each in records.reminders.waiting()]}

    return routes


def _entry(core: RuntimeCore, id: str) -> Entry:
    found = core.records.conversations.with_prefix(id)
    if len(found) != 1:
        raise UnknownRecordError("conversation" if not found else "only conversation", id)
    return found[0]
