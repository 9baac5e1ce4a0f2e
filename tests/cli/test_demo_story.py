"""What the demo counts as success, judged from events alone."""

from __future__ import annotations

from typing import Any

import pytest

from airunner.cli.demo_story import MARGIN_BYTES, Story, tight_budget
from airunner.components.llm.config.model_capabilities import (
    EMBEDDED_ARTIST,
    EMBEDDED_PRIMARY,
    EMBEDDED_SPECIALIST,
)

SIZES = {
    EMBEDDED_PRIMARY: 200_000_000,
    EMBEDDED_SPECIALIST: 250_000_000,
    EMBEDDED_ARTIST: 6 * 10**8,
}
Record = dict[str, Any]


def good_run() -> list[Record]:
    return [
        {"kind": "model_loaded", "model": EMBEDDED_PRIMARY, "load_s": 0.5},
        {"kind": "turn_finished", "outcome": "answered", "text": "1871", "problem": ""},
        {"kind": "model_parked", "model": EMBEDDED_PRIMARY, "park_s": 0.1},
        {"kind": "model_released", "model": EMBEDDED_PRIMARY, "stop_s": 0.1, "peak_bytes": 9},
        {"kind": "model_loaded", "model": EMBEDDED_SPECIALIST, "load_s": 0.4},
        {"kind": "model_released", "model": EMBEDDED_SPECIALIST, "stop_s": 0.1, "peak_bytes": 9},
        {"kind": "model_loaded", "model": EMBEDDED_ARTIST, "load_s": 2.0},
        {
            "kind": "picture_saved",
            "path": "/pictures/a.png",
            "seconds": 0.7,
            "settings": {"prompt": "a red circle, mist"},
        },
        {"kind": "model_released", "model": EMBEDDED_ARTIST, "stop_s": 0.2, "peak_bytes": 9},
        {"kind": "model_loaded", "model": EMBEDDED_PRIMARY, "load_s": 0.5},
        {"kind": "model_restored", "model": EMBEDDED_PRIMARY, "restore_s": 0.1},
        {"kind": "tool_call_finished", "problem": ""},
        {"kind": "cache_proven", "model": EMBEDDED_PRIMARY, "cached_tokens": 900},
        {"kind": "turn_finished", "outcome": "answered", "text": "Here it is.", "problem": ""},
    ]


def story_of(events: list[Record]) -> Story:
    return Story(SIZES, tight_budget(SIZES), list(events))


def test_a_good_run_is_told_in_figures() -> None:
    story = story_of(good_run())
    assert story.problem == ""
    figures = story.summary()
    assert (figures["ok"], figures["rounds"]) == (True, 1)
    assert (figures["artist_load_s"], figures["draw_s"]) == (2.0, 0.7)
    assert (figures["picture"], figures["drawn_prompt"]) == (
        "/pictures/a.png",
        "a red circle, mist",
    )
    assert figures["answer"] == "Here it is."


def test_the_budget_holds_the_largest_and_nothing_beside_it() -> None:
    assert tight_budget(SIZES) == SIZES[EMBEDDED_ARTIST] + MARGIN_BYTES
    assert tight_budget(SIZES) < SIZES[EMBEDDED_ARTIST] + SIZES[EMBEDDED_PRIMARY]


def test_a_budget_that_holds_all_is_refused_before_it_begins() -> None:
    assert Story(SIZES, sum(SIZES.values()) - 1).hindrance == ""
    assert "holds all models (1.05 GB)" in Story(SIZES, sum(SIZES.values())).hindrance


@pytest.mark.parametrize(
    ("left_out", "problem"),
    [
        ("picture_saved", "nothing was drawn"),
        ("tool_call_finished", "called no tool"),
        ("model_parked", "nothing had to leave memory"),
        ("cache_proven", "did not prove"),
    ],
)
def test_what_did_not_happen_is_said(left_out: str, problem: str) -> None:
    events = [event for event in good_run() if event["kind"] != left_out]
    assert problem in story_of(events).problem


@pytest.mark.parametrize(
    ("event", "problem"),
    [
        ({"kind": "tool_call_finished", "problem": "no image library"}, "no image library"),
        ({"kind": "specialist_failed", "problem": "gone"}, "could not be enhanced: gone"),
        ({"kind": "model_loaded", "model": EMBEDDED_PRIMARY}, "left 2 times for one picture"),
        ({"kind": "cache_lost", "reason": "other"}, "did not serve: other"),
        ({"kind": "turn_finished", "outcome": "failed", "problem": "x"}, "a turn ended as failed"),
    ],
)
def test_what_went_wrong_is_said(event: Record, problem: str) -> None:
    assert problem in story_of([*good_run(), event]).problem
