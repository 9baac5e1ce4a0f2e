"""What is remembered beside a conversation goes along with a branch, and goes with it."""

from __future__ import annotations

from pathlib import Path

from airunner.messages import Message
from airunner.records.conversation_details import OPTIONS
from airunner.records.records import Records

TALK = [
    Message("user", "one"),
    Message("assistant", "1"),
    Message("user", "two"),
    Message("assistant", "2"),
]


def test_a_branch_has_the_details_of_what_it_begins_with(tmp_path: Path) -> None:
    with Records(tmp_path / "records.sqlite3") as records:
        records.conversations.save("first", TALK)
        for place in (OPTIONS, 0, 2):
            records.details.save("first", place, {"place": place})
        records.details.save("first", 0, {"place": "another"})
        made = records.branches.add("first", kept=2, left_at=2)
        assert made is not None
        assert records.details.load(made.id) == {
            OPTIONS: {"place": OPTIONS},
            0: {"place": "another"},
        }
        records.conversations.delete("first")
        assert records.details.load("first") == {}
        assert len(records.details.load(made.id)) == 2


def test_nothing_is_kept_of_a_conversation_that_is_gone(tmp_path: Path) -> None:
    with Records(tmp_path / "records.sqlite3") as records:
        records.details.save("gone", 0, {"seconds": 1})
        assert records.details.load("gone") == {}
