"""The tables, as numbered steps from an empty file to the present one.

A step that was released is never changed: what has to be different is a new step
at the end. How many steps a file has seen is its ``user_version``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

from airunner.errors import StorageError

Step = Callable[[sqlite3.Connection], None]

# Without endings of English words, so that "bee" finds "bees", and without accents.
_TOKENIZER = "tokenize = 'porter unicode61 remove_diacritics 2'"


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring a file up to date, all steps or none; two processes may try at once.

    Raises:
        StorageError: the file is newer than this program, or SQLite lacks FTS5.
        sqlite3.Error: a step failed.
    """
    modules = {name for (name,) in connection.execute("PRAGMA module_list")}
    if "fts5" not in modules:
        raise StorageError(
            path,
            "this Python's SQLite was built without full-text search (FTS5)",
            advice="Use another build of Python.",
        )
    if _version(connection, path) == len(STEPS):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for number in range(_version(connection, path), len(STEPS)):
            STEPS[number](connection)
        connection.execute(f"PRAGMA user_version = {len(STEPS)}")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _version(connection: sqlite3.Connection, path: Path) -> int:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > len(STEPS):
        raise StorageError(
            path,
            f"a newer AI Runner wrote it (format {version}; this one knows up to {len(STEPS)})",
            advice="Use the newer one, or move the file away to begin with a new one.",
        )
    return version


def _1_conversations(connection: sqlite3.Connection) -> None:
    connection.execute(
        "CREATE TABLE conversation ("
        " id TEXT PRIMARY KEY,"
        " title TEXT NOT NULL,"
        " created_s REAL NOT NULL,"
        " updated_s REAL NOT NULL,"
        " start INTEGER NOT NULL,"
        " revision INTEGER NOT NULL)"
    )
    # ``value`` is the whole message as JSON; ``said`` what a search looks at, and ``spoken``
    # whether there is any: counting then reads none of the long columns behind it.
    connection.execute(
        "CREATE TABLE message ("
        " number INTEGER PRIMARY KEY,"
        " conversation TEXT NOT NULL REFERENCES conversation (id) ON DELETE CASCADE,"
        " place INTEGER NOT NULL,"
        " spoken INTEGER NOT NULL,"
        " value TEXT NOT NULL,"
        " said TEXT NOT NULL,"
        " UNIQUE (conversation, place))"
    )
    _searchable(connection, "message", "said")


def _2_notes(connection: sqlite3.Connection) -> None:
    connection.execute(
        "CREATE TABLE note ("
        " number INTEGER PRIMARY KEY,"
        " key TEXT NOT NULL UNIQUE,"
        " title TEXT NOT NULL,"
        " text TEXT NOT NULL,"
        " created_s REAL NOT NULL,"
        " changed_s REAL NOT NULL)"
    )
    _searchable(connection, "note", "title", "text")


def _3_facts(connection: sqlite3.Connection) -> None:
    connection.execute(
        "CREATE TABLE fact ("
        " number INTEGER PRIMARY KEY,"
        " key TEXT NOT NULL UNIQUE,"
        " text TEXT NOT NULL,"
        " told_s REAL NOT NULL)"
    )
    _searchable(connection, "fact", "text")


def _4_reminders(connection: sqlite3.Connection) -> None:
    # AUTOINCREMENT: a number that was told to the user never comes to mean another reminder.
    connection.execute(
        "CREATE TABLE reminder ("
        " number INTEGER PRIMARY KEY AUTOINCREMENT,"
        " text TEXT NOT NULL,"
        " due_s REAL NOT NULL,"
        " created_s REAL NOT NULL,"
        " delivered_s REAL)"
    )
    connection.execute("CREATE INDEX reminder_due ON reminder (due_s) WHERE delivered_s IS NULL")


def _5_prefaces(connection: sqlite3.Connection) -> None:
    # Conversations of before have what was known of the user in their system message.
    connection.execute("ALTER TABLE conversation ADD COLUMN preface TEXT NOT NULL DEFAULT ''")


def _6_media(connection: sqlite3.Connection) -> None:
    # Pictures and recordings, each once however many messages hold it. They are in this file
    # and not in a folder beside it so that they come and go in the same transaction as the
    # messages, whatever process dies when, and are as private as these; and in a table of
    # their own so that listing and searching read none of them.
    connection.execute("CREATE TABLE media (sha256 TEXT PRIMARY KEY, data BLOB NOT NULL)")
    connection.execute(
        "CREATE TABLE message_media ("
        " conversation TEXT NOT NULL,"
        " place INTEGER NOT NULL,"
        " sha256 TEXT NOT NULL REFERENCES media (sha256),"
        " PRIMARY KEY (conversation, place, sha256),"
        " FOREIGN KEY (conversation, place) REFERENCES message (conversation, place)"
        " ON DELETE CASCADE)"
    )
    connection.execute("CREATE INDEX message_media_file ON message_media (sha256)")


def _7_branches_and_folders(connection: sqlite3.Connection) -> None:
    # ``parent`` is what a branch left, and ``left_at`` the place of the first message that is
    # another one. Whoever deletes the parent hands its branches on; see ``hand_on_branches``.
    for column in (
        "folder TEXT NOT NULL DEFAULT ''",
        "pinned INTEGER NOT NULL DEFAULT 0",
        "parent TEXT REFERENCES conversation (id) ON DELETE SET NULL",
        "left_at INTEGER",
    ):
        connection.execute(f"ALTER TABLE conversation ADD COLUMN {column}")
    connection.execute("CREATE INDEX conversation_parent ON conversation (parent)")
    connection.execute("CREATE INDEX conversation_updated ON conversation (updated_s)")


def _8_conversation_details(connection: sqlite3.Connection) -> None:
    connection.execute(
        "CREATE TABLE conversation_detail ("
        " conversation TEXT NOT NULL REFERENCES conversation (id) ON DELETE CASCADE,"
        " place INTEGER NOT NULL,"
        " value TEXT NOT NULL,"
        " PRIMARY KEY (conversation, place))"
    )


def _searchable(connection: sqlite3.Connection, table: str, *columns: str) -> None:
    """A full-text index ``<table>_search`` that follows the table by triggers.

    Source: "External Content Tables", https://www.sqlite.org/fts5.html
    """
    names = ", ".join(columns)
    index = f"{table}_search"
    connection.execute(
        f"CREATE VIRTUAL TABLE {index} USING fts5"
        f" ({names}, content = '{table}', content_rowid = 'number', {_TOKENIZER})"
    )
    new = ", ".join(f"new.{name}" for name in columns)
    old = ", ".join(f"old.{name}" for name in columns)
    put = f"INSERT INTO {index} (rowid, {names}) VALUES (new.number, {new});"
    take = f"INSERT INTO {index} ({index}, rowid, {names}) VALUES ('delete', old.number, {old});"
    for event, body in (("INSERT", put), ("DELETE", take), ("UPDATE", f"{take} {put}")):
        connection.execute(
            f"CREATE TRIGGER {index}_{event.lower()} AFTER {event} ON {table} BEGIN {body} END"
        )


STEPS: tuple[Step, ...] = (
    _1_conversations,
    _2_notes,
    _3_facts,
    _4_reminders,
    _5_prefaces,
    _6_media,
    _7_branches_and_folders,
    _8_conversation_details,
)
"""Every step, in order; the first makes version 1."""
