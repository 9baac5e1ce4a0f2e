"""Conversations come back exactly, are written a turn at a time, and are found by their words."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airunner.errors import StorageError, UnusableRecordError
from airunner.messages import Message, ToolCall
from airunner.records.conversations import Conversations
from airunner.records.exported import VERSION, listed_conversations
from airunner.records.records import Records
from airunner.records.saved_message import from_json, to_json

SYSTEM = Message("system", "Be brief.")
BEES = [Message("user", "How do bees make honey?"), Message("assistant", "They collect nectar.")]
BOATS = [Message("user", "Tell me of boats"), Message("assistant", "A sloop has one mast.")]
CALL = ToolCall("call_1", "add", {"a": 2, "b": [1.5, None, "ü"]}, "")
WITH_TOOL = [
    SYSTEM,
    Message("user", "2 + 3?\x00"),
    Message("assistant", "", tool_calls=(CALL, ToolCall("call_2", "add", {}, '{"a": '))),
    Message("tool", "5", tool_call_id="call_1", name="add"),
    Message("tool", "Error: no", tool_call_id="call_2", name="add"),
    Message("assistant", "It is 5.\n\n\U0001f41d", reasoning="Two and three."),
]


class Clock:
    """A present that goes on by one second each time it is asked."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        self.now_s += 1
        return self.now_s


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    with Records(tmp_path / "records.sqlite3", clock=Clock()) as records:
        yield records


@pytest.fixture
def conversations(records: Records) -> Conversations:
    return records.conversations


def rows(records: Records) -> list[tuple[int, int]]:
    with records._database.read() as connection:
        return connection.execute("SELECT number, place FROM message ORDER BY place").fetchall()


def test_every_field_of_a_message_comes_back(conversations: Conversations) -> None:
    assert conversations.save("a", WITH_TOOL, start=3) == "saved"
    saved = conversations.load("a")
    assert saved is not None
    assert list(saved.messages) == WITH_TOOL
    assert (saved.start, saved.revision, saved.title) == (3, 1, "2 + 3?")
    assert conversations.load("b") is None


def test_what_is_no_unicode_is_read_as_text(conversations: Conversations) -> None:
    call = ToolCall("c", "add", {"a\ud800": ["\udce9"]})
    conversations.save("a", [Message("user", "half \ud83d", (call,), sent="caf\udce9 \U0001f41d")])
    saved = conversations.load("a")
    assert saved is not None
    (message,) = saved.messages
    assert (message.content, message.sent) == ("half \ufffd", "caf\ufffd \U0001f41d")
    assert message.tool_calls[0].arguments == {"a\ufffd": ["\ufffd"]}


def test_no_field_is_forgotten() -> None:
    """A field that is new in ``messages`` has to be saved as well."""
    call = ToolCall("id", "name", MappingProxyType({"a": 1}), malformed="{")
    message = Message("tool", "text", (call,), "id", "name", "thought", "as it was sent")
    for value in (message, call):
        for field in dataclasses.fields(value):
            assert getattr(value, field.name), f"{field.name} is not in this test"
    assert from_json(to_json(message)) == message


def test_a_turn_adds_rows_and_touches_no_others(
    records: Records, conversations: Conversations
) -> None:
    conversations.save("a", BEES)
    first = rows(records)
    assert conversations.save("a", [*BEES, *BOATS], revision=1) == "saved"
    assert rows(records)[:2] == first
    assert [place for _, place in rows(records)] == [0, 1, 2, 3]
    # A question that was saved before it was answered, and then was not asked after all.
    assert conversations.save("a", BEES[:1], revision=2) == "saved"
    assert rows(records) == first[:1]
    # Something in the middle that is different now.
    assert conversations.save("a", [*BOATS, *BEES], revision=3) == "saved"
    saved = conversations.load("a")
    assert saved is not None
    assert list(saved.messages) == [*BOATS, *BEES]
    assert [found.entry.id for found in conversations.search("mast")] == ["a"]


def test_what_somebody_else_did_meanwhile_is_not_undone(conversations: Conversations) -> None:
    conversations.save("a", BEES)
    conversations.save("a", [*BEES, *BOATS], revision=1)
    assert conversations.save("a", [*BEES, *BEES], revision=1) == "changed elsewhere"
    saved = conversations.load("a")
    assert saved is not None
    assert (list(saved.messages), saved.revision) == ([*BEES, *BOATS], 2)
    assert conversations.delete("a")
    assert conversations.save("a", BEES, revision=2) == "deleted"
    assert conversations.load("a") is None
    assert not conversations.delete("a")


def test_the_last_one_talked_in_comes_first(conversations: Conversations) -> None:
    for name in ("a", "b"):
        conversations.save(name, WITH_TOOL)
    assert conversations.retitle("a", "  Sums\x1b[2J\nof two ")
    assert [entry.id for entry in conversations.list()] == ["b", "a"]
    conversations.save("a", [*WITH_TOOL, *BEES], revision=1)
    first, second = conversations.list()
    assert (first.id, first.title, first.messages) == ("a", "Sums [2J of two", 4)
    assert (second.id, second.messages) == ("b", 2)
    assert first.created_s < second.created_s == second.updated_s < first.updated_s
    assert conversations.list(limit=1) == [first]
    assert conversations.entry("a") == first
    assert conversations.entry("c") is None
    assert conversations.count() == 2
    assert not conversations.retitle("c", "x")


@pytest.mark.parametrize(
    ("first", "title"),
    [
        ("How do bees make honey?", "How do bees make honey?"),
        ("  Explain\n\n this:\n```py\nprint(1)\n```", "Explain this:"),
        ("```py\nprint(1)\n```", "```py print(1) ```"),
        (
            "Please write a very long letter to my landlord about the heating, which is broken",
            "Please write a very long letter to my landlord about the…",
        ),
        ("x" * 100, "x" * 59 + "…"),
        ("\n\x07", "Untitled"),
        ("نمی\u200cخواهم", "نمی\u200cخواهم"),
    ],
)
def test_a_title_is_made_from_the_first_message(
    conversations: Conversations, first: str, title: str
) -> None:
    conversations.save("a", [SYSTEM, Message("user", first), *BEES])
    (entry,) = conversations.list()
    assert entry.title == title


def test_the_beginning_of_an_id_suffices(conversations: Conversations) -> None:
    for id in ("abc1", "abc2", "abc", "d%"):
        conversations.save(id, BEES)

    def ids(prefix: str) -> list[str]:
        return [entry.id for entry in conversations.with_prefix(prefix)]

    assert ids("ab") == ["abc", "abc1", "abc2"]
    assert ids(" ABC1") == ["abc1"]
    assert ids("abc") == ["abc"], "it is an id itself"
    assert ids("") == ids("%") == ids("x\udc80") == []


def test_a_search_finds_what_was_said_and_nothing_else(conversations: Conversations) -> None:
    conversations.save("bees", [SYSTEM, *BEES])
    conversations.save("boats", BOATS)
    conversations.save("sum", WITH_TOOL)
    conversations.save("cjk", [Message("user", "我想学习中文语法")])

    def ids(query: str, besides: str = "") -> list[str]:
        return [found.entry.id for found in conversations.search(query, besides=besides)]

    assert ids("bee") == ids("HONEY make") == ids("nect") == ["bees"]
    assert ids("bees boats") == ["bees", "boats"] or ids("bees boats") == ["boats", "bees"]
    assert ids("bee", besides="bees") == []
    assert ids("error") == ids("brief") == ids("add") == [], "not by tools or the system"
    assert ids("中文") == ["cjk"]
    assert ids("oop") == ["boats"], "in the middle of a word"
    assert ids("") == ids("  ") == ids("zebra") == []
    (found,) = conversations.search("honey")
    assert found.excerpt == "How do bees make honey?"
    assert found.entry.title == "How do bees make honey?"
    conversations.delete("bees")
    assert ids("honey") == []


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Conversations]:
    with Records(tmp_path_factory.mktemp("home") / "records.sqlite3") as records:
        records.conversations.save("bees", BEES)
        yield records.conversations


@given(query=st.text() | st.text(alphabet='"*()^:-+_{}% \\\x00ANDORNT中²\udc80'))
def test_no_query_has_a_syntax(searched: Conversations, query: str) -> None:
    searched.search(query)
    assert [found.entry.id for found in searched.search(f'honey" {query[:0]}OR (')] == ["bees"]


def test_a_message_that_cannot_be_read_is_told(
    records: Records, conversations: Conversations
) -> None:
    conversations.save("a", BEES)
    with records._database.write() as connection:
        connection.execute("UPDATE message SET value = '{}' WHERE place = 1")
    with pytest.raises(StorageError, match="conversation a cannot be read"):
        conversations.load("a")


def test_an_export_of_a_newer_version_is_refused() -> None:
    assert listed_conversations({"version": VERSION, "conversations": [1]}) == [1]
    with pytest.raises(UnusableRecordError, match="reads version"):
        listed_conversations({"version": VERSION + 1, "conversations": []})
    with pytest.raises(UnusableRecordError):
        listed_conversations({"version": VERSION, "conversations": {}})
