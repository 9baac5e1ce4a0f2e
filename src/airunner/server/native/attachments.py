"""Files that somebody attaches to a message before it is said.

Owns what becomes of a file: a picture or recording goes to the model as it is, a document
as its text, marked with its name. They are held in memory until they are said, a bounded
number of them.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
import uuid
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Response, UploadFile
from fastapi.responses import PlainTextResponse

from airunner.errors import MediaError, UnknownRecordError
from airunner.media import MOST_BYTES, media_part
from airunner.messages import Content, MediaPart, Part, TextPart, content_of, parts_of
from airunner.models.spec import ModelCapability
from airunner.records.attached_text import marked
from airunner.runtime.core import RuntimeCore
from airunner.server.documented import FILE
from airunner.server.native.native_route import NativeRoute
from airunner.toolbox.documents.reading import read_document
from airunner.tools.json_form import plain_text

MOST_NAME = 100
"""Characters of a file's name, and of its ending."""

KEPT = 64
"""Files that wait to be said, of everybody."""
MOST_CHARACTERS = 200_000
"""Characters of a document that are taken, some 50,000 tokens."""

_MEDIA = re.compile(
    rb"\x89PNG|\xff\xd8\xff|GIF8|RIFF....(WAVE|WEBP)|ID3|\xff[\xfb\xf3\xf2]|fLaC", re.DOTALL
)
_CUT = "\n[The rest is left out: {:,} of {:,} characters.]"


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that waits. ``kind`` is ``image``, ``audio`` or ``document``."""

    id: str
    name: str
    kind: str
    n_bytes: int
    characters: int
    part: Part

    def as_json(self) -> dict[str, Any]:
        """What is told of it, without what is in it."""
        told = asdict(self)
        del told["part"]
        return told


class Attachments:
    """The files that wait to be said. Used on the loop that serves."""

    def __init__(self, core: RuntimeCore) -> None:
        self._core = core
        self._kept: OrderedDict[str, Attachment] = OrderedDict()

    async def add(self, data: bytes, name: str, model: str | None = None) -> Attachment:
        """Take a file, if ``model`` can make something of it; by default the primary.

        Raises:
            MediaError: it is too large, or damaged.
            MediaNotSupportedError: the model does not see or hear.
            ToolFailedError: it has no text that can be read; says what would help.
        """
        path = Path(name.replace("\\", "/"))
        name = plain_text(path.stem, MOST_NAME) + plain_text(path.suffix, MOST_NAME) or "file"
        made = await asyncio.to_thread(_read, data, name)
        if isinstance(made.part, MediaPart):
            team = self._core.team
            talks = ModelCapability.PRIMARY_CONVERSATION
            support = await team.media_support(talks, model or team.resolve(talks).model_path)
            support.check((made.part,))
        self._kept[made.id] = made
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return made

    def find(self, id: str) -> Attachment:
        """One that waits.

        Raises:
            UnknownRecordError: there is none, or others came since.
        """
        if id not in self._kept:
            raise UnknownRecordError("attachment", id)
        return self._kept[id]

    def drop(self, id: str) -> None:
        """Forget one, if it waits."""
        self._kept.pop(id, None)

    def said_with(self, content: Content, ids: Sequence[str]) -> Content:
        """``content`` with these files before it.

        Raises:
            UnknownRecordError: one of them does not wait here.
        """
        files = [self.find(id).part for id in ids]
        documents = "".join(part.text for part in files if isinstance(part, TextPart))
        media = [part for part in files if not isinstance(part, TextPart)]
        words = list(parts_of(content))
        if documents:
            if words and isinstance(words[0], TextPart):
                words[0] = TextPart(documents + words[0].text)
            else:
                words.insert(0, TextPart(documents))
        return content_of((*media, *words))


def _read(data: bytes, name: str) -> Attachment:
    id = f"file_{uuid.uuid4().hex[:12]}"
    if not data:
        raise MediaError(name, "it is empty")
    if _MEDIA.match(data):
        part = media_part(data, name)
        return Attachment(id, name, part.kind, len(data), 0, part)
    text = _text_of(data, name)
    shown = text
    if len(text) > MOST_CHARACTERS:
        shown = text[:MOST_CHARACTERS] + _CUT.format(MOST_CHARACTERS, len(text))
    said = TextPart(marked(name, shown))
    return Attachment(id, name, "document", len(data), len(shown), said)


def _text_of(data: bytes, name: str) -> str:
    suffix = Path(name).suffix[:16]
    with tempfile.NamedTemporaryFile(suffix=suffix) as file:
        file.write(data)
        file.flush()
        document = read_document(Path(file.name).resolve(), name)
    return "\n\n".join([*(f"[{note}]" for note in document.notes), document.text])


def attachment_routes(attachments: Attachments) -> APIRouter:
    """The routes."""
    routes = APIRouter(route_class=NativeRoute)

    @routes.post("/attachments")
    async def attach(file: UploadFile, model: str | None = None) -> dict[str, Any]:
        """Take a file that a turn's ``attachments`` may name."""
        data = await file.read(MOST_BYTES + 1)
        return (await attachments.add(data, file.filename or "", model)).as_json()

    @routes.get("/attachments/{id}", responses=FILE)
    async def file(id: str) -> Response:
        """A picture or recording as it came, a document as its text."""
        part = attachments.find(id).part
        if isinstance(part, TextPart):
            return PlainTextResponse(part.text)
        return Response(part.data, media_type=part.media_type)

    @routes.delete("/attachments/{id}")
    async def drop(id: str) -> dict[str, Any]:
        """Forget one that was not said."""
        attachments.drop(id)
        return {}

    return routes
