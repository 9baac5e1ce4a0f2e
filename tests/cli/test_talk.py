"""Turns of a talk that do not end as they should, without a process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from prompt_toolkit.completion import DummyCompleter

from airunner.cli.chat_commands import arguments
from airunner.cli.chat_history import ChatHistory
from airunner.cli.chat_screen import AnswerScreen
from airunner.cli.following import Follower, following
from airunner.cli.prompt import Prompt
from airunner.cli.reminder_watch import ReminderWatch
from airunner.cli.talk import Talk
from airunner.cli.typed_ahead import TypedAhead
from airunner.errors import ServerGoneError
from airunner.events import Event, EventBus, TextStreamed
from airunner.messages import ImagePart, Message, TextPart
from airunner.records.records import Records
from airunner.runtime import Runtime


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    with Records(tmp_path / "records.sqlite3") as records:
        yield records


def test_a_question_that_no_server_heard_is_in_the_line_again(
    records: Records, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def gone(*_: Any, **__: Any) -> Any:
        raise ServerGoneError("http://127.0.0.1:1", "it does not answer")

    history, ahead = ChatHistory(records, "", lambda _: None), TypedAhead()
    history.conversation.messages += [Message("user", "Hi"), Message("assistant", "Ho")]
    with following(EventBus(), lambda _: None) as follower:
        watch = ReminderWatch(records.reminders, pytest.fail)
        prompt = Prompt(follower, watch, rest=lambda: None, ahead=ahead, quiet=False)
        prompt.edit(tmp_path, DummyCompleter())
        talk = Talk(
            cast(Runtime, SimpleNamespace(turn=gone, model_list=gone)), history, follower, prompt
        )
        picture = ImagePart(b"", "image/png")
        for asked, line in (("And?", "And?"), ("/dev/null?", "//dev/null?")):
            talk.ask((picture, TextPart(asked)))
            assert (ahead.take(), talk.pictures) == (line, (picture,))
            assert "Ask again once" in capsys.readouterr().err
        offer = arguments(talk)["/model"]  # what Tab asks for
        assert offer is not None
        assert list(offer()) == []
    saved = records.conversations.load(history.conversation.id)
    assert saved is not None
    assert [message.role for message in saved.messages] == ["user", "assistant", "user"]
    assert records.details.load(saved.id) == {}


def test_who_reads_no_more_of_an_answer_ends_it(
    records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, write = os.pipe()
    os.close(read)
    ended = []

    def endless(conversation: Any, said: str, **_: Any) -> Iterator[Event]:
        try:
            while True:
                bus.publish(TextStreamed(turn="t", text="word " * 40))
                yield TextStreamed(turn="t", text="")
        finally:
            ended.append(said)

    bus, history = EventBus(), ChatHistory(records, "", pytest.fail, keeps=False)
    with os.fdopen(write, "w", closefd=True) as stdout:
        monkeypatch.setattr("sys.stdout", stdout)
        screen = AnswerScreen()
        follower = Follower(screen.show)
        bus.subscribe(follower.take)
        watch = ReminderWatch(records.reminders, pytest.fail)
        prompt = Prompt(follower, watch, rest=screen.rest, ahead=TypedAhead(), quiet=True)
        talk = Talk(cast(Runtime, SimpleNamespace(turn=endless)), history, follower, prompt)
        with pytest.raises(BrokenPipeError):
            talk.take_turn("Hi")
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), stdout.fileno())
    assert ended == ["Hi"]
