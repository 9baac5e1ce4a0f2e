"""Files that somebody attaches to a message before it is said.

Owns what becomes of a file: a picture or recording goes to the model as it is, a document
as its text, marked with its name, and a large table as a description where tools can read
the whole. They are held in memory until they are said, a bounded number of them; documents
of a saved conversation are then kept with it (``records.kept_files``).
"""

from __future__ import annotations

import asyncio
import tempfile
import uuid
from collections import OrderedDict
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Response, UploadFile
from fastapi.responses import PlainTextResponse

from airunner.config.byte_size import format_bytes
from airunner.errors import MediaError, ToolError, UnknownRecordError
from airunner.media import MOST_BYTES, is_media, media_part
from airunner.messages import Content, MediaPart, Part, TextPart, content_of, parts_of
from airunner.models.spec import ModelCapability
from airunner.records.attached_text import ATTACHED, marked
from airunner.runtime.core import RuntimeCore
from airunner.server.documented import FILE
from airunner.server.native.native_route import NativeRoute
from airunner.toolbox.documents.reading import read_document
from airunner.toolbox.tables.description import table_size
from airunner.toolbox.tables.query_process import answer
from airunner.tools.json_form import plain_text

MOST_NAME = 100
"""Characters of a file's name, and of its ending."""

KEPT = 64
"""Files that wait to be said, of everybody."""
KEPT_BYTES = 256 << 20
"""Bytes of these files."""
MOST_CHARACTERS = 200_000
"""Characters of a document that are taken, some 50,000 tokens."""
MOST_OF_A_TABLE = 4_000
"""Characters of a table that is said whole where a tool can read it."""
QUERY, READ = "query_table", "read_document"

_SQLITE = b"SQLite format 3\0"
_TABLES = (".csv", ".tsv", ".tab")
_CUT = "\n[The rest is left out: {:,} of {:,} characters.{}]"
_DESCRIBED = "\n[This describes the table, which is not said whole. {} answers from {}.]"


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that waits. ``kind`` is ``image``, ``audio`` or ``document``.

    ``size`` is in words. Of a document ``text`` is all that can be read, and ``data`` the file;
    ``described`` says what is in a table as ``attached/<name>``, where it is one.
    """

    id: str
    name: str
    kind: str
    n_bytes: int
    characters: int
    size: str
    part: Part
    text: str = field(default="", repr=False)
    described: str = field(default="", repr=False)
    data: bytes = field(default=b"", repr=False)

    def as_json(self) -> dict[str, Any]:
        """What is told of it, without what is in it."""
        told = ("id", "name", "kind", "n_bytes", "characters", "size")
        return {name: getattr(self, name) for name in told}

    @property
    def is_long_table(self) -> bool:
        """Whether it is better described than said whole."""
        is_table = Path(self.name).suffix.lower() in _TABLES or self.data.startswith(_SQLITE)
        return is_table and len(self.text) > MOST_OF_A_TABLE


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
        while len(self._kept) > KEPT or sum(len(f.data) for f in self._kept.values()) > KEPT_BYTES:
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

    async def said_with(
        self,
        content: Content,
        ids: Sequence[str],
        conversation: str = "",
        tools: Collection[str] = (),
    ) -> Content:
        """``content`` with these files before it.

        Documents are kept with the saved ``conversation``, if it is one, and bear the names
        that tools know them by there. ``tools`` are those that the model may call.

        Raises:
            UnknownRecordError: one of them does not wait here.
            MediaError: the conversation has too many.
            StorageError: one cannot be kept.
        """
        files = [self.find(id) for id in ids]
        parts = [await asyncio.to_thread(self._said, f, conversation, tools) for f in files]
        documents = "".join(part.text for part in parts if isinstance(part, TextPart))
        media = [part for part in parts if not isinstance(part, TextPart)]
        words = list(parts_of(content))
        if documents:
            if words and isinstance(words[0], TextPart):
                words[0] = TextPart(documents + words[0].text)
            else:
                words.insert(0, TextPart(documents))
        return content_of((*media, *words))

    def _said(self, file: Attachment, conversation: str, tools: Collection[str]) -> Part:
        if not conversation or isinstance(file.part, MediaPart):
            return file.part
        kept = self._core.records.kept_files
        name = kept.keep(conversation, file.name, file.data)
        known_as, text = ATTACHED + name, _shortened(file.text)
        folder = kept.folder(conversation)
        if folder is not None and QUERY in tools and file.is_long_table:
            with suppress(ToolError):  # no table after all
                described = file.described if name == file.name else ""
                described = described or answer((folder / name).resolve(), known_as, "", QUERY)
                text = described + _DESCRIBED.format(QUERY, known_as)
        elif READ in tools:
            text = _shortened(file.text, f" {READ} reads it in {known_as}.")
        return TextPart(marked(known_as, text, file.size))


def _read(data: bytes, name: str) -> Attachment:
    id = f"file_{uuid.uuid4().hex[:12]}"
    if not data:
        raise MediaError(name, "it is empty")
    if is_media(data, name):
        part = media_part(data, name)
        return Attachment(id, name, part.kind, len(data), 0, format_bytes(len(data)), part)
    text, described = _text_of(data, name)
    shown = _shortened(text)
    counted = table_size(described)
    size = f"{counted}, {format_bytes(len(data))}" if counted else format_bytes(len(data))
    said = TextPart(marked(name, shown, size))
    return Attachment(
        id, name, "document", len(data), len(shown), size, said, text, described, data=data
    )


def _shortened(text: str, advice: str = "") -> str:
    if len(text) <= MOST_CHARACTERS:
        return text
    return text[:MOST_CHARACTERS] + _CUT.format(MOST_CHARACTERS, len(text), advice)


def _text_of(data: bytes, name: str) -> tuple[str, str]:
    """What can be read, and of a table a description, unless nobody can make one."""
    suffix = Path(name).suffix[:16]
    with tempfile.NamedTemporaryFile(suffix=suffix) as file:
        file.write(data)
        file.flush()
        path = Path(file.name).resolve()
        if data.startswith(_SQLITE):
            return answer(path, name, "", "the attached database"), ""
        document = read_document(path, name)
        described = ""
        if suffix.lower() in _TABLES:
            with suppress(ToolError):
                described = answer(path, ATTACHED + name, "", QUERY)
    return "\n\n".join([*(f"[{note}]" for note in document.notes), document.text]), described


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
