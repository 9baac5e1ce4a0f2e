"""Branches keep what they left as it is, and a family stays one whatever is deleted of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest

from airunner.messages import ImagePart, Message, TextPart
from airunner.records.branches import Shared, versions
from airunner.records.records import Records

FORMAT_6 = Path(__file__).with_name("format6.sql")
LETTERS, PICTURE = "9352d41d3e30424794698320bee8bad3", "4006ec67514343cf9a01d9b18160c245"
SEEN = ImagePart(b"\x89PNG not really", "image/png")
TALK = [
    Message("system", "Be brief."),
    Message("user", "How do bees make honey?"),
    Message("assistant", "They collect nectar."),
    Message("user", (TextPart("And this?"), SEEN)),
    Message("assistant", "A bee."),
]


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    present = count(1000)
    with Records(tmp_path / "records.sqlite3", clock=lambda: float(next(present))) as records:
        yield records


def said(records: Records, id: str) -> list[str]:
    saved = records.conversations.load(id)
    assert saved is not None
    return [message.text for message in saved.messages]


def branch(records: Records, id: str, kept: int, left_at: int | None = None) -> str:
    made = records.branches.add(id, kept, kept if left_at is None else left_at)
    assert made is not None
    return made.id


def ways(records: Records, id: str) -> dict[int, list[str]]:
    found = versions(records.branches.family(id), id)
    return {place: [*each] for place, each in found.items()}


def shared(records: Records, id: str) -> dict[tuple[str, str], int]:
    """Where any two of a family part."""
    family = records.branches.family(id)
    known = Shared({entry.id: entry for entry in family})
    return {(one.id, other.id): known(one.id, other.id) for one in family for other in family}


def test_a_branch_goes_on_by_itself_and_has_its_pictures(records: Records) -> None:
    records.conversations.save("a", TALK, start=3, preface="The user is Ada.", title="Bees")
    records.folders.file_under("a", folder="Nature", pinned=True)
    other = branch(records, "a", 4)
    entry, saved = records.conversations.entry(other), records.conversations.load(other)
    assert entry is not None
    assert saved is not None
    assert (entry.title, entry.folder, entry.pinned) == ("Bees", "Nature", False)
    assert (entry.parent, entry.left_at, entry.messages) == ("a", 4, 3)
    assert (saved.messages, saved.start) == (tuple(TALK[:4]), 3)
    assert saved.preface == "The user is Ada."
    more = [*saved.messages, Message("assistant", "A wasp.")]
    assert records.conversations.save(other, more, start=3, revision=saved.revision) == "saved"
    assert said(records, "a")[-1] == "A bee."
    records.conversations.delete("a")
    again = records.conversations.load(other)
    assert again is not None
    assert again.messages[3].media == (SEEN,)
    assert [each.entry.id for each in records.conversations.search("wasp")] == [other]


def test_what_was_left_out_of_the_prompt_is_sent_again_before_that(records: Records) -> None:
    records.conversations.save("a", TALK, start=3)
    saved = records.conversations.load(branch(records, "a", 2))
    assert saved is not None
    assert saved.start == 0
    assert records.branches.add("nobody", 1, 1) is None


def test_the_ways_of_a_conversation_are_known_at_the_places_where_they_part(
    records: Records,
) -> None:
    records.conversations.save("a", TALK)
    b = branch(records, "a", 1)  # another question
    c = branch(records, "a", 3, left_at=4)  # another answer
    d = branch(records, c, 3, left_at=4)  # and a third one
    e = branch(records, b, 2)  # another answer to the other question
    assert ways(records, "a") == {1: ["a", e], 4: ["a", c, d]}
    assert ways(records, c) == {1: [c, e], 4: ["a", c, d]}
    assert ways(records, b) == {1: [d, b], 2: [b, e]}
    assert ways(records, "nobody") == {}


def test_a_family_is_as_related_without_any_one_of_it(records: Records) -> None:
    records.conversations.save("a", TALK)
    b, c, d = branch(records, "a", 1), branch(records, "a", 4), branch(records, "a", 4)
    e = branch(records, c, 3)
    f, g = branch(records, e, 2), branch(records, e, 3)
    for gone in ("a", c, e, f, d):
        before = shared(records, b)
        records.conversations.delete(gone)
        assert shared(records, b) == {pair: n for pair, n in before.items() if gone not in pair}
    assert ways(records, g) == {1: [b, g]}
    records.conversations.delete_all([g, g, "nobody"])
    (alone,) = records.branches.family(b)
    assert (alone.parent, alone.left_at) == (None, None)


def test_deleting_many_tells_of_each_there_was(tmp_path: Path) -> None:
    heard: list[str] = []
    with Records(tmp_path / "r.sqlite3", on_delete=heard.append) as records:
        for id in ("a", "b", "c"):
            records.conversations.save(id, TALK)
        assert records.conversations.delete_all(["a", "c", "nobody", "a"]) == ["a", "c"]
        assert heard == ["a", "c"]
        assert [each.id for each in records.conversations.list()] == ["b"]


def test_pages_follow_each_other_while_somebody_talks(records: Records) -> None:
    for number in range(7):
        records.conversations.save(f"c{number}", TALK[1:3])
    first = records.folders.page(3)
    assert ([each.id for each in first.entries], first.total) == (["c6", "c5", "c4"], 7)
    records.conversations.save("c0", TALK, revision=1)
    second = records.folders.page(3, first.next)
    assert [each.id for each in second.entries] == ["c3", "c2", "c1"]
    assert second.next == ""
    records.conversations.delete("c4")
    assert [each.id for each in records.folders.page(3, first.next).entries] == ["c3", "c2", "c1"]
    assert records.folders.page(0).entries == ()


def test_folders_and_pins_choose_what_a_page_has(records: Records) -> None:
    for id in ("a", "b", "c"):
        records.conversations.save(id, TALK[1:3])
    records.folders.file_under("a", folder=" Work \n notes ")
    records.folders.file_under("b", pinned=True)
    assert [(each.name, each.conversations) for each in records.folders.all()] == [
        ("Work notes", 1)
    ]
    assert [each.id for each in records.folders.page(folder="Work notes").entries] == ["a"]
    assert [each.id for each in records.folders.page(pinned=False).entries] == ["c", "a"]
    assert [each.id for each in records.folders.page(folder="", pinned=True).entries] == ["b"]
    assert records.folders.rename("Work notes", "") == ["a"]
    assert records.folders.all() == []


def test_a_search_knows_the_place_and_finds_titles_too(records: Records) -> None:
    records.conversations.save("a", TALK, title="Apiculture")
    records.conversations.save("b", [Message("user", "Tell me of boats")])
    (found,) = records.conversations.search("nectar")
    assert (found.entry.id, found.place) == ("a", 2)
    (titled,) = records.conversations.search("apicult")
    assert (titled.entry.id, titled.excerpt, titled.place) == ("a", "Apiculture", None)
    assert records.conversations.search("100%_") == []


def test_records_of_format_6_are_opened_and_branch(tmp_path: Path) -> None:
    # Written by that version: every statement that reached SQLite.
    file = tmp_path / "records.sqlite3"
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.executescript(FORMAT_6.read_text(encoding="utf-8"))
        assert connection.execute("PRAGMA user_version").fetchone() == (6,)
    with Records(file) as records:
        entry = records.conversations.entry(LETTERS)
        assert entry is not None
        assert (entry.folder, entry.pinned, entry.parent) == ("", False, None)
        assert records.conversations.search("letters")[0].entry.id == LETTERS
        assert said(records, branch(records, LETTERS, 2)) == said(records, LETTERS)[:2]
        seen = records.conversations.load(branch(records, PICTURE, 1))
        assert seen is not None
        assert seen.messages[0].media == (SEEN,)
        assert [note.title for note in records.notes.list()] == ["Shopping"]
        with records._database.read() as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
