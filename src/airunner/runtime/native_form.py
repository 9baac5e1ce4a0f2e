"""What passes between a server of ours and the programs that use it, as JSON and back.

Owns the form of conversations, of what a user says, and of the catalogue's fingerprint.
Messages are written as in the records; their pictures come beside them, each once.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeVar

from pydantic import TypeAdapter

from airunner.agent.conversation import Conversation
from airunner.agent.tool_call import Outcome
from airunner.media import media_part
from airunner.messages import Content, MediaPart, Message, content_of, parts_of
from airunner.models.catalog import Catalog
from airunner.records.saved_message import from_value, to_value
from airunner.runtime.plain_values import plain

T = TypeVar("T")
API = "/api/v1"


def read(kind: type[T], value: Any) -> T:
    """The dataclass that ``plain`` wrote.

    Raises:
        ValidationError: it is none (pydantic's, a ``ValueError``).
    """
    found: T = TypeAdapter(kind).validate_python(value)
    return found


def messages_as_json(messages: Sequence[Message], known: Iterable[str] = ()) -> dict[str, Any]:
    """Messages, with those of their files whose SHA-256 is not ``known`` to the reader."""
    files = {part.sha256: part.data for message in messages for part in message.media}
    return {
        "messages": [to_value(message) for message in messages],
        "files": {
            name: base64.b64encode(data).decode()
            for name, data in files.items()
            if name not in set(known)
        },
    }


def messages_from_json(
    value: Mapping[str, Any], known: Mapping[str, bytes] | None = None
) -> list[Message]:
    """What ``messages_as_json`` wrote; ``known`` are files that the reader has.

    Raises:
        ValueError, TypeError, KeyError: it is none, or a file is missing.
    """
    files = {n: base64.b64decode(data) for n, data in value.get("files", {}).items()}
    return [from_value(m, {**(known or {}), **files}) for m in value["messages"]]


def conversation_as_json(conversation: Conversation) -> dict[str, Any]:
    """A whole conversation."""
    return {
        "id": conversation.id,
        "start": conversation.start,
        "preface": conversation.preface,
        **messages_as_json(conversation.messages),
    }


def conversation_from_json(value: Mapping[str, Any]) -> Conversation:
    """What ``conversation_as_json`` wrote, or a part of it: all that is missing is empty.

    Raises:
        ValueError, TypeError, KeyError: it is none.
    """
    begun = Conversation(
        messages=messages_from_json({"messages": [], **value}),
        start=int(value.get("start", 0)),
        preface=str(value.get("preface", "")),
    )
    if value.get("id"):
        begun.id = str(value["id"])
    return begun


@dataclass(frozen=True, slots=True)
class Growth:
    """How a turn changed a conversation: ``kept`` messages are as they were."""

    kept: int
    start: int
    messages: list[Message]

    @classmethod
    def of(cls, before: Sequence[Message], now: Conversation) -> Growth:
        """What became of ``before`` in the conversation as it is ``now``."""
        pairs = zip(before, now.messages, strict=False)
        kept = next((i for i, (old, new) in enumerate(pairs) if old is not new), len(before))
        kept = min(kept, len(now.messages))
        return cls(kept, now.start, now.messages[kept:])

    def as_json(self, before: Sequence[Message]) -> dict[str, Any]:
        """For a reader that has ``before``, and so its files."""
        known = {part.sha256 for message in before for part in message.media}
        return {"kept": self.kept, "start": self.start, **messages_as_json(self.messages, known)}

    @staticmethod
    def apply(value: Mapping[str, Any], conversation: Conversation) -> None:
        """Change a conversation as ``as_json`` says."""
        known = {p.sha256: p.data for m in conversation.messages for p in m.media}
        conversation.messages[value["kept"] :] = messages_from_json(value, known)
        conversation.start = value["start"]


def content_as_json(content: Content) -> dict[str, Any]:
    """What somebody says, with its pictures."""
    return messages_as_json([Message("user", content)])


def content_from_json(value: Any) -> Content:
    """What ``content_as_json`` wrote; or a plain text.

    Raises:
        MediaError: a picture is none.
        ValueError, TypeError, KeyError: it is none of these.
    """
    if isinstance(value, str):
        return value
    (message,) = messages_from_json(value)
    # Its sender says what a picture is; the first bytes decide.
    return content_of(
        [
            media_part(part.data, "the picture") if isinstance(part, MediaPart) else part
            for part in parts_of(message.content)
        ]
    )


def outcome_as_json(outcome: Outcome) -> dict[str, Any]:
    """How a tool's call ended."""
    return {
        "message": to_value(outcome.message),
        "again": outcome.again,
        "problem": outcome.problem,
    }


def outcome_from_json(value: Mapping[str, Any]) -> Outcome:
    """What ``outcome_as_json`` wrote."""
    return Outcome(from_value(value["message"]), value["again"], value["problem"])


def fingerprint(catalog: Catalog) -> str:
    """What two processes have in common if they know the same models for the same work."""
    known = {
        "registry": {name: plain(spec) for name, spec in catalog.registry.items()},
        "mapping": {str(key): value for key, value in catalog.mapping.items()},
    }
    return sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()
