"""A conversation is saved around each turn, and goes on in another process as it was."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from typing import cast

import pytest
from tests.agent.scripted_team import ScriptedTeam, events_of

from airunner.agent.conversation import Conversation
from airunner.agent.conversation_saver import ConversationSaver
from airunner.agent.loop import AgentLoop
from airunner.agent.turn_request import TurnRequest
from airunner.errors import GenerationError
from airunner.events import EventBus, TextStreamed, ToolCallStarted
from airunner.messages import Message, ToolCall
from airunner.records.records import Records
from airunner.toolbox.memory.conversation_tools import delete_conversation, title_conversation
from airunner.tools.facilities import Facilities
from airunner.tools.files_folder import FilesFolder
from airunner.tools.permissions import Permissions
from airunner.tools.system_view import SystemView
from airunner.tools.tool import tool
from airunner.tools.toolset import Toolset


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


ADD = ToolCall("c1", "add", {"a": 2, "b": 3})


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    with Records(tmp_path / "records.sqlite3") as records:
        yield records


def loop_of(team: ScriptedTeam) -> AgentLoop:
    return AgentLoop(team, Toolset([add]), bus=EventBus())


def talk(keeper: ConversationSaver, team: ScriptedTeam, text: str) -> None:
    assert keeper.save(text) == "saved"
    asyncio.run(events_of(loop_of(team), keeper.conversation, text))
    assert keeper.save() == "saved"


def resumed(records: Records, id: str) -> ConversationSaver:
    saved = records.conversations.load(id)
    assert saved is not None
    return ConversationSaver.resume(records.conversations, saved)


def test_a_resumed_conversation_asks_the_model_what_the_first_would_have(records: Records) -> None:
    keeper = ConversationSaver(records.conversations, Conversation.begin("Be brief."))
    talk(keeper, ScriptedTeam([ADD, "It is 5."]), "2 + 3?")
    # What follows in the same process, and in another one.
    here, there = ScriptedTeam(["Six."]), ScriptedTeam(["Six."])
    again = resumed(records, keeper.conversation.id)
    assert again.conversation == keeper.conversation
    asyncio.run(events_of(loop_of(here), keeper.conversation, "And one more?"))
    talk(again, there, "And one more?")
    assert there.requests == here.requests
    assert resumed(records, again.conversation.id).conversation == again.conversation


def test_tools_reach_the_conversation_from_its_first_turn_on(
    records: Records, tmp_path: Path
) -> None:
    keeper = ConversationSaver(records.conversations, Conversation.begin())
    title = ToolCall("c1", "title_conversation", {"title": "Sums"})
    delete = ToolCall(
        "c2", "delete_conversation", {"conversation": "this conversation", "also_this_one": True}
    )
    loop = AgentLoop(
        ScriptedTeam([title, "Done.", delete, "Gone."]),
        Toolset([title_conversation, delete_conversation]),
        bus=EventBus(),
        facilities=Facilities(FilesFolder(tmp_path), records, cast(SystemView, None)),
        permissions=Permissions([("@write", "allow")]),
    )
    keeper.save("Call this Sums")
    asyncio.run(events_of(loop, keeper.conversation, "Call this Sums"))
    assert keeper.save() == "saved"
    assert [entry.title for entry in records.conversations.list()] == ["Sums"]
    keeper.save("Delete it")
    asyncio.run(events_of(loop, keeper.conversation, "Delete it"))
    assert keeper.save() == "deleted"
    assert "Deleted this conversation" in keeper.conversation.messages[-2].content


def test_where_the_prompt_begins_is_kept(records: Records) -> None:
    keeper = ConversationSaver(records.conversations, Conversation.begin("Be brief."))
    team = ScriptedTeam(["word " * 300] * 6, n_ctx=1024)
    for _ in range(6):
        talk(keeper, team, "Go on.")
    again = resumed(records, keeper.conversation.id)
    assert again.conversation.start == keeper.conversation.start > 1


def test_a_turn_that_fails_leaves_a_conversation_that_can_go_on(records: Records) -> None:
    keeper = ConversationSaver(records.conversations, Conversation.begin())
    talk(keeper, ScriptedTeam([ADD, GenerationError("scripted", "no")]), "2 + 3?")
    again = resumed(records, keeper.conversation.id)
    assert [m.role for m in again.conversation.messages] == [
        "user",
        "assistant",
        "tool",
        "assistant",
    ]
    talk(again, ScriptedTeam(["It is 5."]), "Well?")
    assert resumed(records, again.conversation.id).conversation == again.conversation


def test_a_cancelled_turn_is_saved_as_far_as_it_came(records: Records) -> None:
    keeper = ConversationSaver(records.conversations, Conversation.begin())
    keeper.save("Tell me")

    async def cancelled() -> None:
        turn = loop_of(ScriptedTeam(["Once upon [stuck]"])).run(
            keeper.conversation, TurnRequest("Tell me")
        )
        async with aclosing(turn):
            async for event in turn:
                if isinstance(event, TextStreamed) and "[stuck]" in event.text:
                    return

    asyncio.run(cancelled())
    keeper.save()
    said = [m.content for m in resumed(records, keeper.conversation.id).conversation.messages]
    assert said == ["Tell me", "Once upon [stuck] "]


def test_a_crash_leaves_what_a_break_would_have_left_and_nothing_twice(records: Records) -> None:
    keeper = ConversationSaver(records.conversations, Conversation.begin())
    keeper.save("2 + 3?")
    id, loop = keeper.conversation.id, loop_of(ScriptedTeam([ADD, "It is [stuck]"]))
    kept: list[list[Message]] = []

    async def broken_off() -> None:
        turn = loop.run(keeper.conversation, TurnRequest("2 + 3?"))
        async with aclosing(turn):
            async for event in turn:
                if isinstance(event, ToolCallStarted | TextStreamed):
                    keeper.save_so_far(loop.so_far(keeper.conversation))
                    kept.append(resumed(records, id).conversation.messages)
                if isinstance(event, TextStreamed) and "[stuck]" in event.text:
                    return

    asyncio.run(broken_off())
    assert [message.role for message in kept[0]] == ["user", "assistant", "tool", "assistant"]
    assert kept[-1] == keeper.conversation.messages
    assert kept[-1][-1].content == "It is [stuck] "
    assert keeper.save() == "saved"
    assert resumed(records, id).conversation == keeper.conversation
    # Where it is not this one's any more, nothing is written.
    talk(resumed(records, id), ScriptedTeam(["Go on."]), "Well?")
    keeper.save_so_far([])
    assert len(resumed(records, id).conversation.messages) == 6


def test_a_question_is_there_before_it_is_answered_and_goes_if_it_was_not_asked(
    records: Records,
) -> None:
    keeper = ConversationSaver(records.conversations, Conversation.begin())
    keeper.save("Hello?")
    id = keeper.conversation.id
    assert resumed(records, id).conversation.messages == [Message("user", "Hello?")]
    assert keeper.conversation.messages == []
    keeper.save()
    assert resumed(records, id).conversation.messages == []


def test_a_deleted_conversation_stays_deleted(records: Records) -> None:
    keeper = ConversationSaver(records.conversations, Conversation.begin())
    talk(keeper, ScriptedTeam(["Hi."]), "Hello?")
    records.conversations.delete(keeper.conversation.id)
    assert keeper.save() == keeper.save("Still there?") == "deleted"
    assert records.conversations.list() == []


def test_of_two_that_go_on_with_one_the_second_becomes_a_copy(records: Records) -> None:
    first = ConversationSaver(records.conversations, Conversation.begin())
    talk(first, ScriptedTeam(["Hi."]), "Hello?")
    id = first.conversation.id
    second = resumed(records, id)
    talk(first, ScriptedTeam(["One."]), "One?")
    assert second.save("Two?") == "copied"
    assert second.conversation.id != id
    asyncio.run(events_of(loop_of(ScriptedTeam(["Two."])), second.conversation, "Two?"))
    assert second.save() == "saved"
    entries = {entry.id: entry.title for entry in records.conversations.list()}
    assert entries == {id: "Hello?", second.conversation.id: "Hello? (copy)"}
    said = [m.content for m in resumed(records, second.conversation.id).conversation.messages]
    assert [text.strip() for text in said] == ["Hello?", "Hi.", "Two?", "Two."]
    assert resumed(records, id).conversation == first.conversation


def test_what_was_known_when_it_began_stays_in_front_of_it(records: Records) -> None:
    keeper = ConversationSaver(
        records.conversations, Conversation.begin("Be brief.", "The user is Anna.")
    )
    talk(keeper, ScriptedTeam(["Hi."]), "Hello?")
    here, there = ScriptedTeam(["Yes."]), ScriptedTeam(["Yes."])
    again = resumed(records, keeper.conversation.id)
    asyncio.run(events_of(loop_of(here), keeper.conversation, "Still there?"))
    talk(again, there, "Still there?")
    assert there.requests == here.requests
    assert there.requests[0].messages[1].content == "The user is Anna.\n\nHello?"
    # Also where it goes on as a copy.
    assert keeper.save("And here?") == "copied"
    copy = resumed(records, keeper.conversation.id)
    assert copy.conversation.preface == "The user is Anna."
