"""Conversations on their way out and back in: as JSON, which is whole, and as Markdown, to read.

Owns our own form. That of other programs is read by ``records.foreign_exports``.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from airunner.errors import AiRunnerError, UnusableRecordError
from airunner.media import in_words, media_part
from airunner.messages import Message
from airunner.records.conversation_rows import Entry
from airunner.records.conversations import Saved
from airunner.records.saved_message import from_value, to_value
from airunner.records.unfinished import Details, detail_of, unfinished, unfinished_lines

FORMAT = "airunner.conversations"
VERSION = 1
ID = re.compile(r"[0-9a-f-]{8,64}")
"""An id that a conversation can keep when it comes here."""

_FENCES = re.compile(r"`{3,}")
_SPEAKERS = {"system": "System", "user": "You", "assistant": "Assistant"}
_UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, RecursionError)


@dataclass(frozen=True, slots=True)
class Imported:
    """A conversation that was read; see ``Saved`` for what its parts are.

    ``kept_files`` are what was attached, by name. ``outcomes`` has how turns ended that did not
    come to their end, by the places of their questions. ``left_out`` counts what was not taken,
    by what it is in words.
    """

    entry: Entry
    messages: tuple[Message, ...]
    start: int = 0
    preface: str = ""
    kept_files: Mapping[str, bytes] = field(default_factory=dict)
    outcomes: Mapping[int, str] = field(default_factory=dict)
    left_out: Mapping[str, int] = field(default_factory=dict)


Read = Callable[[Any], Imported]
"""Makes a conversation of a JSON value."""


@dataclass(frozen=True, slots=True)
class Export:
    """What an exported file has; ``refused`` says of each other conversation why it is none.

    The oldest conversation is the first; each is read when it is asked for.
    """

    conversations: Iterable[Imported]
    refused: Sequence[str] = ()


def as_json(
    conversations: Iterable[tuple[Entry, Saved]],
    kept_files: Callable[[str], Mapping[str, bytes]],
    details: Callable[[str], Details],
) -> dict[str, Any]:
    """Conversations whole, with their pictures, which are named by their SHA-256.

    ``kept_files`` gives what was attached to one, by name: as much as an export can have;
    ``details`` what is remembered of its turns, of which those without an end are told.
    """
    return {
        "format": FORMAT,
        "version": VERSION,
        "conversations": [
            {
                **_conversation(entry, saved),
                "attached": _encoded(kept_files(entry.id)),
                "outcomes": unfinished(details(entry.id)),
            }
            for entry, saved in conversations
        ],
    }


def as_markdown(entry: Entry, saved: Saved, details: Details) -> str:
    """A conversation to read: who said what, with the calls of tools and without pictures.

    ``details`` are those of its turns: what is no whole answer is said to be none.
    """
    parts = [f"# {entry.title}"]
    lines = unfinished_lines(saved.messages, details)
    for place, message in enumerate(saved.messages):
        parts += _told(message)
        if line := lines.get(place):
            parts.append(f"*{line}*")
    return "\n\n".join(parts) + "\n"


def _told(message: Message) -> list[str]:
    if message.role == "tool":
        return [f"**Result of {message.name or 'a tool'}**\n\n{_fenced(message.text)}"]
    parts = [f"## {_SPEAKERS[message.role]}"]
    if message.reasoning:
        reasoning = message.reasoning.strip()
        parts.append(f"<details><summary>Reasoning</summary>\n\n{reasoning}\n\n</details>")
    if said := in_words(message.content).strip():
        parts.append(said)
    for call in message.tool_calls:
        arguments = json.dumps(dict(call.arguments), ensure_ascii=False, indent=2)
        given = call.malformed or arguments
        parts.append(f"**Call of {call.name}**\n\n{_fenced(given, 'json')}")
    return parts


def listed_conversations(value: Mapping[str, Any]) -> Sequence[Any]:
    """The conversations in what ``as_json`` wrote, for ``read_conversation``.

    Raises:
        UnusableRecordError: it has none, or is of a newer version.
    """
    if value.get("version") != VERSION:
        problem = f"this AI Runner reads version {VERSION}, and it has {value.get('version')!r}"
        raise UnusableRecordError("export", problem)
    found = value.get("conversations")
    if not isinstance(found, list):
        raise UnusableRecordError("export", "it has no list of conversations")
    return found


def refusal(number: int, value: Any, error: UnusableRecordError) -> str:
    """Why the conversation of that number is none, in words."""
    title = value.get("title") if isinstance(value, Mapping) else None
    named = f" ({title[:60]})" if isinstance(title, str) and title else ""
    return f"conversation {number}{named}: {error.problem}"


def seconds(value: Any) -> float:
    """A moment in Unix time; 0 for what is none."""
    usable = isinstance(value, int | float) and 0 <= value < 1e11
    return float(value) if usable else 0.0


def _conversation(entry: Entry, saved: Saved) -> dict[str, Any]:
    files = {part.sha256: part.data for message in saved.messages for part in message.media}
    told = asdict(entry)
    del told["messages"]  # how many there are; here they follow
    return {
        **told,
        "start": saved.start,
        "preface": saved.preface,
        "messages": [to_value(message) for message in saved.messages],
        "files": _encoded(files),
    }


def _encoded(files: Mapping[str, bytes]) -> dict[str, str]:
    return {name: base64.b64encode(data).decode() for name, data in files.items()}


def _decoded(files: Mapping[str, str]) -> dict[str, bytes]:
    return {name: base64.b64decode(data) for name, data in files.items()}


def read_conversation(value: Any) -> Imported:
    """One conversation of those that ``as_json`` wrote.

    Raises:
        UnusableRecordError: it is none.
    """
    try:
        files = _decoded(value.get("files", {}))
        kept_files = _decoded(value.get("attached", {}))
        outcomes = {
            int(place): detail_of(outcome) for place, outcome in value.get("outcomes", {}).items()
        }
        messages = tuple(_message(each, files) for each in value["messages"])
        start, left_at = int(value.get("start", 0)), value.get("left_at")
        entry = Entry(
            id=str(value["id"]),
            title=str(value.get("title", "")),
            created_s=seconds(value.get("created_s")),
            updated_s=seconds(value.get("updated_s")),
            messages=0,
            folder=str(value.get("folder", "")),
            pinned=bool(value.get("pinned", False)),
            parent=None if value.get("parent") is None else str(value["parent"]),
            left_at=None if left_at is None else max(0, int(left_at)),
        )
    except AiRunnerError as error:
        raise UnusableRecordError("export", f"it cannot be read: {error}") from error
    except _UNREADABLE as error:
        problem = "a part of it is missing, or is not what it has to be"
        raise UnusableRecordError("export", problem) from error
    start = min(max(0, start), len(messages))
    preface, ended = str(value.get("preface", "")), unfinished(outcomes)
    return Imported(entry, messages, start, preface, kept_files, ended)


def _message(value: Mapping[str, Any], files: Mapping[str, bytes]) -> Message:
    message = from_value(value, files)
    texts = (message.reasoning, message.tool_call_id or "", message.name or "")
    if not all(isinstance(each, str) for each in texts):
        raise UnusableRecordError("message", "what has to be text in it is none")
    for part in message.media:
        media_part(part.data, "a picture of it")
    return message


def _fenced(text: str, language: str = "") -> str:
    longest = max((len(run) for run in _FENCES.findall(text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"
