"""Conversations that other programs exported: ChatGPT's and Open WebUI's files, and our own.

Owns telling them apart and what is taken of theirs: what the user and the model said, on the
way to the last answer. Their system messages, calls of tools, pictures and abandoned
branches are left out.

Sources: the ``conversations.json`` of ChatGPT's "Export data", and Open WebUI's "Export chats"
(``history.messages`` by id, ``currentId``).
"""

from __future__ import annotations

import json
import re
import uuid
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain, count
from tempfile import TemporaryFile
from typing import IO, Any, BinaryIO, Literal

from pydantic_core import from_json

from airunner.errors import UnusableRecordError
from airunner.json_schema.item_count import has_more_items
from airunner.json_schema.plain import sound_escapes
from airunner.messages import Message
from airunner.records.conversation_rows import Entry
from airunner.records.exported import (
    FORMAT,
    ID,
    Export,
    Imported,
    Read,
    listed_conversations,
    read_conversation,
    refusal,
    seconds,
)
from airunner.records.listed_parts import DAMAGED, parts

MOST_BYTES = 256 << 20
"""What the files of an archive may have, unpacked."""

MOST_ITEMS = 500_000
"""JSON values of one conversation; a hundred for each of 5,000 messages."""

MOST_CONVERSATIONS = 100_000
"""How many one file may have."""

_MOST_REFUSED = 1000
"""So many are told of; a file of which so many are none, and none before them is one, is none."""

SYSTEM, TOOLS, FILES, BRANCHES = (
    "instructions",
    "calls, results and thoughts",
    "pictures and files",
    "messages of abandoned branches",
)
"""What is left out, in words."""

NO_EXPORT = "it is no export of AI Runner, ChatGPT or Open WebUI"
_ZIP = b"PK\x03\x04"
_PIECE_BYTES = 4 << 20
_LOOKED_AT = 4096
"""First bytes that tell text from what is none."""

_COMPRESSIONS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}

_REASONING = re.compile(r'<details type="reasoning".*?(?:</details>|\Z)', re.DOTALL)
_Speaker = Literal["user", "assistant"]


@contextmanager
def read_export(file: BinaryIO) -> Iterator[Export]:
    """The conversations of an exported file, or of the ZIP archive that ChatGPT sends.

    One at a time is in memory; for the length of the body all are in a temporary file.

    Raises:
        UnusableRecordError: it is of no form that is known here.
    """
    refused: list[str] = []
    with TemporaryFile() as kept:
        found = _Kept(kept)
        for pieces in _files(file):
            numbers = count(1)  # `enumerate` would keep each text while the next one comes
            for text, read in _conversations(pieces):
                if (number := next(numbers)) > MOST_CONVERSATIONS:
                    raise UnusableRecordError("export", "it is too large")
                value = _value(text)
                try:
                    found.add(text, read, read(value).entry.created_s)
                except UnusableRecordError as error:
                    if len(refused) < _MOST_REFUSED:
                        refused.append(refusal(number, value, error))
                    elif not found:
                        break
                del text, value  # before the next one is read
        if refused and not found:
            raise UnusableRecordError("export", refused[0])
        yield Export(found, refused)


class _Kept:
    """Conversations in a file; they are read again, from the oldest to the youngest."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._places: list[tuple[float, int, int, Read]] = []

    def add(self, text: bytes, read: Read, created_s: float) -> None:
        """Keep one that ``read`` can read."""
        self._places.append((created_s, self._file.tell(), len(text), read))
        self._file.write(text)

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[Imported]:
        for _, begins, n_bytes, read in sorted(self._places, key=lambda place: place[0]):
            self._file.seek(begins)
            yield read(_value(self._file.read(n_bytes)))


def _conversations(pieces: Iterable[bytes]) -> Iterator[tuple[bytes, Read]]:
    """The text of each conversation of a file, and what reads it."""
    cut = parts(pieces)
    if not (around := next(cut)):
        for text in cut:
            yield text, _foreign
            del text  # while the next one comes
        return
    value = _value(around)
    if isinstance(value, Mapping) and value.get("format") == FORMAT:
        whole = (json.dumps(each).encode() for each in listed_conversations(value))
        yield from ((text, read_conversation) for text in chain(whole, cut))
    else:
        yield around, _foreign


def _value(text: bytes) -> Any:
    if has_more_items(text, MOST_ITEMS):
        raise UnusableRecordError("export", "it is too large")
    try:
        return from_json(sound_escapes(text))
    except ValueError as error:
        raise UnusableRecordError("file", f"{NO_EXPORT}; {_what_it_is(text)}") from error


def _files(file: BinaryIO) -> Iterator[Iterator[bytes]]:
    """The files that have conversations, each in pieces."""
    begun = file.read(len(_ZIP))
    file.seek(0)
    if begun != _ZIP:
        yield _in_pieces(file)
        return
    with _undamaged(), zipfile.ZipFile(file) as archive:
        members = [
            each
            for each in archive.infolist()
            if re.fullmatch(r"(.*/)?conversations[-\d]*\.json", each.filename)
        ]
        if not members:
            problem = f"{NO_EXPORT}; the archive has no conversations.json"
            raise UnusableRecordError("file", problem)
        if sum(each.file_size for each in members) > MOST_BYTES:
            raise UnusableRecordError("export", "the archive is too large")
        if any(each.compress_type not in _COMPRESSIONS for each in members):
            raise UnusableRecordError("export", "the archive is packed in an unusual way")
        for member in members:
            with archive.open(member) as unpacked:
                yield _in_pieces(unpacked)  # no more than the size that it states


def _in_pieces(file: IO[bytes]) -> Iterator[bytes]:
    with _undamaged():
        while piece := file.read(_PIECE_BYTES):
            yield piece


@contextmanager
def _undamaged() -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, OSError) as error:
        problem = "the archive is damaged; download or export it again"
        raise UnusableRecordError("export", problem) from error


def _what_it_is(text: bytes) -> str:
    """What a file that no JSON can be read from seems to be, in plain words."""
    if not text.strip():
        return "the file is empty"
    if text.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"[", b"{"):
        return DAMAGED
    if b"\x00" in text[:_LOOKED_AT] or text.startswith((b"\x89", b"\xff\xd8", b"%PDF")):
        return "it is a picture, a document or a program, and no text"
    return "it is a text of another kind, and no JSON"


def _foreign(value: Any) -> Imported:
    left_out: Counter[str] = Counter()
    if isinstance(value, Mapping):
        if isinstance(value.get("mapping"), Mapping):
            nodes = _way(value["mapping"], value.get("current_node"), "parent")
            said = [turn for node in nodes if (turn := _chatgpt(node.get("message"), left_out))]
            _count_branches(value["mapping"], nodes, left_out)
            times = (value.get("create_time"), value.get("update_time"))
            return _imported(value, value.get("conversation_id"), said, times, left_out)
        if isinstance(value.get("chat"), Mapping):
            chat = value["chat"]
            history = chat.get("history")
            nodes = chat.get("messages") or []
            if isinstance(history, Mapping) and isinstance(history.get("messages"), Mapping):
                nodes = _way(history["messages"], history.get("currentId"), "parentId")
                _count_branches(history["messages"], nodes, left_out)
            said = [turn for node in nodes if (turn := _open_webui(node, left_out))]
            times = (value.get("created_at"), value.get("updated_at"))
            return _imported({**chat, **value}, value.get("id"), said, times, left_out)
    raise UnusableRecordError("export", NO_EXPORT)


def _way(nodes: Mapping[str, Any], last: Any, parent: str) -> list[Mapping[str, Any]]:
    """From the first message to the last; each names the one before it."""
    way: list[Mapping[str, Any]] = []
    seen: set[str] = set()
    while isinstance(last, str) and last not in seen and isinstance(nodes.get(last), Mapping):
        seen.add(last)
        way.append(nodes[last])
        last = nodes[last].get(parent)
    return way[::-1]


def _count_branches(
    nodes: Mapping[str, Any], way: list[Mapping[str, Any]], left_out: Counter[str]
) -> None:
    """Count the messages of ways that were abandoned."""
    taken = {id(node) for node in way}
    ignored: Counter[str] = Counter()
    for node in nodes.values():
        if isinstance(node, Mapping) and id(node) not in taken:
            message = node.get("message")
            turn = _open_webui(node, ignored) if message is None else _chatgpt(message, ignored)
            left_out[BRANCHES] += turn is not None


def _chatgpt(message: Any, left_out: Counter[str]) -> tuple[str, str] | None:
    if not isinstance(message, Mapping):
        return None
    author, content = message.get("author"), message.get("content")
    if not isinstance(author, Mapping) or not isinstance(content, Mapping):
        return None
    is_said = content.get("content_type") in ("text", "multimodal_text")  # else code or thoughts
    if not is_said or message.get("recipient", "all") != "all":  # a call of a tool
        left_out[TOOLS] += 1
        return None
    return _turn(author.get("role"), content.get("parts"), left_out)


def _open_webui(node: Any, left_out: Counter[str]) -> tuple[str, str] | None:
    if not isinstance(node, Mapping):
        return None
    files = node.get("files")
    left_out[FILES] += len(files) if isinstance(files, list) else 0
    return _turn(node.get("role"), node.get("content"), left_out)


def _turn(role: Any, content: Any, left_out: Counter[str]) -> tuple[str, str] | None:
    """Who said something and what; nothing for what is left out, which is counted."""
    parts = content if isinstance(content, list) else [content]
    texts = [part.get("text") if isinstance(part, Mapping) else part for part in parts]
    left_out[FILES] += sum(
        isinstance(part, Mapping) and not isinstance(part.get("text"), str) for part in parts
    )
    text = "\n\n".join(each for each in texts if isinstance(each, str))
    text, thoughts = _REASONING.subn("", text)
    text = text.strip()
    left_out[TOOLS] += thoughts
    if role not in ("user", "assistant"):
        if text:
            left_out[SYSTEM if role == "system" else TOOLS] += 1
        return None
    return (role, text) if text else None


def _imported(
    value: Mapping[str, Any],
    id: Any,
    said: list[tuple[str, str]],
    times: tuple[Any, Any],
    left_out: Counter[str],
) -> Imported:
    messages: list[Message] = []
    for role, text in said:
        speaker: _Speaker = "user" if role == "user" else "assistant"
        if messages and messages[-1].role == speaker:  # calls of tools stood between them
            messages[-1] = Message(speaker, f"{messages[-1].text}\n\n{text}")
        else:
            messages.append(Message(speaker, text))
    known = str(id or value.get("id") or "").lower()
    title = value.get("title")
    created_s = seconds(times[0])
    entry = Entry(
        id=known if ID.fullmatch(known) else uuid.uuid4().hex,
        title=title if isinstance(title, str) else "",
        created_s=created_s,
        updated_s=seconds(times[1]) or created_s,
        messages=0,
        pinned=value.get("pinned") is True,
    )
    return Imported(entry, tuple(messages), left_out=+left_out)
