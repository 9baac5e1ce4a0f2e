"""Saved conversations.

Owns how a conversation is written a turn at a time and read back exactly, and how
one is found again. What a conversation means to a model, and how much of it fits,
is the agent's.

A picture or recording is kept once, under its SHA-256, for as long as a message of any
conversation holds it; see ``migrations`` for why it is in the database.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from airunner.errors import StorageError
from airunner.messages import Message
from airunner.records.database import Connection, Database
from airunner.records.one_line import one_line, storable, title_from
from airunner.records.saved_message import from_json, to_json
from airunner.records.search import Index

MOST_TITLE = 120
"""Characters of a title that is given."""

_UNTITLED = "Untitled"
_PICTURE = "A picture"
_SEARCHED = ("user", "assistant")
_FOUND_ROWS = 200
_SHOWN = (
    "SELECT id, title, created_s, updated_s,"
    " (SELECT count(*) FROM message WHERE conversation = id AND spoken)"
    " FROM conversation"
)

Outcome = Literal["saved", "deleted", "changed elsewhere"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A conversation in a list. ``messages`` counts what the user and the model said."""

    id: str
    title: str
    created_s: float
    updated_s: float
    messages: int


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
    """A conversation that a search found, and the place where it fits best."""

    entry: Entry
    excerpt: str


class Conversations:
    """The conversations of a database. ``on_delete`` hears the id of each that is deleted."""

    def __init__(
        self,
        database: Database,
        clock: Callable[[], float],
        on_delete: Callable[[str], None] | None = None,
    ) -> None:
        self._database, self._clock = database, clock
        self._on_delete = on_delete
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
                shown = one_line(title, MOST_TITLE) or _title_of(messages)
                connection.execute(
                    "INSERT INTO conversation"
                    " (id, title, created_s, updated_s, start, revision, preface)"
                    " VALUES (?, ?, ?, ?, ?, 0, ?)",
                    (id, shown, now_s, now_s, start, storable(preface)),
                )
            connection.execute(
                "UPDATE conversation SET updated_s = ?, start = ?, revision = revision + 1"
                " WHERE id = ?",
                (now_s, start, id),
            )
            _write_messages(connection, id, messages, values)
        return "saved"

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
        except (ValueError, TypeError, KeyError) as error:
            problem = f"a message of conversation {id} cannot be read: {error}"
            advice = "Delete that conversation, or go on with another."
            raise StorageError(self._database.path, problem, advice=advice) from error
        return Saved(*(*row, messages))

    def entry(self, id: str) -> Entry | None:
        """What a list says of a conversation."""
        with self._database.read() as connection:
            row = connection.execute(f"{_SHOWN} WHERE id = ?", (id,)).fetchone()
        return None if row is None else Entry(*row)

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
                f"{_SHOWN} ORDER BY updated_s DESC, rowid DESC LIMIT ?", (limit,)
            ).fetchall()
        return [Entry(*row) for row in rows]

    def count(self) -> int:
        """How many there are."""
        with self._database.read() as connection:
            return int(connection.execute("SELECT count(*) FROM conversation").fetchone()[0])

    def with_prefix(self, prefix: str) -> Sequence[Entry]:
        """The conversations whose id begins so; the one whose id it is alone, if there is."""
        wanted = storable(prefix.strip().lower())
        with self._database.read() as connection:
            rows = connection.execute(
                f"{_SHOWN} WHERE ?1 <> '' AND substr(id, 1, length(?1)) = ?1 ORDER BY id",
                (wanted,),
            ).fetchall()
        found = [Entry(*row) for row in rows]
        return [entry for entry in found if entry.id == wanted] or found

    def search(self, query: str, limit: int = 10, *, besides: str = "") -> Sequence[Found]:
        """Conversations in which the user or the model said such words, best first.

        ``besides`` is the id of one that is left out.
        """
        excerpts: dict[str, str] = {}
        with self._database.read() as connection:
            for number, excerpt in self._index.find(connection, query, _FOUND_ROWS):
                (id,) = connection.execute(
                    "SELECT conversation FROM message WHERE number = ?", (number,)
                ).fetchone()
                if id != besides:
                    excerpts.setdefault(id, excerpt)
            rows = [
                connection.execute(f"{_SHOWN} WHERE id = ?", (id,)).fetchone()
                for id in [*excerpts][:limit]
            ]
        return [Found(Entry(*row), excerpts[row[0]]) for row in rows]

    def retitle(self, id: str, title: str) -> bool:
        """Give a conversation another title; false if there is none with this id."""
        with self._database.write() as connection:
            changed = connection.execute(
                "UPDATE conversation SET title = ? WHERE id = ?",
                (one_line(title, MOST_TITLE) or _UNTITLED, id),
            )
            return changed.rowcount == 1

    def delete(self, id: str) -> bool:
        """Delete a conversation for good; false if there is none with this id."""
        with self._database.write() as connection:
            gone = connection.execute("DELETE FROM conversation WHERE id = ?", (id,)).rowcount == 1
            _forget_unused_media(connection)
            self._index.merge(connection)
        if gone and self._on_delete is not None:
            self._on_delete(id)
        self._database.compact()
        return gone


def _write_messages(
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
        _forget_unused_media(connection)


def _forget_unused_media(connection: Connection) -> None:
    connection.execute(
        "DELETE FROM media WHERE NOT EXISTS"
        " (SELECT 1 FROM message_media WHERE message_media.sha256 = media.sha256)"
    )


def _is_spoken(message: Message) -> bool:
    return message.role in _SEARCHED and bool(message.content)


def _said(message: Message) -> str:
    return storable(message.text) if message.role in _SEARCHED else ""


def _title_of(messages: Sequence[Message]) -> str:
    first = next((message for message in messages if message.role == "user"), Message("user"))
    return title_from(first.text) or (_PICTURE if first.media else _UNTITLED)
