"""Notes and facts: kept, found, changed and forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.records.test_conversations import Clock

from airunner.errors import UnusableRecordError
from airunner.records.records import Records


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    with Records(tmp_path / "records.sqlite3", clock=Clock()) as records:
        yield records


def test_a_note_has_a_title_of_its_own(records: Records) -> None:
    notes = records.notes
    note = notes.add("Shopping  list\n", "milk\neggs\ud800")
    assert note is not None
    assert (note.title, note.text) == ("Shopping list", "milk\neggs\ufffd")
    assert notes.add("shopping LIST", "other") is None
    assert notes.get("SHOPPING list") == note
    assert notes.get("shopping") is None


def test_a_note_is_changed_and_deleted(records: Records) -> None:
    notes = records.notes
    note = notes.add("Shopping", "milk\n\n")
    other = notes.add("Other", "")
    assert note is not None
    assert other is not None
    longer = notes.append(note.number, "eggs")
    assert longer is not None
    assert (longer.text, longer.created_s) == ("milk\neggs", note.created_s)
    assert [each.title for each in notes.list()] == ["Shopping", "Other"]
    replaced = notes.replace(note.number, "flour")
    assert replaced is not None
    assert replaced.text == "flour"
    first = notes.append(other.number, "begun")
    assert first is not None
    assert first.text == "begun"
    assert [found.note.title for found in notes.search("flour")] == ["Shopping"]
    assert notes.search("eggs") == []
    assert notes.delete(note.number)
    assert not notes.delete(note.number)
    assert notes.append(note.number, "x") is None
    assert notes.search("flour") == []


def test_a_note_is_found_by_title_and_text(records: Records) -> None:
    notes = records.notes
    notes.add("Recipe for bread", "Flour, water and salt. " * 30 + "Bake it until brown.")
    notes.add("Bicycles", "bread box on the rack")
    found = notes.search("bake brown")
    assert [each.note.title for each in found] == ["Recipe for bread"]
    assert found[0].excerpt.startswith("…")
    assert found[0].excerpt.endswith("Bake it until brown.")
    assert len(found[0].excerpt) < 200
    assert len(notes.search("bread")) == 2
    assert len(notes.search("bread", limit=1)) == 1
    assert [each.note.title for each in notes.search("icycl")] == ["Bicycles"]


def test_a_fact_told_twice_is_one(records: Records) -> None:
    facts = records.facts
    nuts = facts.add("I am allergic to nuts.")
    cat = facts.add("My cat is called Miso.\n")
    again = facts.add("i am  allergic to nuts.")
    assert (again.number, again.text) == (nuts.number, nuts.text)
    assert [fact.number for fact in facts.list()] == [nuts.number, cat.number]
    assert [fact.number for fact in facts.search("cats")] == [cat.number]
    with pytest.raises(UnusableRecordError, match="known already"):
        facts.change(cat.number, "I AM allergic to nuts.")
    with pytest.raises(UnusableRecordError, match="larger than any"):
        facts.delete(2**63)
    assert facts.delete(nuts.number)
    assert not facts.delete(nuts.number)
    assert [fact.text for fact in facts.list()] == ["My cat is called Miso."]


def test_facts_in_words_have_a_limit(records: Records) -> None:
    facts = records.facts
    assert facts.in_words() == ""
    facts.add("I am allergic to nuts.")
    facts.add("My cat is called Miso.")
    text = facts.in_words()
    assert text.splitlines()[1:] == ["- My cat is called Miso.", "- I am allergic to nuts."]
    assert facts.in_words(len(text)) == text
    assert facts.in_words(len(text) - 1).splitlines()[1:] == ["- My cat is called Miso."]
    assert facts.in_words(10) == ""
