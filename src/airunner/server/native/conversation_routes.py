"""``/api/v1/conversations``: saved ones, over HTTP."""

from __future__ import annotations

import asyncio
import re
from typing import Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Query, Response, UploadFile
from pydantic import BaseModel, Field

from airunner.media import media_part
from airunner.runtime.native_form import content_as_json, messages_as_json
from airunner.runtime.plain_values import plain
from airunner.server.documented import FILE, also
from airunner.server.native.native_route import NativeRoute
from airunner.server.native.saved_conversations import SavedConversations

MOST_FOUND = 50
_NO_LIMIT = 1 << 31


class ConversationChange(BaseModel):
    """What is to be another; what is left out stays."""

    title: str | None = None
    folder: str | None = None
    pinned: bool | None = None


class BranchBody(BaseModel):
    """The place of the message at which to leave, and other words for it."""

    at: int = Field(ge=0)
    text: str | None = None


class Ids(BaseModel):
    """Conversations by their ids; without any, all of them are meant where that can be."""

    ids: list[str] | None = None


class DeletedIds(BaseModel):
    """Conversations that are to go."""

    ids: list[str]


class TitleBody(BaseModel):
    """How a title is to be made: ``model`` asks one."""

    model: bool = False


class FolderName(BaseModel):
    """A folder's new name; empty leaves its conversations in none."""

    name: str


def conversation_routes(saved: SavedConversations) -> APIRouter:
    """The routes. An id may be given by its first characters, where no other begins so."""
    routes = APIRouter(route_class=NativeRoute)

    @routes.get("/conversations")
    def conversations(
        search: str = "",
        limit: int = Query(default=-1, ge=-1),
        after: str = "",
        folder: str | None = None,
        pinned: bool | None = None,
    ) -> dict[str, Any]:
        """The saved conversations, the latest first; or those in which something was said."""
        if search:
            found = saved.search(search, MOST_FOUND if limit < 0 else limit)
            told = [
                {**plain(each.entry), "excerpt": each.excerpt, "place": each.place}
                for each in found
            ]
            return {"conversations": told}
        size = _NO_LIMIT if limit < 0 else limit
        page = saved.page(size, after, folder=folder, pinned=pinned)
        entries = [plain(each) for each in page.entries]
        return {"conversations": entries, "next": page.next, "total": page.total}

    @routes.post("/conversations/delete")
    def delete_many(asked: DeletedIds) -> dict[str, Any]:
        """Delete several for good, by their whole ids; those that are gone already are left out."""
        return {"deleted": list(saved.delete_all(asked.ids))}

    @routes.post("/conversations/export")
    def export(asked: Ids) -> dict[str, Any]:
        """Several, or all, as JSON that can be imported."""
        return saved.export_json(asked.ids)

    @routes.post("/conversations/import")
    async def import_file(file: UploadFile) -> dict[str, Any]:
        """Take in a file of ours, of ChatGPT or of Open WebUI."""
        result = await asyncio.to_thread(saved.import_export, file.file)
        return {
            "added": [plain(each) for each in result.added],
            "known": result.known,
            "refused": list(result.refused),
            "left_out": dict(result.left_out),
        }

    @routes.get("/folders")
    def folders() -> dict[str, Any]:
        """The folders, with how many conversations lie in each."""
        return {"folders": [plain(each) for each in saved.folders()]}

    @routes.patch("/folders/{name:path}")
    def rename_folder(name: str, asked: FolderName) -> dict[str, Any]:
        """Another name, or none."""
        return {"moved": saved.rename_folder(name, asked.name)}

    @routes.get("/conversations/{id}")
    def conversation(id: str) -> dict[str, Any]:
        """A whole conversation; its pictures are named by their SHA-256."""
        entry, whole = saved.entry(id), saved.load(id)
        files = {part.sha256 for message in whole.messages for part in message.media}
        said = messages_as_json(whole.messages, known=files)["messages"]
        details = {"preface": whole.preface, "start": whole.start, "revision": whole.revision}
        return {**plain(entry), **details, "messages": said}

    @routes.post("/conversations/{id}/saved")
    def tell_saved(id: str) -> dict[str, Any]:
        """Another program has written to it: whoever shows it reads it again."""
        saved.tell_saved(id)
        return {}

    @routes.get("/conversations/{id}/files/{sha256}", responses=FILE)
    def file(id: str, sha256: str) -> Response:
        """A picture or recording of a conversation."""
        data = saved.file(id, sha256).data
        return Response(data, media_type=media_part(data, sha256).media_type)

    @routes.get("/conversations/{id}/export", responses=also("text/markdown"))
    def export_one(id: str, form: Literal["json", "markdown"] = "markdown") -> Any:
        """One as a file, to read or to import."""
        title = saved.entry(id).title
        if form == "json":
            return saved.export_json([id])
        named = {"Content-Disposition": f"attachment; filename*=UTF-8''{_file_name(title)}.md"}
        return Response(saved.export_markdown(id), media_type="text/markdown", headers=named)

    @routes.post("/conversations/{id}/branch")
    def branch(id: str, asked: BranchBody) -> dict[str, Any]:
        """Begin another one that leaves it at a message; ``content`` is what a turn says there."""
        made = saved.branch(id, asked.at, asked.text)
        content = None if made.content is None else content_as_json(made.content)
        return {"conversation": plain(made.entry), "content": content}

    @routes.get("/conversations/{id}/branches")
    def branches(id: str) -> dict[str, Any]:
        """All that branched from it, and where."""
        return plain(saved.family(id))

    @routes.post("/conversations/{id}/title")
    async def title(id: str, asked: TitleBody) -> dict[str, Any]:
        """Propose a title; `PATCH` gives it."""
        if asked.model:
            return {"title": await saved.model_title(id)}
        return {"title": await asyncio.to_thread(saved.proposed_title, id)}

    @routes.patch("/conversations/{id}")
    def change(id: str, asked: ConversationChange) -> dict[str, Any]:
        """Another title or folder, pinned or not."""
        return plain(saved.change(id, title=asked.title, folder=asked.folder, pinned=asked.pinned))

    @routes.delete("/conversations/{id}")
    def delete(id: str) -> dict[str, Any]:
        """Delete a conversation for good."""
        return {"deleted": saved.delete(id)}

    return routes


def _file_name(title: str) -> str:
    return quote(
        " ".join(re.sub(r'[\\/:*?"<>|]+', " ", title).split()).strip(".") or "conversation", safe=""
    )
