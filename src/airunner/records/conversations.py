"""Saved conversations.

Owns how a conversation is written a turn at a time and read back exactly, and how
one is found again. What a conversation means to a model, and how much of it fits,
is the agent's.

A picture or recording is kept once, under its SHA-256, for as long as a message of any
conversation holds it; see ``migrations`` for why it is in the database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from airunner.errors import StorageError
from airunner.messages import Message
from airunner.records.conversation_details import ignore
from airunner.records.conversation_rows import (
    MOST_FOLDER,
    SHOWN,
    Entry,
    entry_of,
    hand_on_branches,
    insert,
)
from airunner.records.database import Connection, Database
from airunner.records.kept_files import KeptFiles
from airunner.records.message_rows import (
    UNTITLED,
    forget_unused_media,
    title_of,
    write_messages,
)
from airunner.records.one_line import one_line, storable
from airunner.records.saved_message import from_json, to_json
from airunner.records.search import Index

MOST_TITLE = 120
"""Characters of a title that is given."""

_FOUND_ROWS = 200
Outcome = Literal["saved", "deleted", "changed elsewhere"]


@dataclass(frozen=True, slots=True)
class Saved:
    """A conversation as it was saved; ``start``, ``preface`` and ``messages`` are the agent's own.

    ``revision`` counts the times its messages were written.
    """

    id: str
    title: str
    created_s: float
    updated_s: float
    start: int
    revision: int
    preface: str
    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """A conversation that a search found, and the message that fits best.

    ``place`` is that message's; ``None`` where only the title fits.
    """

    entry: Entry
    excerpt: str
    place: int | None = None


class Conversations:
    """The conversations of a database. ``on_delete`` hears the id of each that is deleted,
    ``on_change`` of each that is retitled, or saved with an answer: a question has a turn.

    ``kept_files`` has what was attached to them.
    """

    def __init__(
        self,
        database: Database,
        clock: Callable[[], float],
        kept_files: KeptFiles,
        on_delete: Callable[[str], None] = ignore,
        on_change: Callable[[str], None] = ignore,
    ) -> None:
        self._database, self._clock = database, clock
        self.kept_files = kept_files
        self._on_delete, self._on_change = on_delete, on_change
        self._index = Index("message", ("said",))

    def save(
        self,
        id: str,
        messages: Sequence[Message],
        *,
        start: int = 0,
        revision: int = 0,
        title: str = "",
        preface: str = "",
    ) -> Outcome:
        """Write what is new or different since the last time.

        Args:
            id: the conversation.
            messages: all of it.
            start: see ``airunner.agent.conversation.Conversation``.
            revision: of what the caller has read or saved last; 0 if it never did.
            title: for the first time; made from the first user message if empty.
            preface: for the first time; it never changes.

        Returns:
            ``"saved"``, after which the revision is one more; or why nothing was
            written: it was deleted, or somebody else has gone on with it.
        """
        values = [to_json(message) for message in messages]
        with self._database.write() as connection:
            row = connection.execute(
                "SELECT revision FROM conversation WHERE id = ?", (id,)
            ).fetchone()
            if row is None and revision:
                return "deleted"
            if row is not None and row[0] != revision:
                return "changed elsewhere"
            now_s = self._clock()
            if row is None:
                shown = one_line(title, MOST_TITLE) or title_of(messages)
                insert(connection, Entry(id, shown, now_s, now_s, 0), start, preface)
            connection.execute(
                "UPDATE conversation SET updated_s = ?, start = ?, revision = revision + 1"
                " WHERE id = ?",
                (now_s, start, id),
            )
            write_messages(connection, id, messages, values)
        if messages and messages[-1].role != "user":
            self._on_change(id)
        return "saved"

    def add(
        self, entry: Entry, messages: Sequence[Message], *, start: int = 0, preface: str = ""
    ) -> bool:
        """Save a conversation from elsewhere as it is; false if there is one with its id.

        A parent that is not here is left out.
        """
        values = [to_json(message) for message in messages]
        title = one_line(entry.title, MOST_TITLE) or title_of(messages)
        folder = one_line(entry.folder, MOST_FOLDER)
        with self._database.write() as connection:
            known = {
                id
                for (id,) in connection.execute(
                    "SELECT id FROM conversation WHERE id IN (?, ?)", (entry.id, entry.parent)
                )
            }
            if entry.id in known:
                return False
            parent, left_at = entry.parent, entry.left_at
            if parent not in known:
                parent = left_at = None
            told = replace(entry, title=title, folder=folder, parent=parent, left_at=left_at)
            insert(connection, told, start, preface, revision=1)
            write_messages(connection, entry.id, messages, values)
        return True

    def load(self, id: str) -> Saved | None:
        """A whole conversation, or ``None`` if there is none with this id.

        Raises:
            StorageError: the file, or a message in it, cannot be read.
        """
        with self._database.read() as connection:
            row = connection.execute(
                "SELECT id, title, created_s, updated_s, start, revision, preface"
                " FROM conversation WHERE id = ?",
                (id,),
            ).fetchone()
            values = connection.execute(
                "SELECT value FROM message WHERE conversation = ? ORDER BY place", (id,)
            ).fetchall()
            files = dict(
                connection.execute(
                    "SELECT sha256, data FROM media WHERE sha256 IN"
                    " (SELECT sha256 FROM message_media WHERE conversation = ?)",
                    (id,),
                ).fetchall()
            )
        if row is None:
            return None
        try:
            messages = tuple(from_json(value, files) for (value,) in values)
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            problem = f"a message of conversation {id} cannot be read: {error}"
            advice = "Delete that conversation, or go on with another."
            raise StorageError(self._database.path, problem, advice=advice) from error
        return Saved(*(*row, messages))

    def entry(self, id: str) -> Entry | None:
        """What a list says of a conversation."""
        with self._database.read() as connection:
            row = connection.execute(f"{SHOWN} WHERE id = ?", (id,)).fetchone()
        return None if row is None else entry_of(row)

    def may_have(self, id: str) -> bool:
        """Whether a conversation is saved, as far as can be known; makes no file."""
        if not self._database.path.exists():
            return False
        try:
            return self.entry(id) is not None
        except StorageError:
            return True

    def list(self, limit: int = -1) -> Sequence[Entry]:
        """The conversations, the one that was talked in last first."""
        with self._database.read() as connection:
            rows = connection.execute(
                f"{SHOWN} ORDER BY updated_s DESC, rowid DESC LIMIT ?", (limit,)
            ).fetchall()
        return [entry_of(row) for row in rows]

    def count(self) -> int:
        """How many there are."""
        with self._database.read() as connection:
            return int(connection.execute("SELECT count(*) FROM conversation").fetchone()[0])

    def with_prefix(self, prefix: str) -> Sequence[Entry]:
        """The conversations whose id begins so; the one whose id it is alone, if there is."""
        wanted = storable(prefix.strip().lower())
        with self._database.read() as connection:
            rows = connection.execute(
                f"{SHOWN} WHERE ?1 <> '' AND substr(id, 1, length(?1)) = ?1 ORDER BY id",
                (wanted,),
            ).fetchall()
        found = [entry_of(row) for row in rows]
        return [entry for entry in found if entry.id == wanted] or found

    def search(self, query: str, limit: int = 10, *, besides: str = "") -> Sequence[Found]:
        """Conversations in which such words were said, best first; then those of such a title.

        ``besides`` is the id of one that is left out.
        """
        found: dict[str, tuple[str, int | None]] = {}
        with self._database.read() as connection:
            for number, excerpt in self._index.find(connection, query, _FOUND_ROWS):
                id, place = connection.execute(
                    "SELECT conversation, place FROM message WHERE number = ?", (number,)
                ).fetchone()
                found.setdefault(id, (excerpt, place))
            for id, title in self._index.named(connection, "conversation", query, _FOUND_ROWS):
                found.setdefault(id, (title, None))
            found.pop(besides, None)
            rows = [
                connection.execute(f"{SHOWN} WHERE id = ?", (id,)).fetchone()
                for id in [*found][:limit]
            ]
        return [Found(entry_of(row), *found[row[0]]) for row in rows]

    def retitle(self, id: str, title: str) -> bool:
        """Give a conversation another title; false if there is none with this id."""
        with self._database.write() as connection:
            changed = connection.execute(
                "UPDATE conversation SET title = ? WHERE id = ?",
                (one_line(title, MOST_TITLE) or UNTITLED, id),
            )
        if changed.rowcount:
            self._on_change(id)
        return changed.rowcount == 1

    def delete(self, id: str) -> bool:
        """Delete a conversation for good; false if there is none with this id."""
        return bool(self.delete_all([id]))

    def delete_all(self, ids: Iterable[str]) -> Sequence[str]:
        """Delete conversations for good, together; returns the ids of those that there were.

        Their branches stay, and stay related to what is left.
        """
        with self._database.write() as connection:
            gone = [id for id in dict.fromkeys(ids) if _delete(connection, id)]
            forget_unused_media(connection)
            self._index.merge(connection)
        for id in gone:
            self.kept_files.forget(id)
            self._on_delete(id)
        self._database.compact()
        return gone


def _delete(connection: Connection, id: str) -> bool:
    hand_on_branches(connection, id)
    return connection.execute("DELETE FROM conversation WHERE id = ?", (id,)).rowcount == 1
