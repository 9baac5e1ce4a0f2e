"""The row of a conversation: what a list says of it, and how it is made and goes.

Owns the columns but the messages', which ``message_rows`` writes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from airunner.records.database import Connection
from airunner.records.one_line import storable

MOST_FOLDER = 60
"""Characters of a folder's name."""

SHOWN = (
    "SELECT id, title, created_s, updated_s,"
    " (SELECT count(*) FROM message WHERE conversation = id AND spoken),"
    " folder, pinned, parent, left_at"
    " FROM conversation"
)
"""Selects what ``entry_of`` reads."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A conversation in a list. ``messages`` counts what the user and the model said.

    Attributes:
        folder: the name of the one it lies in; empty for none.
        parent: the conversation that this one is a branch of, ``None`` for none.
        left_at: the place in the parent's messages from which this one has others.
    """

    id: str
    title: str
    created_s: float
    updated_s: float
    messages: int
    folder: str = ""
    pinned: bool = False
    parent: str | None = None
    left_at: int | None = None


def insert(
    connection: Connection, entry: Entry, start: int, preface: str, revision: int = 0
) -> None:
    """Make the row of a conversation, which is not there; its messages are written after."""
    connection.execute(
        "INSERT INTO conversation (id, title, created_s, updated_s, folder, pinned, parent,"
        " left_at, start, preface, revision) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(entry.id, entry.title, entry.created_s, entry.updated_s, entry.folder),
            *(entry.pinned, entry.parent, entry.left_at, start, storable(preface), revision),
        ),
    )


def entry_of(row: tuple[Any, ...]) -> Entry:
    """The entry of a row that ``SHOWN`` selected."""
    entry = Entry(*row)
    return replace(entry, pinned=bool(entry.pinned))


def hand_on_branches(connection: Connection, id: str) -> None:
    """Make the branches of ``id``, which is about to go, branches of the one that left it last.

    That one takes its place in the family. Two conversations share what precedes the first
    place where the way from one to the other leaves or joins: so how much any two share
    stays as it is.
    """
    heir = connection.execute(
        "SELECT id FROM conversation WHERE parent = ? ORDER BY left_at DESC, created_s, rowid",
        (id,),
    ).fetchone()
    if heir is None:
        return
    connection.execute(
        "UPDATE conversation SET parent = ? WHERE parent = ? AND id <> ?", (*heir, id, *heir)
    )
    connection.execute(
        "UPDATE conversation SET parent = gone.parent, left_at ="
        # Nothing where what goes was no branch: the minimum with a null is one.
        " min(conversation.left_at, gone.left_at)"
        " FROM conversation AS gone WHERE gone.id = ? AND conversation.id = ?",
        (id, *heir),
    )
