"""What is told while an answer is awaited."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from airunner.agent.turn import NO_ANSWER
from airunner.events import (
    Decided,
    DownloadProgressed,
    Event,
    HistoryTrimmed,
    MemoryAwaited,
    ModelLoaded,
    ModelParked,
    ModelRestored,
    SlotAwaited,
    TextStreamed,
    ToolCallFinished,
    ToolCallStarted,
    TurnStarted,
)
from airunner.messages import Message
from airunner.pictures import PicturesFolder
from airunner.server.native.turn_account import TurnAccount, TurnAccountant
from airunner.ui.chat.happening import READING, Happening
from airunner.ui.chat.message_html import Made, Talk, talk_html

STARTED = TurnStarted(turn="t", conversation="c", model="a/m")


def decided(action: str, **more: object) -> Decided:
    return Decided(action=action, model="a/m", device="cpu", reason="because", **more)


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (decided("start_load", needed_bytes=2_100_000_000), "loading m (2.10 GB)…"),
        (
            SlotAwaited(model="a/m", conversation="c", ahead=2, wait_s=200.0),
            "waiting for m: it answers others (2 before you, about 3 min)…",
        ),
        (
            MemoryAwaited(
                owner="o",
                model="",
                holder=7,
                command="airunner chat",
                models=("a/m",),
                held_bytes=394_000_000,
                since_s=None,
                wait_s=None,
                longest_s=600.0,
            ),
            "waiting for memory: airunner chat (process 7) holds 394 MB, with m; "
            "it goes on by itself when that one answers nobody…",
        ),
        (decided("park"), "parking the conversations of m…"),
        (decided("hold"), "waiting for m: because"),
        (DownloadProgressed(model="a/m", done_bytes=1, total_bytes=4), "fetching m 25 %…"),
        (
            ModelParked(
                model="a/m", conversations=1, tokens=1200, parked_bytes=1, park_s=0.1, tier="memory"
            ),
            "parked 1,200 tokens of m",
        ),
        (
            ModelRestored(model="a/m", conversation="c", tokens=1200, restore_s=0.1),
            f"m is back with 1,200 tokens; {READING}",
        ),
        (
            ModelLoaded(
                model="a/m",
                device="cpu",
                predicted_bytes=1,
                measured_bytes=None,
                load_s=1,
                n_ctx=None,
                n_threads=1,
                pid=1,
            ),
            f"m is in memory; {READING}",
        ),
    ],
)
def test_a_swap_is_seen_while_the_turn_waits(event: Event, line: str) -> None:
    happening = Happening()
    happening.take(STARTED)
    assert happening.take(event) == line
    assert happening.take(TextStreamed(turn="t", text="Hello")) == ""
    # Somebody else's, as this turn has what it needs; but not if its own model has to be loaded.
    is_load = isinstance(event, Decided) and event.action == "start_load"
    assert happening.take(event) == (line if is_load else "")


def test_what_another_is_granted_is_not_what_this_turn_waits_for() -> None:
    happening = Happening()
    for event in (STARTED, decided("hold")):
        happening.take(event)
    others = {"model": "a/artist", "device": "cpu", "reason": "loaded"}
    for action in ("grant", "hold", "start_load"):
        assert happening.take(Decided(action=action, **others)) == "waiting for m: because"
    assert happening.take(decided("grant")) == READING


def test_a_wait_for_others_ends_with_the_last_of_them() -> None:
    happening = Happening()
    happening.take(STARTED)
    wait = SlotAwaited(model="a/m", conversation="c", ahead=1, wait_s=None)
    line = "waiting for m: it answers others (1 before you)…"
    assert happening.take(wait) == line
    assert happening.take(dataclasses.replace(wait, model="a/artist", ahead=0)) == line
    assert happening.take(dataclasses.replace(wait, ahead=0)) == f"m is free; {READING}"


def test_a_tool_and_its_specialist_are_waited_for_too() -> None:
    happening = Happening()
    happening.take(STARTED)
    happening.take(TextStreamed(turn="t", text="Hello"))
    happening.take(ToolCallStarted(turn="t", call="c", tool="draw", arguments={}))
    artist = {"model": "a/artist", "device": "cpu", "reason": "because"}
    assert happening.take(Decided(action="hold", **artist)) == "waiting for artist: because"
    assert happening.take(Decided(action="start_load", **artist)) == "loading artist…"
    finished = ToolCallFinished(turn="t", call="c", tool="draw", result="", problem="", seconds=1)
    assert happening.take(finished) == READING


def test_a_message_that_was_shortened_is_told_now_and_below_the_answer() -> None:
    accountant = TurnAccountant("c", lambda _: ())
    trimmed = HistoryTrimmed(turn="t", dropped_messages=0, n_ctx=8192, shortened_messages=1)
    for event in (STARTED, trimmed):
        accountant.take(event)
    words = (
        "the middle of a long message left out, only beginning and end are read, "
        "to fit the context of 8,192 tokens"
    )
    assert Happening().take(trimmed) == words
    messages = [Message("user", "w" * 100), Message("assistant", "Yes.")]
    talk = Talk("c", messages, PicturesFolder(Path("none")), {0: accountant.account})
    assert f"T{words[1:]}." in talk_html(talk)[1]


def test_a_question_that_nothing_came_of_is_said_to_be_not_answered(tmp_path: Path) -> None:
    alone = Talk("a", [Message("user", "Hello?")], PicturesFolder(tmp_path))
    assert "<p>Not answered.</p><button" in talk_html(alone)[1]


def test_an_answer_that_was_cut_off_says_so_and_goes_on_where_it_is_the_last(
    tmp_path: Path,
) -> None:
    said = [Message("user", "Write."), Message("assistant", "The")] * 2
    cut = TurnAccount(outcome="answered", cut_off=True)
    pieces = talk_html(Talk("a", said, PicturesFolder(tmp_path), {0: cut, 2: cut}))
    marked = ["<p>This answer was cut off at the most tokens.</p>" in each for each in pieces]
    assert marked == [False, True, False, True]
    assert ['data-act="continue"' in each for each in pieces] == [False, False, False, True]


def test_only_what_has_changed_is_made_anew(tmp_path: Path) -> None:
    def talk(*said: str, **accounts: TurnAccount) -> Talk:
        messages = [Message(("user", "assistant")[at % 2], words) for at, words in enumerate(said)]
        by_place = {int(place[1:]): account for place, account in accounts.items()}
        return Talk("a", messages, PicturesFolder(tmp_path), by_place)

    made: Made = []
    first = talk_html(talk("One?", "1", "Two?", "2"), made)
    cut = TurnAccount(outcome="answered", cut_off=True)
    later = talk("One?", "1", "Two?", "2", "Three?", "3", _2=cut)
    then = talk_html(later, made)
    assert then == talk_html(later)
    assert [a is b for a, b in zip(first, then, strict=False)] == [True, True, False, False]
    assert talk_html(talk("One?", "1"), made) == talk_html(talk("One?", "1"))


def test_why_an_answer_failed_is_said_below_it(tmp_path: Path) -> None:
    failed = TurnAccount(outcome="failed", problem="A < B.")
    messages = [Message("user", "Hello?"), Message("assistant", NO_ANSWER)]
    talk = Talk("a", messages, PicturesFolder(tmp_path), {0: failed})
    assert "<p>A &lt; B.</p>" in talk_html(talk)[1]
