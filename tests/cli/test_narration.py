"""Events in words."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Any

from airunner import events
from airunner.cli.narration import narrate

VALUES: dict[str, Any] = {
    "str": "text",
    "int": 1234,
    "int | None": None,
    "float": 1.25,
    "float | None": None,
    "bool": True,
    "dict[str, Any]": {},
    "dict[str, str]": {},
    "bytes | None": None,
    "tuple[str, ...]": (),
}
SILENT = {
    "call_streamed",  # it is told once it is whole
    "catalog_changed",  # who shows a list of models is told
    "setup_changed",  # who shows settings, rules, servers or keys is told
    "remembered_changed",  # who shows notes, facts or reminders is told
    "conversation_changed",  # who shows the conversation is told
    "decided",
    "download_progressed",
    "drawing_changed",  # its picture is told, and who asked for it knows its end
    "external_call_made",  # a program that brought the tool is told, not a person
    "image_stepped",
    "permission_asked",  # the question itself is on the screen
    "permission_decided",  # where it is allowed, what follows says so
    "turn_started",
    "text_streamed",
    "turn_finished",
}


def test_every_event_about_models_memory_and_tools_has_a_line() -> None:
    kinds = [
        value
        for value in vars(events).values()
        if isinstance(value, type) and issubclass(value, events.Event) and value is not events.Event
    ]
    silent = set()
    for kind in kinds:
        fields = [f for f in dataclasses.fields(kind) if f.name != "at_s"]
        event = kind(**{f.name: VALUES[str(f.type)] for f in fields})
        line = narrate(event.as_json())
        if line is None:
            silent.add(event.kind)
        else:
            assert "\n" not in line
    assert silent == SILENT


def test_a_line_has_bytes_and_seconds() -> None:
    loaded = events.ModelLoaded(
        model="maker/Small-1B",
        device="cpu:1",
        predicted_bytes=220_069_920,
        measured_bytes=None,
        load_s=0.554,
        n_ctx=8192,
        n_threads=2,
        pid=7,
    )
    assert narrate(loaded.as_json()) == (
        "loaded Small-1B on cpu:1 in 0.55 s: 220 MB predicted, unknown measured, context 8,192"
    )


def test_an_image_model_has_no_context() -> None:
    loaded = events.ModelLoaded(
        model="airunner/shapes-64",
        device="cpu",
        predicted_bytes=500_000_000,
        measured_bytes=490_000_000,
        load_s=2.0,
        n_ctx=None,
        n_threads=1,
        pid=7,
    )
    assert narrate(loaded.as_json()) == (
        "loaded shapes-64 on cpu in 2 s: 500 MB predicted, 490 MB measured"
    )


def test_a_saved_picture_says_where() -> None:
    saved = events.PictureSaved(
        model="airunner/shapes-64",
        owner="x",
        path="/pictures/a cat.png",
        width=64,
        height=32,
        seconds=0.5,
        settings={"seed": "7"},
    )
    assert narrate(saved.as_json()) == (
        "saved /pictures/a cat.png: 64x32 pixels, seed 7, drawn in 0.5 s"
    )


def test_a_denial_says_by_whom() -> None:
    def denied(by: str) -> str | None:
        decided = events.PermissionDecided(
            turn="t", call="c", question="", tool="save_note", allowed=False, by=by
        )
        return narrate(decided.as_json())

    assert denied("user") == "tool save_note denied: you said no"
    assert denied("rule") == "tool save_note denied: a rule forbids it"
    assert denied("nobody") == (
        "tool save_note denied: nobody is there to allow it, as there is no terminal to ask on; "
        "`--permissions save_note=allow` does"
    )


def test_a_line_is_one_line_and_cannot_steer_the_terminal() -> None:
    failed = events.ToolServerFailed(server="odd", problem="it \x1b[2J ended\r\nat once")
    assert narrate(failed.as_json()) == "MCP server odd: it \\x1b[2J ended at once"


def test_a_reminder_has_its_time_and_its_words_unless_they_were_not_logged() -> None:
    due_s = datetime(2027, 3, 18, 9, 5).timestamp()
    due = events.ReminderDue(number=3, text="call the bank", due_s=due_s).as_json()
    assert narrate(due) == "reminder for Thu 18 Mar, 09:05: call the bank"
    del due["text"]
    assert narrate(due) == "reminder for Thu 18 Mar, 09:05"


def test_a_wait_for_others_is_told_with_the_place() -> None:
    waits = events.SlotAwaited(model="maker/small", conversation="c", ahead=1, wait_s=None)
    assert narrate(waits.as_json()) == "waiting for small: it answers others (1 before you)"


def test_what_was_shortened_is_told_without_counting_what_was_not() -> None:
    trimmed = events.HistoryTrimmed(turn="t", dropped_messages=0, n_ctx=8192, shortened_messages=1)
    assert narrate(trimmed.as_json()) == (
        "the middle of a long message left out, only beginning and end are read, "
        "to fit the context of 8,192 tokens"
    )
    both = dataclasses.replace(trimmed, dropped_messages=1, left_out_media=2)
    assert str(narrate(both.as_json())).startswith(
        "1 old message and 2 old pictures or recordings left out; the middle"
    )
