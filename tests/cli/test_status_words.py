"""One turn's line says what that turn waits for, whatever others wait for meanwhile."""

from __future__ import annotations

from airunner.cli.status_words import StatusWords
from airunner.events import (
    Decided,
    Event,
    ModelRestored,
    SlotAwaited,
    TextStreamed,
    ToolCallFinished,
    ToolCallStarted,
    TurnStarted,
)

STARTED = TurnStarted(turn="t", conversation="c", model="a/m")
CALL = ToolCallStarted(turn="t", call="c", tool="generate_image", arguments={})
CALLED = ToolCallFinished(
    turn="t", call="c", tool="generate_image", result="", problem="", seconds=1.0
)
SAID = TextStreamed(turn="t", text="Hello")


def decided(action: str, model: str) -> Decided:
    return Decided(action=action, model=model, device="cpu", reason="because")


def restored(model: str) -> ModelRestored:
    return ModelRestored(model=model, conversation="c", tokens=10, restore_s=0.1)


def queued(ahead: int) -> SlotAwaited:
    return SlotAwaited(model="a/m", conversation="c", ahead=ahead, wait_s=None)


def lines(*events: Event) -> list[str | None]:
    words = StatusWords()
    return [words.take(event) for event in events]


def test_a_model_that_is_loaded_behind_the_first_words_is_told() -> None:
    told = lines(STARTED, CALL, CALLED, SAID, decided("start_load", "a/m"), SAID)
    assert told == ["thinking", "generate_image", "thinking", "", "loading m", ""]


def test_a_swap_for_this_turn_is_told_and_one_for_another_s_is_not() -> None:
    assert lines(
        STARTED,
        decided("start_load", "a/artist"),
        decided("park", "a/artist"),
        decided("start_load", "a/m"),
        restored("a/artist"),
        restored("a/m"),
        decided("park", "a/artist"),
        SAID,
        decided("park", "a/m"),
    ) == [
        "thinking",
        None,
        "swapping: artist makes room",
        "loading m",
        None,
        "reading, with m",
        None,
        "",
        None,
    ]


def test_who_waits_for_others_is_told_of_no_swap_and_of_the_end_of_the_wait() -> None:
    waits = "waiting for m: it answers others ({} before you)"
    assert lines(
        STARTED,
        queued(2),
        decided("start_load", "a/artist"),
        decided("stop", "a/coder"),
        restored("a/artist"),
        queued(1),
        queued(0),
    ) == ["thinking", waits.format(2), None, None, None, waits.format(1), "reading, with m"]


def test_a_tool_waits_for_any_model_and_the_answer_after_it_for_its_own() -> None:
    assert lines(
        STARTED,
        restored("a/m"),
        SAID,
        CALL,
        decided("park", "a/m"),
        decided("start_load", "a/artist"),
        CALLED,
        decided("stop", "a/artist"),
        decided("start_load", "a/coder"),
        decided("start_load", "a/m"),
    )[3:] == [
        "generate_image",
        "swapping: m makes room",
        "loading artist",
        "thinking",
        "swapping: artist makes room",
        None,
        "loading m",
    ]
