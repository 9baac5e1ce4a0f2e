"""``airunner chat`` remembers: conversations go on, are found and deleted; reminders are shown."""

from __future__ import annotations

import json
import queue
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from scripts.seen_terminal import seen_terminal
from tests.cli.test_app import invoke
from tests.cli.test_chat_real import SMALL, airunner, command
from tests.records.test_reminders import Clock

from airunner.cli.chat_history import ChatHistory
from airunner.cli.following import following
from airunner.cli.prompt import Prompt
from airunner.cli.reminder_watch import ReminderWatch
from airunner.cli.talk import Talk
from airunner.cli.typed_ahead import TypedAhead
from airunner.events import (
    ConversationSwitched,
    Event,
    EventBus,
    ReminderDue,
    TurnFinished,
)
from airunner.messages import Message, ToolCall
from airunner.records.attached_text import marked
from airunner.records.records import Records
from airunner.records.unfinished import unfinished_lines
from airunner.resources.parking import ParkingLot, Tier
from airunner.resources.session_folder import SessionFolder
from airunner.runtime import Runtime

pytestmark = pytest.mark.real

BEES, BOATS = "bee5" * 8, "b0a7" * 8
TOO_SMALL = ("--max-memory", "1MB")
FLEET = (Message("user", "Tell me of boats"), Message("assistant", "A sloop."))


@pytest.fixture
def home(empty_home: Path) -> Path:
    """A home with two conversations, that about boats the latest."""
    home = empty_home
    with Records(home / "records.sqlite3") as records:
        call = ToolCall("c", "add", {"a": 1})
        records.conversations.save(
            BEES,
            [
                Message("system", "Be brief."),
                Message("user", "How do bees make honey?"),
                Message("assistant", "", tool_calls=(call,)),
                Message("tool", "nectar", tool_call_id="c", name="add"),
                Message("assistant", "They collect \x1b[2Jnectar.\nIn blossoms."),
            ],
        )
        records.conversations.save(BOATS, FLEET)
    return home


def saved(home: Path) -> dict[str, tuple[str, list[str]]]:
    """Every saved conversation: its title, and the roles in it."""
    with Records(home / "records.sqlite3") as records:
        found = {}
        for entry in records.conversations.list():
            conversation = records.conversations.load(entry.id)
            assert conversation is not None
            found[entry.id] = (entry.title, [m.role for m in conversation.messages])
        return found


def chat(home: Path, *arguments: str, said: str = "") -> tuple[int, str, str]:
    """The exit code, stdout and stderr of ``airunner chat`` in this process."""
    return invoke("chat", *arguments, "--home", str(home), "--offline", said=said)


def talk(home: Path, *lines: str, flags: tuple[str, ...] = ()) -> tuple[list[str], str]:
    """What a talk of these lines shows."""
    code, stdout, stderr = chat(home, *flags, said="".join(f"{line}\n" for line in lines))
    assert code == 0, stderr
    return stdout.splitlines(), stderr


# Going on


def test_conversations_are_listed_switched_titled_and_deleted(home: Path) -> None:
    shown, problems = talk(
        home,
        "/conversations",
        "/switch 2",
        "/title  On honey",
        "/conversations",
        "/switch 9",
        "/switch b",
        "/switch",
        "/title",
        "/delete b0a7",
        "no",
        "/delete b0a7",
        "y",
        "/delete",
        "yes",
        "/delete",
        "/conversations",
    )
    assert [line[:14] for line in shown[:2]] == ["   1  b0a7b0a7", "   2  bee5bee5"]
    assert shown[2].startswith("Going on with bee5bee5  ")
    assert shown[2].endswith("How do bees make honey? (2 messages)")
    assert shown[3] == "> How do bees make honey?"
    assert "*  2  bee5bee5" in [line[:14] for line in shown]
    assert any("On honey" in line for line in shown)
    assert "Nothing was deleted." in shown
    assert "Deleted 'Tell me of boats'." in shown
    assert "Deleted 'On honey'." in shown
    assert shown[-1] == "No conversation is saved yet."
    for problem in (
        "no conversation has the id '9'",
        "several conversations begin with 'b'",
        "write which one",
        "write the title",
        "nothing of this conversation is saved yet",
    ):
        assert f"error: {problem}" in problems
    assert saved(home) == {}


def test_a_lone_word_that_leaves_other_programs_is_never_sent(home: Path) -> None:
    shown, _ = talk(home, "Quit", "Hello!")
    assert shown == ["'Quit' alone ends the chat, as /quit does."]
    assert list(saved(home)) == [BOATS, BEES]


def test_continue_takes_the_last_and_conversation_a_certain_one(home: Path) -> None:
    assert talk(home, flags=("--continue",))[0][0].startswith("Going on with b0a7b0a7")
    assert talk(home, flags=("-c",))[0][1:] == ["> Tell me of boats", "A sloop."]
    shown, _ = talk(home, flags=("--conversation", "bee"))
    assert shown[0].startswith("Going on with bee5bee5")


@pytest.mark.parametrize(
    ("flags", "code", "words"),
    [
        (("--conversation", "zzz"), 2, "no conversation has the id 'zzz'; `airunner c"),
        (("--conversation", "b"), 2, "several conversations begin with 'b'"),
        (("--conversation", ""), 2, "no conversation has the id ''"),
        (("--conversation", "bee5", "--continue"), 2, "give one of"),
        (("--continue", "--system", "x"), 2, "only a new conversation"),
    ],
)
def test_what_cannot_be_gone_on_with_is_an_error(
    home: Path, flags: tuple[str, ...], code: int, words: str
) -> None:
    got, _, stderr = invoke("chat", *flags, "-p", "hi", AIRUNNER_HOME=str(home))
    assert (got, words in stderr) == (code, True), stderr
    assert "Traceback" not in stderr


def test_a_turn_that_fails_is_saved_and_one_question_is_not(empty_home: Path) -> None:
    assert chat(empty_home, "-p", "Hello", *TOO_SMALL)[0] == 1
    assert not (empty_home / "records.sqlite3").exists()
    code, _, stderr = chat(empty_home, "-p", "Hello", "--continue", *TOO_SMALL)
    assert code == 1
    assert "No conversation is saved yet" in stderr
    again = ("-p", "And you?", "--continue", *TOO_SMALL)
    _, stdout, stderr = chat(empty_home, *again)
    assert ("Going on with" in stderr, stdout) == (False, "")
    assert "Going on with" in chat(empty_home, *again, "-v")[2]
    ((title, roles),) = saved(empty_home).values()
    assert (title, roles) == ("Hello", ["user", "assistant"] * 3)
    shown, problems = talk(empty_home, "One", "/new", "Two", flags=TOO_SMALL)
    assert shown == ["A new conversation."]
    assert sum(line.startswith("error: ") for line in problems.splitlines()) == 2
    assert [title for title, _ in saved(empty_home).values()] == ["Two", "One", "Hello"]


def test_records_that_cannot_be_used_do_not_stop_a_talk(empty_home: Path) -> None:
    (empty_home / "records.sqlite3").write_bytes(b"no database at all, but long enough. " * 40)
    shown, problems = talk(empty_home, "One", "Two", "/conversations", flags=TOO_SMALL)
    # Of the model, for which there is no memory; and that the list cannot be read.
    assert sum(line.startswith("error: ") for line in problems.splitlines()) == 3
    assert sum("warning: this conversation is not saved" in line for line in shown) == 1
    assert problems.count("warning: reminders are not shown") == 1
    assert problems.count("error: Cannot write") == 1
    code, _, stderr = chat(empty_home, "--continue")
    assert (code, "damaged" in stderr) == (1, True)


def test_a_conversation_goes_on_in_another_process(embedded_home: Path) -> None:
    def prompt_tokens(output: str) -> int:
        (finished,) = [
            event
            for event in map(json.loads, output.splitlines())
            if event["kind"] == "generation_finished"
        ]
        return int(finished["prompt_tokens"])

    flags = (*SMALL, "--max-tokens", "16")
    first = airunner(embedded_home, "chat", "--json", *flags, said="The sea is calm.\n")
    assert first.returncode == 0, first.stderr
    done = airunner(embedded_home, "chat", "-p", "Is it cold, too?", "-c", "--json", *flags)
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    (conversation,) = saved(embedded_home)
    assert saved(embedded_home)[conversation] == (
        "The sea is calm.",
        ["user", "assistant"] * 2,
    )
    started = next(e for e in events if e["kind"] == "turn_started")
    assert started["conversation"] == conversation
    assert prompt_tokens(done.stdout) > prompt_tokens(first.stdout) + 10, "told what came before"


# Without a process: what a tool does in a turn


@pytest.fixture
def records(home: Path) -> Iterator[Records]:
    with Records(home / "records.sqlite3") as records:
        yield records


def played(
    records: Records, history: ChatHistory, *events: Event, text: str = "Hi", cut_off: bool = False
) -> None:
    """One turn in which ``events`` happen."""

    def turn(conversation: Any, said: str, **_: Any) -> Iterator[Event]:
        conversation.messages.append(Message("user", said))
        yield from events
        conversation.messages.append(Message("assistant", "Yes."))
        yield TurnFinished(
            turn="t", outcome="answered", text="Yes.", steps=1, total_s=0.1, cut_off=cut_off
        )

    with following(EventBus(), lambda _: None) as follower:
        watch = ReminderWatch(records.reminders, pytest.fail)
        prompt = Prompt(follower, watch, rest=lambda: None, ahead=TypedAhead(), quiet=True)
        Talk(cast(Runtime, SimpleNamespace(turn=turn)), history, follower, prompt).send(text)


def test_a_tool_moves_the_next_turn_to_another_conversation(records: Records) -> None:
    said: list[str] = []
    history = ChatHistory(records, "", lambda line, indent=0: said.append(line))
    began = history.conversation.id
    played(records, history, ConversationSwitched(turn="t", conversation=began, to=BEES))
    assert history.conversation.id == BEES
    assert said[0].startswith("Going on with bee5bee5")
    played(records, history, text="Thanks")
    titles = [(entry.id, entry.title) for entry in records.conversations.list()]
    assert titles[:2] == [(BEES, "How do bees make honey?"), (began, "Hi")]
    here = records.conversations.load(BEES)
    assert here is not None
    assert [message.content for message in here.messages[-2:]] == ["Thanks", "Yes."]
    gone = ConversationSwitched(turn="t", conversation=BEES, to="no such one")
    played(records, history, gone)
    assert history.conversation.id == BEES
    assert said[-1].startswith("error: no conversation has the id")


def test_an_answer_that_was_cut_off_is_marked_for_as_long_as_it_is_kept(records: Records) -> None:
    said: list[str] = []
    history = ChatHistory(records, "", lambda line, indent=0: said.append(line))
    played(records, history, cut_off=True)
    history.go_on(None)
    assert said[-1] == "(This answer was cut off at the most tokens.)"
    played(records, history)
    history.go_on(None)
    assert said[-1] == "Yes."
    saved, details = records.conversations.load(history.conversation.id), records.details
    assert saved is not None
    lines = unfinished_lines(saved.messages, details.load(saved.id))
    assert lines == {1: "(This answer was cut off at the most tokens.)"}
    history.take_back()
    history.take_back()
    played(records, history)
    assert details.load(saved.id) == {}


def test_rows_of_the_list_are_set_off_alike_with_the_held_one_too(records: Records) -> None:
    said: list[tuple[str, int]] = []
    history = ChatHistory(records, "", lambda line, indent=0: said.append((line, indent)))
    played(records, history)
    said.clear()
    history.list()
    assert said[0][0].startswith("*  1  ")
    assert {indent for _, indent in said} == {len("*  1  ")}


def test_a_tool_may_delete_the_conversation_that_is_held(records: Records) -> None:
    said: list[str] = []
    history = ChatHistory(records, "Be kind.", lambda line, indent=0: said.append(line))
    played(records, history)
    first = history.conversation.id
    records.conversations.delete(first)
    played(records, history, text="And now?")
    second = history.conversation
    assert second.id != first
    assert said == ["This conversation was deleted; another begins."]
    assert [m.role for m in second.messages] == ["system", "user", "assistant"]
    assert first not in {entry.id for entry in records.conversations.list()}
    assert second.id in {entry.id for entry in records.conversations.list()}


def test_each_conversation_has_what_is_known_when_it_begins(records: Records) -> None:
    history = ChatHistory(
        records, "Be kind.", lambda line, indent=0: None, known=records.facts.in_words
    )
    assert history.conversation.preface == ""
    played(records, history)
    first = history.conversation.id
    records.facts.add("My cat is called Miso.")
    assert history.conversation.preface == ""
    history.begin()
    assert history.conversation.preface.endswith("\n- My cat is called Miso.")
    assert history.conversation.head == [Message("system", "Be kind.")]
    played(records, history, text="And now?")
    second = history.conversation
    records.facts.add("I live in Oslo.")
    history.switch(first)
    assert history.conversation.preface == ""
    history.switch(second.id)
    assert history.conversation == second


# Reminders


def test_what_came_due_while_nothing_ran_is_shown_once(home: Path) -> None:
    with Records(home / "records.sqlite3") as records:
        records.reminders.add("call the bank", time.time() - 60)
    shown, told = talk(home, "/quit")
    assert shown == []
    assert told.startswith("reminder for ")
    assert told.count("call the bank") == len(told.splitlines()) == 1
    assert talk(home, "/quit") == ([], "")


def test_one_question_leaves_reminders_for_the_next_talk(home: Path) -> None:
    with Records(home / "records.sqlite3") as records:
        records.reminders.add("call the bank", time.time() - 60)
        assert chat(home, "-p", "Hello", *TOO_SMALL)[0] == 1
        assert len(records.reminders.due()) == 1


def test_one_that_comes_due_at_the_prompt_is_shown_above_it(home: Path) -> None:
    line, environ = command(home, "chat", "--json")
    with Records(home / "records.sqlite3") as records:
        records.reminders.add("take the cake out", time.time() + 1)
    with subprocess.Popen(
        line, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as chat:
        assert chat.stdout is not None
        event = json.loads(chat.stdout.readline())
        assert (event["kind"], event["text"]) == ("reminder_due", "take the cake out")
        assert chat.poll() is None, "it still waits for a line"
        assert chat.communicate("/quit\n") == ("", None)
    assert chat.returncode == 0
    logs = "".join(path.read_text() for path in (home / "runs").glob("*"))
    assert "cake" not in logs


def test_a_reminder_leaves_what_is_being_typed(home: Path) -> None:
    with seen_terminal(*command(home, "chat")) as terminal:
        terminal.wait_for_prompt()
        terminal.press("/tit")
        terminal.wait_for("> /tit")
        with Records(home / "records.sqlite3") as records:
            records.reminders.add("take the cake out", time.time())
        terminal.wait_for("take the cake out")
        terminal.wait_for_prompt("> /tit")
        terminal.press("le\r")
        terminal.wait_for("write the title")
        terminal.press("/quit\r")
        assert terminal.end() == 0


def torn(event: ReminderDue) -> None:
    """A screen that is gone."""
    raise BrokenPipeError(event.text)


def test_a_watch_shows_what_comes_due_and_ends(tmp_path: Path) -> None:
    clock = Clock()
    shown: queue.SimpleQueue[ReminderDue] = queue.SimpleQueue()
    warned: list[str] = []
    with Records(tmp_path / "records.sqlite3", clock=clock) as records:
        watch = ReminderWatch(records.reminders, warned.append, longest_wait_s=0.01)
        records.reminders.add("tea", clock.now_s + 100)
        with watch.watching(shown.put):
            clock.now_s += 100
            assert shown.get().text == "tea"
            # One that is set while somebody waits.
            records.reminders.add("coffee", clock.now_s)
            assert shown.get().text == "coffee"
        records.reminders.add("late", clock.now_s)
        assert shown.empty()
        with pytest.raises(BrokenPipeError):
            watch.deliver(torn)
        watch.deliver(shown.put)  # what could not be printed was not seen
        assert shown.get().text == "late"
        records.close()
        with watch.watching(shown.put):
            pass
        watch.deliver(shown.put)
        watch.deliver(shown.put)
    assert len(warned) == 1
    assert warned[0].startswith("warning: reminders are not shown")


# airunner conversations


def test_the_commands_list_show_and_delete(home: Path) -> None:
    environ = {"AIRUNNER_HOME": str(home)}
    code, text, _ = invoke("conversations", "list", **environ)
    assert (code, [line[:8] for line in text.splitlines()]) == (
        0,
        ["id      ", "b0a7b0a7", "bee5bee5"],
    )
    with Records(home / "records.sqlite3") as records:
        branch = records.branches.add(BEES, 2, 2)
    assert branch is not None
    _, text, _ = invoke("conversations", "list", **environ)
    listed = [(line[:8], line.endswith("(2 versions)")) for line in text.splitlines()[1:]]
    assert listed == [(branch.id[:8], True), ("b0a7b0a7", False)]
    with Records(home / "records.sqlite3") as records:
        records.conversations.delete(branch.id)
    _, text, _ = invoke("conversations", "list", "--json", **environ)
    assert [(e["id"], e["messages"]) for e in json.loads(text)["conversations"]] == [
        (BOATS, 2),
        (BEES, 2),
    ]
    _, text, _ = invoke("conversations", "list", "--search", "nectar", "--json", **environ)
    assert [e["id"] for e in json.loads(text)["conversations"]] == [BEES]
    _, text, _ = invoke("conversations", "show", "bee5", **environ)
    assert text.splitlines()[1:] == [
        "",
        "system:",
        "Be brief.",
        "",
        "user:",
        "How do bees make honey?",
        "",
        "assistant:",
        "They collect \\x1b[2Jnectar.",
        "In blossoms.",
    ]
    with Records(home / "records.sqlite3") as records:
        records.conversations.save(BOATS, [*FLEET, Message("user", "And?")], revision=1)
    _, text, _ = invoke("conversations", "show", "b0a7", **environ)
    assert text.endswith("A sloop.\n\nuser:\nAnd?\n\n(Not answered.)\n")
    with Records(home / "records.sqlite3") as records:
        records.conversations.save(BOATS, FLEET, revision=2)
    _, text, _ = invoke("conversations", "show", "bee5", "--json", **environ)
    assert json.loads(text)["messages"][2]["tool_calls"][0]["arguments"] == {"a": 1}
    code, _, stderr = invoke("conversations", "show", "b", **environ)
    assert (code, "several conversations" in stderr) == (2, True)
    code, _, stderr = invoke("conversations", "delete", "bee5", **environ)
    assert (code, list(saved(home))) == (1, [BOATS, BEES])
    lot = ParkingLot((Tier("disk", SessionFolder(home / "parked"), 100),))
    files = {}
    for name in (BEES, BOATS):
        _, files[name] = next(lot.offers(1, name))
        files[name].write_bytes(b"the state that another process has parked")
    code, _, stderr = invoke("conversations", "delete", "bee5", "--yes", **environ)
    assert (code, stderr) == (0, "Deleted 'How do bees make honey?'.\n")
    assert list(saved(home)) == [BOATS]
    assert [name for name, file in files.items() if file.exists()] == [BOATS]
    lot.close()


def test_conversations_are_exported_and_deleted_together(home: Path) -> None:
    environ = {"AIRUNNER_HOME": str(home)}
    table = marked("attached/sales.csv", "a,b\n1,2", "2 lines")
    with Records(home / "records.sqlite3") as records:
        records.conversations.save("c" * 32, [Message("user", f"{table}Which columns?")])
    _, text, _ = invoke("conversations", "show", "ccc", **environ)
    assert "user:\n[attached/sales.csv, 2 lines]\nWhich columns?\n" in text
    _, text, _ = invoke("conversations", "export", **environ)
    whole = json.loads(text)["conversations"]
    assert {(each["id"], len(each["messages"])) for each in whole} == {
        ("c" * 32, 1),
        (BOATS, 2),
        (BEES, 5),
    }
    _, text, _ = invoke("conversations", "export", "b0a7", "--markdown", **environ)
    assert "## Assistant\n\nA sloop.\n" in text
    assert invoke("conversations", "delete", **environ)[0] == 2
    code, _, told = invoke("conversations", "delete", "b0a7", "bee5", "b0a7b", "-y", **environ)
    assert (code, told) == (0, "Deleted 2 conversations.\n")
    assert list(saved(home)) == ["c" * 32]
    assert invoke("conversations", "delete", "--all", "--yes", **environ)[0] == 0
    assert saved(home) == {}
