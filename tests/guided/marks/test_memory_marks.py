"""Notes, facts, reminders and conversations that a message names."""

from __future__ import annotations

from typing import Any

import pytest

from airunner.guided.marks.table import marks_of
from airunner.guided.request import split_request
from airunner.toolbox.memory.conversation_tools import (
    delete_conversation,
    search_conversations,
    summarize_conversation,
    switch_conversation,
    title_conversation,
)
from airunner.toolbox.memory.fact_tools import forget_fact, remember_fact
from airunner.toolbox.memory.note_tools import change_note, read_note, save_note, search_notes
from airunner.toolbox.time.reminder_tools import cancel_reminder, set_reminder
from airunner.tools.tool import Tool


def given(tool: Tool, message: str) -> dict[str, Any]:
    request = split_request(message)
    taken = {name: mark.take(request, "") for name, mark in marks_of(tool).items()}
    return {name: value for name, value in taken.items() if value is not None}


@pytest.mark.parametrize(
    ("tool", "message", "arguments"),
    [
        (
            save_note,
            "Save a note titled Groceries: milk and eggs",
            {"text": "milk and eggs", "title": "Groceries"},
        ),
        (read_note, "Read my note about the bank.", {"title": "bank"}),
        (read_note, "show the groceries note", {"title": "groceries"}),
        (change_note, "Add bread to my shopping note", {"text": "bread"}),
        (
            change_note,
            "Rewrite the note Groceries: only bread",
            {"text": "only bread", "replace": "true"},
        ),
        (
            search_notes,
            "is there anything about wifi in my notes?",
            {"query": "wifi"},
        ),
        (remember_fact, "Remember that I'm allergic to nuts", {"fact": "I'm allergic to nuts"}),
        (remember_fact, "please keep in mind: I live in Graz", {"fact": "I live in Graz"}),
        (forget_fact, "Forget that I live in Graz", {"fact": "I live in Graz"}),
        (
            set_reminder,
            "Remind me in 10 minutes to take the cake out",
            {"text": "take the cake out", "when": "in 10 minutes"},
        ),
        (
            set_reminder,
            "Remind me in 20 seconds to stretch legs",
            {"text": "stretch legs", "when": "in 20 seconds"},
        ),
        (
            set_reminder,
            "Remind me tomorrow at nine to call Ida",
            {"text": "call Ida", "when": "tomorrow at 9"},
        ),
        (
            set_reminder,
            "Remind me to call the bank tomorrow at 9, please",
            {"text": "call the bank", "when": "tomorrow at 9"},
        ),
        (
            set_reminder,
            "set a reminder for Friday at 5 pm: water the plants",
            {"text": "water the plants", "when": "Friday at 5 pm"},
        ),
        (cancel_reminder, "cancel reminder 3", {"reminder": "3"}),
        (title_conversation, "Call this conversation Bees", {"title": "Bees"}),
        (title_conversation, 'rename this chat to "Tax 2027"', {"title": "Tax 2027"}),
        (
            summarize_conversation,
            "Summarize our conversation in 3 sentences",
            {"max_sentences": "3"},
        ),
        (switch_conversation, "switch to the chat about bees", {"conversation": "bees"}),
        (
            delete_conversation,
            "delete this conversation",
            {"conversation": "delete this conversation", "also_this_one": "true"},
        ),
        (
            delete_conversation,
            "delete our current chat, please",
            {"conversation": "delete our current chat, please", "also_this_one": "true"},
        ),
        (delete_conversation, "delete the chat called Tax", {"conversation": "Tax"}),
    ],
)
def test_the_users_words_are_taken_from_the_message(
    tool: Tool, message: str, arguments: dict[str, Any]
) -> None:
    taken = given(tool, message)
    assert taken == arguments | {n: v for n, v in taken.items() if n not in arguments}
    tool.validate({**dict.fromkeys(tool.parameters.get("required", ()), "x"), **taken})


def test_who_wants_a_list_looks_for_nothing() -> None:
    for message in ("which notes do I have?", "list my notes", "show all my notes"):
        assert "query" not in given(search_notes, message)
    for message in ("show our previous chats", "list my conversations"):
        assert "query" not in given(search_conversations, message)
    assert "query" in given(search_conversations, "when did we talk about sailing?")
