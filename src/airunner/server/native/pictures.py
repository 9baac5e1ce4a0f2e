"""``/api/v1/pictures`` and ``/api/v1/drawings``: the gallery, and the queue that fills it."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field

from airunner.engines.image import ImageRequest
from airunner.runtime.drawings import Drawings
from airunner.runtime.gallery import Gallery
from airunner.runtime.native_form import plain, read
from airunner.runtime.thumbnails import MEDIA_TYPE
from airunner.server.native.native_route import NativeRoute, reading

MOST_SHOWN = 500
PNG = "image/png"
_HEADERS = {
    # What a picture's file really is, nobody has checked.
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cache-Control": "private, no-cache",
}


class NewDrawing(BaseModel):
    """A drawing, with the fields of ``ImageRequest`` except where it is saved.

    ``picture`` is the name of one of the gallery to start from.
    """

    request: dict[str, Any]
    model: str | None = None
    picture: str | None = None


class Place(BaseModel):
    """The place of what waits; 1 begins next."""

    place: int = Field(ge=1)


def gallery_routes(gallery: Gallery, drawings: Drawings) -> APIRouter:
    """The routes."""
    routes = APIRouter(route_class=NativeRoute)

    @routes.get("/pictures")
    def pictures(
        search: str = "",
        offset: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=MOST_SHOWN)] = 60,
    ) -> dict[str, Any]:
        """The pictures that were drawn, the newest first, with prompt, seed, model and size."""
        return _as_json(gallery.page(search, offset, limit))

    @routes.get("/pictures/{name}")
    def picture(name: str) -> Response:
        """The file of one."""
        return FileResponse(gallery.file(name), media_type=PNG, headers=_HEADERS)

    @routes.get("/pictures/{name}/thumbnail")
    def thumbnail(name: str, px: Annotated[int, Query(ge=1, le=512)] = 256) -> Response:
        """A small JPEG of one, whose longer side is about ``px``."""
        return Response(gallery.thumbnail(name, px), media_type=MEDIA_TYPE, headers=_HEADERS)

    @routes.delete("/pictures/{name}")
    def delete(name: str) -> dict[str, Any]:
        """Delete one for good."""
        return {"deleted": name, "freed_bytes": gallery.delete(name)}

    @routes.get("/drawings")
    async def list_drawings() -> dict[str, Any]:
        """The queue, and what has ended of late."""
        return {"drawings": [_as_json(each) for each in drawings.all()]}

    @routes.post("/drawings", status_code=202)
    async def add_drawing(asked: NewDrawing) -> dict[str, Any]:
        """Queue a drawing; `/api/v1/events` tells of it by its id, which is the `owner` there."""
        with reading("request"):
            request = read(ImageRequest, asked.request)
        if asked.picture is not None:
            request = replace(request, init_image=gallery.file(asked.picture))
        return _as_json(drawings.add(request, asked.model))

    @routes.get("/drawings/{id}")
    async def drawing(id: str) -> dict[str, Any]:
        """One of them."""
        return _as_json(drawings.find(id))

    @routes.get("/drawings/{id}/preview")
    async def preview(id: str) -> Response:
        """The last preview of the one that runs, a PNG of at most 64 px."""
        return Response(drawings.preview(id), media_type=PNG, headers=_HEADERS)

    @routes.patch("/drawings/{id}")
    async def move(id: str, asked: Place) -> dict[str, Any]:
        """Have one begin earlier or later."""
        return _as_json(drawings.move(id, asked.place))

    @routes.delete("/drawings/{id}")
    async def cancel(id: str) -> dict[str, Any]:
        """End one within a step, leaving no file; forget one that has ended."""
        return _as_json(drawings.cancel(id))

    return routes


def _as_json(value: object) -> dict[str, Any]:
    found: dict[str, Any] = plain(value)
    return found
