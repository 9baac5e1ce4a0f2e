"""The rows of a conversation's messages and of their pictures, as a transaction writes them.

Owns which rows are touched. When they are written, and under which revision, is
``records.conversations``'s.
"""

from __future__ import annotations

from collections.abc import Sequence

from airunner.messages import Message
from airunner.records.attached_text import title_from_message
from airunner.records.database import Connection
from airunner.records.one_line import storable

UNTITLED = "Untitled"
_PICTURE = "A picture"
_SEARCHED = ("user", "assistant")


def write_messages(
    connection: Connection, id: str, messages: Sequence[Message], values: Sequence[str]
) -> None:
    """Make the rows those of ``messages``; what is the same already is not touched."""
    kept = connection.execute(
        "SELECT value FROM message WHERE conversation = ? ORDER BY place", (id,)
    ).fetchall()
    pairs = zip(kept, values, strict=False)
    same = next((i for i, ((old,), new) in enumerate(pairs) if old != new), None)
    if same is None:
        same = min(len(kept), len(values))
    connection.execute("DELETE FROM message WHERE conversation = ? AND place >= ?", (id, same))
    connection.executemany(
        "INSERT INTO message (conversation, place, spoken, value, said) VALUES (?, ?, ?, ?, ?)",
        [
            (id, place, _is_spoken(messages[place]), values[place], _said(messages[place]))
            for place in range(same, len(values))
        ],
    )
    for place in range(same, len(values)):
        for part in messages[place].media:
            connection.execute(
                "INSERT OR IGNORE INTO media (sha256, data) VALUES (?, ?)", (part.sha256, part.data)
            )
            connection.execute(
                "INSERT OR IGNORE INTO message_media (conversation, place, sha256)"
                " VALUES (?, ?, ?)",
                (id, place, part.sha256),
            )
    if same < len(kept):
        forget_unused_media(connection)


def forget_unused_media(connection: Connection) -> None:
    """Delete the pictures that no message holds any more."""
    connection.execute(
        "DELETE FROM media WHERE NOT EXISTS"
        " (SELECT 1 FROM message_media WHERE message_media.sha256 = media.sha256)"
    )


def _is_spoken(message: Message) -> bool:
    return message.role in _SEARCHED and bool(message.content)


def _said(message: Message) -> str:
    return storable(message.text) if message.role in _SEARCHED else ""


def title_of(messages: Sequence[Message]) -> str:
    """A title made from the first thing that the user said."""
    first = next((message for message in messages if message.role == "user"), Message("user"))
    return title_from_message(first.text) or (_PICTURE if first.media else UNTITLED)
