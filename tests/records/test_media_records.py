"""Pictures in saved conversations, and conversations of the format before there were any."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from tests.tiny_png import GREEN, RED

from airunner.agent.conversation_saver import ConversationSaver
from airunner.errors import StorageError
from airunner.messages import Message, TextPart, ToolCall
from airunner.records.migrations import STEPS
from airunner.records.records import Records

SEEN: list[Message] = [
    Message("user", (TextPart("What is this?"), RED, TextPart("and this"), GREEN)),
    Message("assistant", "Red and green."),
]
FORMAT_5 = Path(__file__).with_name("format5.sql")
FIRST, SECOND = "9352d41d3e30424794698320bee8bad3", "4006ec67514343cf9a01d9b18160c245"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "records.sqlite3"


@pytest.fixture
def records(file: Path) -> Iterator[Records]:
    with Records(file) as records:
        yield records


def load(records: Records, id: str) -> tuple[Message, ...]:
    saved = records.conversations.load(id)
    assert saved is not None
    return saved.messages


def files(records: Records) -> list[str]:
    with records._database.read() as connection:
        return [row[0] for row in connection.execute("SELECT sha256 FROM media ORDER BY sha256")]


def test_a_conversation_with_pictures_comes_back_exactly(records: Records, file: Path) -> None:
    shortened = replace(SEEN[0], sent=(TextPart("What"), RED))
    records.conversations.save("a", [shortened, SEEN[1]])
    records.close()
    with Records(file) as again:
        assert load(again, "a") == (shortened, SEEN[1])
        assert [part.data for part in load(again, "a")[0].media] == [RED.data, GREEN.data]
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_picture_is_kept_once_and_in_no_row_of_messages(records: Records) -> None:
    records.conversations.save("a", [*SEEN, Message("user", (RED,))])
    records.conversations.save("b", [Message("user", (RED, RED))])
    assert files(records) == sorted([RED.sha256, GREEN.sha256])
    assert load(records, "b")[0].media == (RED, RED)
    with records._database.read() as connection:
        (longest,) = connection.execute("SELECT max(length(value)) FROM message").fetchone()
    assert longest < 400


def test_it_is_gone_when_no_message_holds_it_any_more(records: Records, file: Path) -> None:
    records.conversations.save("a", SEEN)
    records.conversations.save("b", [Message("user", (RED,))])
    records.conversations.delete("a")
    assert files(records) == [RED.sha256]
    records.conversations.save("b", [Message("user", "never mind")], revision=1)
    assert files(records) == []
    records.conversations.delete("b")
    for path in file.parent.iterdir():
        assert RED.data not in path.read_bytes(), path.name


def test_a_change_further_up_keeps_the_pictures_below_it(records: Records) -> None:
    records.conversations.save("a", [Message("user", "hello"), *SEEN])
    changed = [Message("user", "hello", sent="hi"), *SEEN]
    records.conversations.save("a", changed, revision=1)
    assert load(records, "a") == tuple(changed)


def test_a_picture_without_words_is_something_said(records: Records) -> None:
    records.conversations.save("a", [Message("user", (RED,))])
    entry = records.conversations.entry("a")
    assert entry is not None
    assert (entry.title, entry.messages) == ("A picture", 1)
    records.conversations.save("b", SEEN)
    (found,) = records.conversations.search("what this")
    assert found.entry.id == "b"
    assert found.entry.title == "What is this? and this"


def test_a_picture_that_is_missing_is_told(records: Records) -> None:
    records.conversations.save("a", SEEN)
    with records._database.write() as connection:
        connection.execute("DELETE FROM message_media")
        connection.execute("DELETE FROM media")
    with pytest.raises(StorageError, match="conversation a cannot be read"):
        records.conversations.load("a")


def test_records_of_the_format_before_are_opened_and_go_on(file: Path) -> None:
    # Written by that version: every statement that reached SQLite.
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.executescript(FORMAT_5.read_text(encoding="utf-8"))
        assert connection.execute("PRAGMA user_version").fetchone() == (5,)
    with Records(file) as records:
        saved = records.conversations.load(FIRST)
        assert saved is not None
        assert (saved.start, saved.revision, saved.preface) == (1, 3, "The user is called Ada.")
        story = "Once upon a time there was a king. " * 6
        assert saved.messages == (
            Message("system", "You are helpful."),
            Message("user", "How many letters has Größe? And how warm is it in Kraków?"),
            Message(
                "assistant",
                "Let me look.",
                (
                    ToolCall("call_1", "count_letters", {"word": "Größe"}),
                    ToolCall("call_2", "weather", {}, malformed='{"city": '),
                ),
                reasoning="Two tools: one counts, one measures.",
            ),
            Message("tool", "5", tool_call_id="call_1", name="count_letters"),
            Message("tool", "The arguments are no JSON.", tool_call_id="call_2", name="weather"),
            Message(
                "assistant",
                "It has five letters; of the weather I know nothing.",
                reasoning="Only one result.",
            ),
            Message("user", "Read me the long story."),
            Message("assistant", "", (ToolCall("call_3", "read_story", {"chapters": 2}),)),
            Message(
                "tool",
                story,
                tool_call_id="call_3",
                name="read_story",
                sent="Once upon a time\n[... 150 characters left out ...]\nking. ",
            ),
            Message("assistant", 'It\'s about a king, "once upon a time".'),
        )
        keeper = ConversationSaver.resume(records.conversations, saved)
        keeper.conversation.messages += SEEN
        assert keeper.save() == "saved"
        assert load(records, FIRST) == (*saved.messages, *SEEN)
        assert load(records, SECOND)[1].text == "Das Meer ist weit."
        (found,) = records.conversations.search("king story")
        assert found.entry.id == FIRST
        assert records.notes.list()[0].title == "Shopping"
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (len(STEPS),)
