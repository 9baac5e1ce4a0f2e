"""``/v1/images/generations`` and ``/v1/images/edits``: pictures from words and pictures.

Owns the forms of both. Drawing, and where pictures are kept, is the runtime's.
"""

from __future__ import annotations

import asyncio
import base64
import tempfile
import time
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, File, Form, Request, UploadFile
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from airunner.engines.image import Drawn, ImageRequest
from airunner.errors import GenerationError, ImageRequestError
from airunner.models.spec import ModelCapability
from airunner.runtime.core import RuntimeCore
from airunner.server.served_models import ServedModels
from airunner.server.streams import unless_hung_up

MOST_PICTURES = 10
_DEFAULT_MODELS = ("dall-e", "gpt-image", "airunner")


class PictureRequest(BaseModel):
    """The body of a request for pictures; beside OpenAI's fields, those of our engine."""

    model_config = ConfigDict(extra="allow")

    prompt: str = Field(min_length=1)
    model: str | None = None
    n: int | None = Field(default=None, ge=1, le=MOST_PICTURES)
    size: str | None = Field(default=None, pattern=r"^(auto|\d{1,5}x\d{1,5})$")
    response_format: Literal["url", "b64_json"] | None = None
    negative_prompt: str | None = None
    steps: int | None = Field(default=None, ge=1, le=1000)
    guidance: float | None = Field(default=None, ge=0, le=100)
    seed: int | None = Field(default=None, ge=0, le=2**63 - 1)
    stream: bool | None = None

    def drawing(self) -> ImageRequest:
        """The same as our engine takes it."""
        width, height = _size(self.size)
        return ImageRequest(
            prompt=self.prompt,
            count=self.n or 1,
            negative_prompt=self.negative_prompt,
            width=width,
            height=height,
            steps=self.steps,
            guidance=self.guidance,
            seed=self.seed,
        )


@dataclass(frozen=True, slots=True)
class _Sources:
    image: Path
    mask: Path | None


def picture_routes(core: RuntimeCore, models: ServedModels) -> APIRouter:
    """The routes. Pictures come in the response: no address of ours serves them."""
    routes = APIRouter(tags=["OpenAI"])

    @routes.post("/v1/images/generations")
    async def generations(asked: PictureRequest, request: Request) -> JSONResponse:
        """Draw from words."""
        _come_whole(asked.stream)
        work = _draw(core, asked.drawing(), _model(models, asked.model))
        return JSONResponse(await unless_hung_up(request, work))

    @routes.post("/v1/images/edits")
    async def edits(
        request: Request,
        prompt: Annotated[str, Form(min_length=1)],
        image: Annotated[UploadFile, File()],
        mask: Annotated[UploadFile | None, File()] = None,
        model: Annotated[str | None, Form()] = None,
        n: Annotated[int | None, Form(ge=1, le=MOST_PICTURES)] = None,
        size: Annotated[str | None, Form(pattern=r"^(auto|\d{1,5}x\d{1,5})$")] = None,
        strength: Annotated[float | None, Form(ge=0, le=1)] = None,
        seed: Annotated[int | None, Form(ge=0, le=2**63 - 1)] = None,
        stream: Annotated[bool | None, Form()] = None,
    ) -> JSONResponse:
        """Draw from a picture; where a mask is transparent or white, it may change."""
        _come_whole(stream)
        width, height = _size(size)
        with tempfile.TemporaryDirectory() as folder:
            sources = _Sources(
                await _saved(image, Path(folder, "image")),
                None if mask is None else await _saved(mask, Path(folder, "mask")),
            )
            asked = ImageRequest(
                prompt=prompt,
                count=n or 1,
                width=width,
                height=height,
                seed=seed,
                init_image=sources.image,
                mask=sources.mask,
                strength=strength,
            )
            work = _draw(core, asked, _model(models, model))
            return JSONResponse(await unless_hung_up(request, work))

    return routes


async def _draw(core: RuntimeCore, asked: ImageRequest, model: str | None) -> dict[str, Any]:
    drawn: Drawn | None = None
    async with aclosing(core.draw(asked, model=model)) as progress:
        async for item in progress:
            if isinstance(item, Drawn):
                drawn = item
    if drawn is None:
        raise GenerationError("the image model", "the drawing ended without a picture")

    def read() -> list[dict[str, str]]:
        return [
            {"b64_json": base64.b64encode(each.path.read_bytes()).decode()}
            for each in drawn.pictures
        ]

    return {"created": int(time.time()), "data": await asyncio.to_thread(read)}


def _come_whole(stream: bool | None) -> None:
    """Refuse a stream: a client that waits for its events would take nothing for the answer."""
    if stream:
        raise ImageRequestError("the image model", "pictures come whole; ask without `stream`")


async def _saved(upload: UploadFile, path: Path) -> Path:
    content = await upload.read()
    await asyncio.to_thread(path.write_bytes, content)
    return path


def _model(models: ServedModels, name: str | None) -> str | None:
    """The image model that is asked for; ``None`` for the one that is mapped."""
    if name is None or (name.startswith(_DEFAULT_MODELS) and "/" not in name):
        models.wanted(f"capability:{ModelCapability.IMAGE_GENERATION}")  # may it be used?
        return None
    spec = models.spec(name)
    if ModelCapability.IMAGE_GENERATION not in spec.capabilities:
        raise ImageRequestError(spec.model_path, "it is no image model")
    models.here(name)
    return spec.model_path


def _size(size: str | None) -> tuple[int | None, int | None]:
    if size is None or size == "auto":
        return None, None
    width, _, height = size.partition("x")
    return int(width), int(height)
