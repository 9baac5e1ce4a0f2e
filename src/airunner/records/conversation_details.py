"""What is remembered of a conversation beside its messages, as JSON under a place.

Owns the rows alone: what they mean is told by whoever writes them. The place is that of the
question which a turn answered, or ``OPTIONS`` for what holds for the whole conversation.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from airunner.records.database import Database

OPTIONS = -1


def ignore(id: str) -> None:
    """For those who need not know which conversation has changed."""


class ConversationDetails:
    """The details of a database's conversations; they go when the conversation goes.

    ``on_change`` hears the id of each of which something is remembered.
    """

    def __init__(self, database: Database, on_change: Callable[[str], None] = ignore) -> None:
        self._database, self._on_change = database, on_change

    def save(self, id: str, place: int, value: Mapping[str, Any]) -> None:
        """Remember ``value`` in place of what was there; nothing if the conversation is gone."""
        with self._database.write() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO conversation_detail (conversation, place, value)"
                " SELECT id, ?, ? FROM conversation WHERE id = ?",
                (place, json.dumps(value), id),
            )
        self._on_change(id)

    def forget(self, id: str, place: int) -> None:
        """Remember nothing there any more."""
        with self._database.write() as connection:
            connection.execute(
                "DELETE FROM conversation_detail WHERE conversation = ? AND place = ?", (id, place)
            )

    def load(self, id: str) -> Mapping[int, Mapping[str, Any]]:
        """All that is remembered, by its place."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT place, value FROM conversation_detail WHERE conversation = ?", (id,)
            ).fetchall()
        return {place: json.loads(value) for place, value in rows}
