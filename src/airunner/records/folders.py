"""Saved conversations in order: folders, those that are pinned, and lists of them by the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from airunner.errors import UnusableRecordError
from airunner.records.conversation_rows import MOST_FOLDER, SHOWN, Entry, entry_of
from airunner.records.database import Database
from airunner.records.one_line import one_line

_BEFORE = (
    "(updated_s, rowid) < (?, coalesce((SELECT o.rowid FROM conversation o WHERE o.id = ?), 0))"
)


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder, and how many conversations lie in it."""

    name: str
    conversations: int


@dataclass(frozen=True, slots=True)
class Page:
    """Some conversations, the one that was talked in last first.

    ``next`` asks for those that follow, and is empty where there are none; ``total`` counts
    those of all pages.
    """

    entries: tuple[Entry, ...]
    next: str
    total: int


class Folders:
    """The folders of a database's conversations. Each lies in one, or in none."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(
        self,
        limit: int = 50,
        after: str = "",
        *,
        folder: str | None = None,
        pinned: bool | None = None,
    ) -> Page:
        """A page of the conversations: of all, of a folder, of those that are pinned or are not.

        ``after`` is the ``next`` of the page before. One that was talked in meanwhile has
        gone to the front, and appears on no later page.

        Raises:
            UnusableRecordError: ``after`` comes from no page.
        """
        conditions, values = ["1"], list[object]()
        if folder is not None:
            conditions.append("folder = ?")
            values.append(folder)
        if pinned is not None:
            conditions.append("pinned = ?")
            values.append(pinned)
        with self._database.read() as connection:
            count = f"SELECT count(*) FROM conversation WHERE {' AND '.join(conditions)}"
            (total,) = connection.execute(count, values).fetchone()
            if after:
                conditions.append(_BEFORE)
                values += _place_of(after)
            rows = connection.execute(
                f"{SHOWN} WHERE {' AND '.join(conditions)}"
                " ORDER BY updated_s DESC, rowid DESC LIMIT ?",
                (*values, limit + 1),
            ).fetchall()
        entries = tuple(entry_of(row) for row in rows[:limit])
        more = len(rows) > limit and entries
        return Page(entries, f"{entries[-1].updated_s!r}/{entries[-1].id}" if more else "", total)

    def file_under(self, id: str, *, folder: str | None = None, pinned: bool | None = None) -> None:
        """Put a conversation into a folder, pin it or not; ``None`` leaves that as it is."""
        name = None if folder is None else one_line(folder, MOST_FOLDER)
        with self._database.write() as connection:
            connection.execute(
                "UPDATE conversation SET folder = coalesce(?, folder),"
                " pinned = coalesce(?, pinned) WHERE id = ?",
                (name, pinned, id),
            )

    def all(self) -> Sequence[Folder]:
        """The folders that have conversations, by name; the empty name is no folder."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT folder, count(*) FROM conversation WHERE folder <> ''"
                " GROUP BY folder ORDER BY folder COLLATE NOCASE"
            ).fetchall()
        return [Folder(*row) for row in rows]

    def rename(self, name: str, new: str) -> Sequence[str]:
        """Move a folder's conversations into ``new``, empty for none; returns their ids."""
        with self._database.write() as connection:
            rows = connection.execute(
                "UPDATE conversation SET folder = ? WHERE folder = ? RETURNING id",
                (one_line(new, MOST_FOLDER), name),
            ).fetchall()
        return [id for (id,) in rows]


def _place_of(after: str) -> tuple[float, str]:
    updated_s, _, id = after.partition("/")
    try:
        return float(updated_s), id
    except ValueError:
        raise UnusableRecordError("page", f"{after!r} is no page's `next`") from None
