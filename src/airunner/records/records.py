"""Everything that is remembered, in one file, and what was attached, in a folder beside it.

Owns the opening and closing; each kind of record is a part of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from airunner.records.branches import Branches
from airunner.records.conversation_details import ConversationDetails, ignore
from airunner.records.conversations import Conversations
from airunner.records.database import BUSY_S, Database
from airunner.records.facts import Facts
from airunner.records.folders import Folders
from airunner.records.kept_files import KeptFiles
from airunner.records.migrations import migrate
from airunner.records.notes import Notes
from airunner.records.reminders import Reminders


class Records:
    """Conversations, notes, facts and reminders. Every part may be used from any thread.

    Nothing is opened, or made, before something is read or written; every method of
    every part may raise ``StorageError``, and has then changed nothing. Several
    processes may use one file at once.

    Args:
        path: the SQLite file; attached files are in the folder ``attached`` beside it.
        clock: the present, in Unix time.
        busy_s: how long to wait for another process that is writing.
        on_delete: hears the id of each conversation that is deleted, on the thread that
            does it.
        on_change: hears in the same way of each that is saved or retitled.
    """

    def __init__(
        self,
        path: Path,
        *,
        clock: Callable[[], float] = time.time,
        busy_s: float = BUSY_S,
        on_delete: Callable[[str], None] = ignore,
        on_change: Callable[[str], None] = ignore,
    ) -> None:
        self.clock = clock
        self._database = Database(path, migrate, busy_s)
        self.kept_files = KeptFiles(path.with_name("attached"))
        self.conversations = Conversations(
            self._database, clock, self.kept_files, on_delete, on_change
        )
        self.branches = Branches(self._database, clock, self.kept_files)
        self.details = ConversationDetails(self._database, on_change)
        self.folders = Folders(self._database)
        self.notes = Notes(self._database, clock)
        self.facts = Facts(self._database, clock)
        self.reminders = Reminders(self._database, clock)

    def close(self) -> None:
        """Close the file. Safe to call twice."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
