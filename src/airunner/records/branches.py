"""Branches: conversations that begin as another one does, and go on in another way.

Owns how a branch is made and how the conversations of one family relate. A branch is a
conversation like any other: it has its own copy of what it begins with and of what was
attached, and the one that it left stays as it is. It knows its parent and the place where
it left it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence

from airunner.records.conversation_rows import SHOWN, Entry, entry_of, insert
from airunner.records.conversations import MOST_TITLE
from airunner.records.database import Database
from airunner.records.kept_files import KeptFiles
from airunner.records.one_line import one_line

_ALL = 1 << 62

_FAMILY = f"""
WITH RECURSIVE
 up (id, parent) AS (
  SELECT id, parent FROM conversation WHERE id = ?
  UNION SELECT c.id, c.parent FROM conversation c JOIN up ON c.id = up.parent),
 down (id) AS (
  SELECT id FROM up WHERE parent IS NULL
  UNION SELECT c.id FROM conversation c JOIN down ON c.parent = down.id)
{SHOWN} WHERE id IN (SELECT down.id FROM down) ORDER BY created_s, rowid
"""


class Branches:
    """The branches of a database's conversations."""

    def __init__(
        self, database: Database, clock: Callable[[], float], kept_files: KeptFiles
    ) -> None:
        self._database, self._clock, self._kept_files = database, clock, kept_files

    def add(self, id: str, kept: int, left_at: int, title: str = "") -> Entry | None:
        """A new conversation with the first ``kept`` messages of ``id``; ``None`` without that.

        Args:
            id: the conversation that it leaves.
            kept: how many of its messages, the system message among them, the branch has.
            left_at: the place from which the two differ, once the branch has gone on.
            title: default: that of the conversation that it leaves.
        """
        new, now_s = uuid.uuid4().hex, self._clock()
        self._kept_files.copy(id, new)
        with self._database.write() as connection:
            row = connection.execute(
                "SELECT title, folder, start, preface FROM conversation WHERE id = ?", (id,)
            ).fetchone()
            if row is None:
                return None
            known_as, folder, start, preface = row
            shown = one_line(title, MOST_TITLE) or known_as
            entry = Entry(new, shown, now_s, now_s, 0, folder, False, id, left_at)
            # What was left out of the prompt is sent again where nothing else would be left.
            insert(connection, entry, start if start < kept else 0, preface, revision=1)
            connection.execute(
                "INSERT INTO message (conversation, place, spoken, value, said)"
                " SELECT ?, place, spoken, value, said FROM message"
                " WHERE conversation = ? AND place < ? ORDER BY place",
                (new, id, kept),
            )
            connection.execute(
                "INSERT INTO message_media (conversation, place, sha256)"
                " SELECT ?, place, sha256 FROM message_media"
                " WHERE conversation = ? AND place < ?",
                (new, id, kept),
            )
            connection.execute(
                "INSERT INTO conversation_detail (conversation, place, value)"
                " SELECT ?, place, value FROM conversation_detail"
                " WHERE conversation = ? AND place < ?",
                (new, id, kept),
            )
            return entry_of(connection.execute(f"{SHOWN} WHERE id = ?", (new,)).fetchone())

    def family(self, id: str) -> Sequence[Entry]:
        """A conversation, what it is a branch of, and all branches of these, the oldest first.

        Empty if there is none with this id.
        """
        with self._database.read() as connection:
            rows = connection.execute(_FAMILY, (id,)).fetchall()
        return [entry_of(row) for row in rows]


def versions(family: Sequence[Entry], id: str) -> Mapping[int, Sequence[str]]:
    """The places of a conversation at which others of its family go on in another way.

    At each, one conversation for every way that there is, in the order in which these ways
    came to be: ``id`` itself for its own, for another the one that was talked in last.
    """
    shared = Shared({entry.id: entry for entry in family})
    places = sorted({shared(id, entry.id) for entry in family} - {_ALL})
    return {place: _ways(family, shared, id, place) for place in places}


def _ways(family: Sequence[Entry], shared: Shared, id: str, place: int) -> Sequence[str]:
    ways: list[list[Entry]] = []
    for entry in family:  # the oldest first, so the ways are in their order too
        if shared(id, entry.id) < place:
            continue
        same = (way for way in ways if shared(way[0].id, entry.id) > place)
        way = next(same, None)
        if way is None:
            ways.append([entry])
        else:
            way.append(entry)
    latest = [max(way, key=lambda each: (each.id == id, each.updated_s)) for way in ways]
    return [entry.id for entry in latest]


def families(entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    """Entries by the conversation that they all come from, in their order."""
    known = {entry.id: entry for entry in entries}
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        root, seen = entry, {entry.id}
        while root.parent in known and root.parent not in seen:
            root = known[root.parent]
            seen.add(root.id)
        found.setdefault(root.parent or root.id, []).append(entry)
    return found


class Shared:
    """How many messages two conversations of a family have in common."""

    def __init__(self, known: Mapping[str, Entry]) -> None:
        self._known = known

    def __call__(self, one: str, other: str) -> int:
        """The place from which they differ; beyond every place for one and itself."""
        line = self._line(one)
        return next(
            min(count, line[ancestor])
            for ancestor, count in self._line(other).items()
            if ancestor in line
        )

    def _line(self, id: str | None) -> dict[str, int]:
        """A conversation and its ancestors, with how many messages it shares with each."""
        line: dict[str, int] = {}
        count = _ALL
        while id is not None and id not in line:
            line[id] = count
            entry = self._known[id]
            count = min(count, _ALL if entry.left_at is None else entry.left_at)
            id = entry.parent
        return line
