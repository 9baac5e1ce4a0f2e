"""Pictures in a conversation: seen, refused, and left out when the context is full."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.agent.scripted_team import (
    PICTURE_TOKENS,
    ScriptedTeam,
    events_of,
    of_kind,
    tokens_of,
)
from tests.tiny_png import GREEN, RED

from airunner.agent.conversation import Conversation
from airunner.agent.loop import AgentLoop
from airunner.agent.specialist import SpecialistRequest, ask_specialist
from airunner.errors import ContextOverflowError, MediaNotSupportedError
from airunner.events import Event, EventBus, HistoryTrimmed, TurnFinished
from airunner.media import note_of
from airunner.messages import Content, Message, TextPart
from airunner.models.spec import ModelCapability
from airunner.records.records import Records
from airunner.tools.toolset import Toolset

SEES = frozenset({"image"})
ASKED: Content = (RED, TextPart("What is this?"))


def say(team: ScriptedTeam, conversation: Conversation, *said: Content) -> list[Event]:
    loop = AgentLoop(team, Toolset([]), bus=EventBus(), answer_tokens=64)

    async def main() -> list[Event]:
        return [e for content in said for e in await events_of(loop, conversation, content)]

    return asyncio.run(main())


def ended(events: list[Event]) -> list[str]:
    return [event.outcome for event in of_kind(events, TurnFinished)]


def test_a_model_that_sees_gets_pictures_and_words_in_their_order() -> None:
    team = ScriptedTeam(["Red.", "Both."], takes=SEES)
    conversation = Conversation.begin("Be brief.", "It is Ada.")
    events = say(team, conversation, ASKED, (TextPart("And"), GREEN, TextPart("this?")))
    assert ended(events) == ["answered", "answered"]
    first, second = (request.messages for request in team.requests)
    assert first[1].content == (TextPart("It is Ada."), RED, TextPart("What is this?"))
    assert second[3].content == (TextPart("And"), GREEN, TextPart("this?"))
    assert list(second[:2]) == list(first), "the prompt only grows"


def test_another_model_refuses_before_it_is_loaded_and_the_conversation_goes_on() -> None:
    team = ScriptedTeam(["I cannot see it."])
    conversation = Conversation.begin()
    (failed,) = of_kind(say(team, conversation, ASKED), TurnFinished)
    assert failed.outcome == "failed"
    assert failed.problem == "scripted cannot see pictures. Choose another model."
    assert team.log == [], "no lease"
    assert ended(say(team, conversation, "Never mind.")) == ["answered"]
    (request,) = team.requests
    assert request.messages[0] == Message("user", f"{note_of(RED)}\nWhat is this?")
    assert conversation.messages[0].content == ASKED, "kept for a model that sees"


def test_old_pictures_become_notes_when_the_context_is_full_and_stay_notes(tmp_path: Path) -> None:
    team = ScriptedTeam(["Well."] * 12, takes=SEES, n_ctx=4 * PICTURE_TOKENS)
    conversation = Conversation.begin()
    events = say(team, conversation, *[ASKED] * 4)
    (trimmed,) = of_kind(events, HistoryTrimmed)
    assert (trimmed.left_out_media, trimmed.dropped_messages) == (3, 0)
    last = team.requests[-1].messages
    assert [message.media for message in last if message.role == "user"] == [(), (), (), (RED,)]
    assert last[0].content == f"{note_of(RED)}\nWhat is this?"
    assert conversation.messages[0].content == ASKED, "nothing is lost"
    with Records(tmp_path / "records.sqlite3") as records:
        records.conversations.save("a", conversation.messages)
        saved = records.conversations.load("a")
    assert saved is not None
    again = Conversation("a", list(saved.messages))
    say(team, again, "Thanks.")
    assert list(team.requests[-1].messages[: len(last)]) == list(last), "a prompt only grows"


def test_where_notes_are_not_enough_whole_exchanges_go_too() -> None:
    team = ScriptedTeam(["word " * 200] * 9, takes=SEES, n_ctx=1400)
    events = say(team, Conversation.begin(), *[ASKED] * 9)
    trimmed = of_kind(events, HistoryTrimmed)
    assert any(event.dropped_messages for event in trimmed)
    assert all(tokens_of(request.messages) <= 1400 for request in team.requests)
    assert all(request.messages[-1].media == (RED,) for request in team.requests)


def test_the_picture_that_is_asked_about_is_never_left_out() -> None:
    team = ScriptedTeam(["unused"], takes=SEES, n_ctx=PICTURE_TOKENS)
    conversation = Conversation.begin()
    (failed,) = of_kind(say(team, conversation, ASKED), TurnFinished)
    assert "The prompt has" in failed.problem
    assert team.requests == []


def test_long_words_beside_a_picture_lose_their_middle_and_the_picture_stays() -> None:
    team = ScriptedTeam(["Long."], takes=SEES, n_ctx=4 * PICTURE_TOKENS)
    say(team, Conversation.begin(), (RED, TextPart("very long " * 600)))
    (sent,) = team.requests[0].messages
    assert sent.media == (RED,)
    assert "characters left out" in sent.text


def test_a_specialist_is_shown_pictures_too_if_it_sees() -> None:
    def ask(team: ScriptedTeam) -> str:
        errand = ask_specialist(
            team, SpecialistRequest(ModelCapability.EXTRACTION, ASKED, 16), "test"
        )
        return asyncio.run(errand)

    team = ScriptedTeam(["A square."], takes=SEES)
    assert ask(team) == "A square."
    assert team.requests[0].messages[-1].content == ASKED
    blind = ScriptedTeam([])
    with pytest.raises(MediaNotSupportedError):
        ask(blind)
    assert blind.log == []
    with pytest.raises(ContextOverflowError):
        ask(ScriptedTeam([], takes=SEES, n_ctx=100))
