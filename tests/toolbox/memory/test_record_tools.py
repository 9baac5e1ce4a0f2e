"""The tools for conversations, notes, facts and reminders, over a real database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from tests.records.test_reminders import Clock
from tests.toolbox.text.test_text_tools import Specialist

from airunner.errors import ToolFailedError, ToolRetryError
from airunner.messages import Message, ToolCall
from airunner.records.records import Records
from airunner.toolbox.memory import conversation_tools, fact_tools, note_tools
from airunner.toolbox.memory.conversation_tools import (
    delete_conversation,
    search_conversations,
    summarize_conversation,
    switch_conversation,
    title_conversation,
)
from airunner.toolbox.memory.fact_tools import forget_fact, recall_facts, remember_fact
from airunner.toolbox.memory.note_tools import (
    change_note,
    delete_note,
    read_note,
    save_note,
    search_notes,
)
from airunner.toolbox.time import reminder_tools
from airunner.toolbox.time.reminder_tools import cancel_reminder, list_reminders, set_reminder
from airunner.tools.tool import Tool
from airunner.tools.toolset import Toolset

NOW = datetime(2027, 3, 17, 14, 30)
MODULES = (conversation_tools, fact_tools, note_tools, reminder_tools)
TOOLS = Toolset(v for module in MODULES for v in vars(module).values() if isinstance(v, Tool))


class Api(Specialist):
    """What these tools use of the agent's api; ``switches`` is where the talk was moved."""

    def __init__(self, records: Records) -> None:
        super().__init__()
        self.records = records
        self.conversation = ""
        self.switches: list[str] = []

    def switch_to(self, conversation: str) -> None:
        self.switches.append(conversation)


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    clock = Clock()
    clock.now_s = NOW.timestamp()
    with Records(tmp_path / "records.sqlite3", clock=clock) as records:
        yield Api(records)


def talk(api: Api, id: str, *said: str) -> None:
    messages = [Message("assistant" if n % 2 else "user", text) for n, text in enumerate(said)]
    assert api.records.conversations.save(id, messages) == "saved"


BEES, BOATS, HERE = "bee5" * 8, "b0a7" * 8, "face" * 8


@pytest.fixture
def talks(api: Api) -> Api:
    talk(api, BEES, "How do bees make honey?", "They collect nectar.", "Where?", "In blossoms.")
    talk(api, BOATS, "Tell me of boats", "A sloop has one mast.")
    talk(api, HERE, "What did we say of honey?")
    api.conversation = HERE
    return api


# Conversations


def test_conversations_are_listed_with_what_tells_them_apart(talks: Api) -> None:
    shown = search_conversations(api=talks).splitlines()
    assert shown == [
        "- What did we say of honey? (id faceface, 2027-03-17 14:30, 1 message, this one)",
        "- Tell me of boats (id b0a7b0a7, 2027-03-17 14:30, 2 messages)",
        "- How do bees make honey? (id bee5bee5, 2027-03-17 14:30, 4 messages)",
    ]
    assert "and 2 earlier ones" in search_conversations(limit=1, api=talks)


def test_a_search_leaves_the_present_conversation_out(talks: Api) -> None:
    found = search_conversations("honey", api=talks)
    assert found.splitlines()[0].startswith("- How do bees make honey? (id bee5bee5")
    assert len(found.splitlines()) == 2
    assert "Nobody has said 'zebra'" in search_conversations("zebra", api=talks)


def test_a_conversation_gets_a_title(talks: Api) -> None:
    assert "is now called 'Honey'" in title_conversation("Honey", api=talks)
    assert "is now called 'Boats'" in title_conversation("Boats", "boats", api=talks)
    titles = [entry.title for entry in talks.records.conversations.list()]
    assert titles == ["Honey", "Boats", "How do bees make honey?"]
    with pytest.raises(ToolRetryError, match="empty"):
        title_conversation(" ", api=talks)


def test_a_conversation_is_named_by_id_title_or_words(talks: Api) -> None:
    def switched(conversation: str) -> str:
        switch_conversation(conversation, api=talks)
        return talks.switches[-1]

    assert switched("bee5bee5") == switched(f"the one with id {BEES}") == BEES
    assert switched("TELL me of  boats") == switched("boats") == BOATS
    assert switched("sloop") == BOATS, "said, no title"
    with pytest.raises(ToolRetryError, match=r"There is no conversation 'zebras'.*boats \(b0a7b0"):
        switch_conversation("zebras", api=talks)
    with pytest.raises(ToolRetryError, match=r"several conversations: What did.*; How do bees"):
        switch_conversation("honey", api=talks)
    count = len(talks.switches)
    assert "nothing had to be switched" in switch_conversation("facefac", api=talks)
    assert len(talks.switches) == count


def test_what_is_unsaved_or_outside_of_a_conversation_says_so(talks: Api) -> None:
    talks.conversation = "not saved"
    for call in (title_conversation, summarize_conversation):
        with pytest.raises(ToolFailedError, match="this conversation is not saved"):
            call(*(["x"] if call is title_conversation else []), api=talks)
    talks.conversation = ""
    with pytest.raises(ToolFailedError, match="inside of a conversation only"):
        switch_conversation("boats", api=talks)


def test_a_summary_is_of_what_was_said_and_not_of_the_wish_for_it(talks: Api) -> None:
    talk(talks, "d" * 32, "I grow roses.", "Good.", "Summarise this conversation")
    talks.conversation = "d" * 32
    summary = summarize_conversation(max_sentences=2, api=talks)
    ((_, prompt),) = talks.prompts
    assert prompt.endswith("User: I grow roses.\n\nAssistant: Good.")
    assert "at most 2 sentences" in prompt
    assert summary == "Of 'I grow roses.':\nAnswer 1."
    assert "Of 'Tell me of boats'" in summarize_conversation("mast", api=talks)
    talks.conversation = HERE
    with pytest.raises(ToolFailedError, match="nothing has been said"):
        summarize_conversation("this conversation", api=talks)


def test_tools_and_their_results_are_no_part_of_a_summary(talks: Api) -> None:
    calls = (ToolCall("c", "add", {"a": 1}),)
    messages = [
        Message("system", "Secret."),
        Message("user", "2 + 3?"),
        Message("assistant", "", tool_calls=calls),
        Message("tool", "five", tool_call_id="c", name="add"),
        Message("assistant", "It is 5."),
    ]
    talks.records.conversations.save("e" * 32, messages)
    summarize_conversation("2 + 3?", api=talks)
    assert talks.prompts[-1][1].endswith("\n\nUser: 2 + 3?\n\nAssistant: It is 5.")


def test_a_conversation_is_deleted_and_this_one_only_if_that_is_said(talks: Api) -> None:
    store = talks.records.conversations
    assert delete_conversation("boats", api=talks) == "Deleted the conversation 'Tell me of boats'."
    with pytest.raises(ToolRetryError, match="no conversation"):
        delete_conversation("nectar", api=talks)  # said in one, but that is too loose here
    for name in ("this conversation", HERE, "What did we say of honey?"):
        with pytest.raises(ToolRetryError, match="is this very conversation"):
            delete_conversation(name, api=talks)
    assert store.count() == 2
    ended = delete_conversation("this conversation", also_this_one=True, api=talks)
    assert "next message begins another" in ended
    assert [entry.id for entry in store.list()] == [BEES]


# Notes


def test_a_note_is_saved_read_changed_and_deleted(api: Api) -> None:
    assert search_notes(api=api) == "There are no notes yet."
    assert save_note("milk\neggs", "Groceries", api=api) == "Saved the note 'Groceries'."
    with pytest.raises(ToolRetryError, match="change_note"):
        save_note("flour", "groceries", api=api)
    assert read_note("Groceries", api=api).startswith("Groceries (changed 2027-03-17)\n\nmilk")
    assert "has 6 characters now" in change_note("GROCERIES", "butter", replace=True, api=api)
    assert "has 12 characters now" in change_note("groceries", "bread", api=api)
    assert read_note("the note groceries", api=api).endswith("butter\nbread")
    assert search_notes(api=api).splitlines()[1] == "- Groceries (2027-03-17, 12 characters)"
    assert delete_note("the groceries note", api=api) == "Deleted the note 'Groceries'."
    with pytest.raises(ToolRetryError, match="There is no note yet"):
        read_note("groceries", api=api)


def test_a_note_without_a_title_is_called_as_it_begins(api: Api) -> None:
    save_note("The gate code is on the fridge.\nOr ask Anna.", api=api)
    assert "Or ask Anna." in read_note("gate code", api=api)


def test_nothing_empty_is_written(api: Api) -> None:
    save_note("x", "A", api=api)
    for call in (
        lambda: save_note(" ", "B", api=api),
        lambda: change_note("A", " ", api=api),
        lambda: change_note("A", "", replace=True, api=api),
        lambda: remember_fact("\n", api=api),
        lambda: set_reminder("", "in 10 minutes", api=api),
    ):
        with pytest.raises(ToolRetryError, match="empty"):
            call()


def test_a_name_that_fits_several_notes_is_sent_back_with_them(api: Api) -> None:
    for title in ("Bank", "Bank account", "Garden"):
        save_note("text", title, api=api)
    assert read_note("bank", api=api).startswith("Bank (")
    assert read_note("show me the note bank account", api=api).startswith("Bank account (")
    assert delete_note("account", api=api) == "Deleted the note 'Bank account'."
    save_note("text", "Garden roses", api=api)
    save_note("text", "Garden shed", api=api)
    api.records.notes.delete(api.records.notes.get("Garden").number)
    with pytest.raises(ToolRetryError, match="may mean several notes: Garden shed; Garden roses"):
        read_note("garden", api=api)
    with pytest.raises(ToolRetryError, match=r"no note 'kitchen'\. There is: .*Bank[^(]*$"):
        delete_note("kitchen", api=api)


def test_notes_are_found_by_their_words(api: Api) -> None:
    save_note("The wifi password is on the router. " + "More. " * 300, "House", api=api)
    save_note("Paint: white", "Kitchen", api=api)
    found = search_notes("wifi password", api=api).splitlines()
    assert found[0].startswith("- House: The wifi password")
    assert len(found) == 2
    assert "No note has such words" in search_notes("zebra", api=api)


def test_a_long_note_is_shown_with_a_gap(api: Api) -> None:
    save_note("word " * 4000, "Long", api=api)
    assert "characters left out" in read_note("Long", api=api)


# Facts


def test_facts_are_remembered_recalled_and_forgotten(api: Api) -> None:
    assert recall_facts(api=api) == "Nothing has been remembered about the user yet."
    assert remember_fact("I am allergic to nuts", api=api) == "Remembered: I am allergic to nuts"
    remember_fact("My cat is called Miso", api=api)
    everything = ["- My cat is called Miso", "- I am allergic to nuts"]
    assert recall_facts(api=api).splitlines() == ["Remembered, newest first:", *everything]
    assert recall_facts("cat", api=api).splitlines()[1:] == everything[:1]
    assert recall_facts("me", api=api).splitlines()[1:] == everything
    assert recall_facts("sailing", api=api).startswith("Nothing fits these words. Remembered")
    with pytest.raises(ToolRetryError, match="There is no fact"):
        forget_fact("I like sailing", api=api)
    assert forget_fact("allergic to nuts", api=api) == "Forgotten: I am allergic to nuts"
    assert recall_facts("nuts", api=api).splitlines()[1:] == everything[:1]


# Reminders


def test_a_reminder_repeats_the_exact_time(api: Api) -> None:
    said = set_reminder("call the bank", "tomorrow at 9", api=api)
    assert said.startswith(
        "Reminder 1 is set for Thursday 18 March 2027, 09:00 local time: call the bank."
    )
    assert "airunner chat" in said
    assert "the page" in said
    (waiting,) = api.records.reminders.waiting()
    assert waiting.due_s == datetime(2027, 3, 18, 9).timestamp()
    with pytest.raises(ToolRetryError, match="over"):
        set_reminder("x", "yesterday at 10:00", api=api)
    assert len(api.records.reminders.waiting()) == 1


def test_reminders_are_listed_and_cancelled(api: Api) -> None:
    assert list_reminders(api=api) == "No reminder is set."
    set_reminder("water the 3 plants", "in 2 hours", api=api)
    set_reminder("call the bank", "in 10 minutes", api=api)
    set_reminder("take tea", "in 20 minutes", api=api)
    assert list_reminders(api=api).splitlines()[0] == (
        "- 2, Wednesday 17 March 2027, 14:40: call the bank"
    )
    with pytest.raises(ToolRetryError, match="There is no reminder 'dentist'"):
        cancel_reminder("dentist", api=api)
    assert "reminder 2," in cancel_reminder("bank", api=api)
    assert "reminder 1," in cancel_reminder("1", api=api)
    assert "reminder 3," in cancel_reminder("delete reminder 3", api=api)
    with pytest.raises(ToolRetryError, match="There is no reminder yet"):
        cancel_reminder("3", api=api)


def test_one_that_is_due_is_listed_until_somebody_has_seen_it(api: Api) -> None:
    reminders = api.records.reminders
    past, later = (reminders.add("tea", reminders.now_s() + each).number for each in (0, 60))
    first, second = list_reminders(api=api).splitlines()
    assert first.endswith("tea (due; nobody has seen it yet)")
    assert second.endswith(": tea")
    assert reminders.note(past)
    assert list_reminders(api=api) == second
    assert f"reminder {later}," in cancel_reminder("tea", api=api)


def test_only_reading_is_not_asked_about() -> None:
    assert {tool.name for tool in TOOLS if tool.permission == "read"} == {
        "search_conversations",
        "summarize_conversation",
        "read_note",
        "search_notes",
        "recall_facts",
        "list_reminders",
    }
    assert {tool.permission for tool in TOOLS} == {"read", "write"}
