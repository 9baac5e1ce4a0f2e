"""``/api/v1/files``: files for tools, and those that tools made."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, UploadFile
from fastapi.responses import FileResponse

from airunner.runtime.plain_values import plain
from airunner.server.documented import FILE
from airunner.server.native.native_route import NativeRoute
from airunner.server.native.uploads import Uploads

_BINARY = "application/octet-stream"


def upload_routes(uploads: Uploads) -> APIRouter:
    """The routes."""
    routes = APIRouter(route_class=NativeRoute)

    @routes.get("/files")
    def files() -> dict[str, Any]:
        """What was handed over, the newest first."""
        return {"files": [plain(each) for each in uploads.all()]}

    @routes.post("/files")
    async def upload(file: UploadFile) -> Any:
        """Hand a file over; tools know it by the name that is told."""
        saved = await asyncio.to_thread(uploads.save, file.filename or "", file.file)
        return plain(saved)

    @routes.get("/files/{name:path}", responses=FILE)
    def file(name: str) -> FileResponse:
        """A file that tools may use, as a download: no browser shows it as a page of ours."""
        path = uploads.path(name)
        headers = {"X-Content-Type-Options": "nosniff"}
        return FileResponse(path, media_type=_BINARY, filename=path.name, headers=headers)

    @routes.delete("/files/{name:path}")
    def delete(name: str) -> dict[str, Any]:
        """Delete a file that was handed over."""
        uploads.delete(name)
        return {"deleted": name}

    return routes
