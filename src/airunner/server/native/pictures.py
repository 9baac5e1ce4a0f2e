"""``/api/v1/pictures`` and ``/api/v1/drawings``: the gallery, and the queue that fills it."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response, UploadFile
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field

from airunner.engines.image import ImageRequest
from airunner.media import MOST_BYTES
from airunner.runtime.drawing_orders import DrawingOrders
from airunner.runtime.drawings import Drawings
from airunner.runtime.gallery import Gallery
from airunner.runtime.native_form import read
from airunner.runtime.painted_mask import Shape
from airunner.runtime.plain_values import plain
from airunner.runtime.start_pictures import StartPicture, StartPictures
from airunner.runtime.thumbnails import MEDIA_TYPE
from airunner.server.documented import FILE
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

    ``picture`` is the name of one of the gallery to start from, or of one that was handed
    over. ``painted`` are strokes and rectangles in its pixels: where it may change.
    """

    request: dict[str, Any]
    model: str | None = None
    picture: str | None = None
    painted: list[dict[str, Any]] = Field(default_factory=list)


class Place(BaseModel):
    """The place of what waits; 1 begins next."""

    place: int = Field(ge=1)


def gallery_routes(
    gallery: Gallery, drawings: Drawings, starts: StartPictures, orders: DrawingOrders
) -> APIRouter:
    """The routes."""
    routes = APIRouter(route_class=NativeRoute)

    @routes.get("/pictures")
    def pictures(
        search: str = "",
        offset: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=MOST_SHOWN)] = 60,
    ) -> dict[str, Any]:
        """The pictures that were drawn, the newest first, with prompt, seed, model and size."""
        return plain(gallery.page(search, offset, limit))

    @routes.get("/pictures/{name}", responses=FILE)
    def picture(name: str) -> Response:
        """The file of one."""
        return FileResponse(gallery.file(name), media_type=PNG, headers=_HEADERS)

    @routes.get("/pictures/{name}/thumbnail", responses=FILE)
    def thumbnail(name: str, px: Annotated[int, Query(ge=1, le=512)] = 256) -> Response:
        """A small JPEG of one, whose longer side is about ``px``."""
        return Response(gallery.thumbnail(name, px), media_type=MEDIA_TYPE, headers=_HEADERS)

    @routes.delete("/pictures/{name}")
    def delete(name: str) -> dict[str, Any]:
        """Delete one for good."""
        return {"deleted": name, "freed_bytes": gallery.delete(name)}

    @routes.post("/pictures/{name}/another", status_code=202)
    async def another(name: str) -> dict[str, Any]:
        """Queue one more drawing with the settings of a picture, by another seed."""
        return plain(await orders.another(name))

    @routes.post("/starts")
    async def add_start(file: UploadFile) -> dict[str, Any]:
        """Hand over a picture that drawings may start from, by the name that is told."""
        data = await file.read(MOST_BYTES + 1)
        made = await asyncio.to_thread(starts.add, data, file.filename or "")
        return startplain(made)

    @routes.get("/starts/{name}", responses=FILE)
    async def start(name: str) -> Response:
        """A picture that was handed over."""
        return FileResponse(starts.find(name).path, media_type=PNG, headers=_HEADERS)

    @routes.get("/drawings")
    async def list_drawings() -> dict[str, Any]:
        """The queue, and what has ended of late."""
        return {"drawings": [plain(each) for each in drawings.all()]}

    @routes.post("/drawings", status_code=202)
    async def add_drawing(asked: NewDrawing) -> dict[str, Any]:
        """Queue a drawing; `/api/v1/events` tells of it by its id, which is the `owner` there."""
        with reading("request"):
            request = read(ImageRequest, asked.request)
        with reading("painted"):
            painted = [read(_SHAPE, shape) for shape in asked.painted]
        return plain(await orders.add(request, asked.model, picture=asked.picture, painted=painted))

    @routes.get("/drawings/{id}")
    async def drawing(id: str) -> dict[str, Any]:
        """One of them."""
        return plain(drawings.find(id))

    @routes.get("/drawings/{id}/preview", responses=FILE)
    async def preview(id: str) -> Response:
        """The last preview of the one that runs, a PNG of at most 64 px."""
        return Response(drawings.preview(id), media_type=PNG, headers=_HEADERS)

    @routes.patch("/drawings/{id}")
    async def move(id: str, asked: Place) -> dict[str, Any]:
        """Have one begin earlier or later, or one that failed once more."""
        return plain(drawings.move(id, asked.place))

    @routes.delete("/drawings/{id}")
    async def cancel(id: str) -> dict[str, Any]:
        """End one within a step, leaving no file; forget one that has ended."""
        return plain(drawings.cancel(id))

    return routes


_SHAPE: Any = Shape  # a union, which is no type to the checker


def startplain(start: StartPicture) -> dict[str, Any]:
    """What is told of a picture that was handed over."""
    return {"name": start.name, "width": start.width, "height": start.height}
