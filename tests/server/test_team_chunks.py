"""What a client hears of a turn's events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from airunner.events import (
    Event,
    ExternalCallMade,
    GenerationFinished,
    ImageStepped,
    ModelLoaded,
    PermissionDecided,
    PictureSaved,
    TextStreamed,
    ToolCallFinished,
    ToolCallStarted,
    TurnFinished,
    TurnStarted,
)
from airunner.models.spec import ModelCapability
from airunner.server.chunks import Completion
from airunner.server.team_chunks import TurnChunks

TURN = "turn_1"


def text(said: str, *, reasoning: bool = False) -> TextStreamed:
    return TextStreamed(turn=TURN, text=said, reasoning=reasoning)


def generated(prompt: int, cached: int, completion: int, finish: str = "stop") -> Event:
    return GenerationFinished(
        turn=TURN,
        model="m",
        conversation="c",
        prompt_tokens=prompt,
        cached_tokens=cached,
        completion_tokens=completion,
        ttft_s=0.1,
        total_s=0.2,
        finish_reason=finish,
    )


def started(tool: str, **arguments: Any) -> Event:
    return ToolCallStarted(turn=TURN, call="c1", tool=tool, arguments=arguments)


def done(tool: str, problem: str = "") -> Event:
    return ToolCallFinished(
        turn=TURN, call="c1", tool=tool, result="5", problem=problem, seconds=0.25
    )


def loaded(model: str = "org/Painter") -> Event:
    return ModelLoaded(
        model=model,
        device="cpu",
        predicted_bytes=1,
        measured_bytes=1,
        load_s=2.0,
        n_ctx=None,
        n_threads=1,
        pid=1,
    )


def saved(owner: str) -> Event:
    return PictureSaved(
        model="org/Painter",
        owner=owner,
        path="/home/a b/cat.png",
        width=8,
        height=8,
        seconds=1.0,
        settings={},
    )


def finished(outcome: str = "answered", *, cut_off: bool = False) -> Event:
    return TurnFinished(turn=TURN, outcome=outcome, text="", steps=1, total_s=1.0, cut_off=cut_off)


def uses(tool: str) -> dict[ModelCapability, str]:
    return {ModelCapability.TRANSLATION: "org/Translator"} if tool == "translate" else {}


def chunks(*events: Event) -> Iterator[dict[str, Any]]:
    told = TurnChunks(uses)
    begun = TurnStarted(turn=TURN, conversation="c", model="m")
    return (chunk for event in (begun, *events) for chunk in told.feed(event))


def whole(*events: Event) -> Completion:
    completion = Completion()
    for chunk in chunks(*events):
        completion.add(chunk)
    return completion


def test_what_tools_do_are_lines_of_the_reasoning_and_pictures_are_links() -> None:
    found = whole(
        text("Hm.", reasoning=True),
        text("I draw."),
        generated(100, 0, 5, "tool_calls"),
        started("translate", text="cat"),
        loaded(),
        saved("somebody else"),
        saved(TURN),
        done("translate"),
        text("Here it is."),
        generated(130, 105, 4),
        finished(),
    )
    assert found.texts["content"] == ("I draw.\n\n![picture](</home/a b/cat.png>)\n\nHere it is.")
    assert found.texts["reasoning_content"].splitlines() == [
        "Hm.",
        'tool translate(text="cat"), with Translator for translation',
        "saved /home/a b/cat.png",
        "tool translate done in 0.25 s",
    ]
    assert found.finish_reason == "stop"


def test_the_cost_is_the_last_prompt_and_what_had_to_be_computed() -> None:
    found = whole(
        generated(100, 40, 5), started("add"), done("add"), generated(130, 105, 4), finished()
    )
    assert found.usage["prompt_tokens"] == 130
    assert found.usage["completion_tokens"] == 9
    # 60 of the first prompt and 25 of the second.
    assert found.usage["prompt_tokens_details"] == {"cached_tokens": 45}


def test_a_text_is_never_interrupted_by_what_others_do() -> None:
    found = list(chunks(text("Once upon"), loaded(), text(" a time"), generated(9, 0, 4)))
    assert ["airunner" in chunk for chunk in found] == [False, False]


def test_calls_of_the_client_end_the_answer() -> None:
    calls = [
        ExternalCallMade(turn=TURN, call=f"c{n}", tool="open", arguments={"n": n}) for n in (1, 2)
    ]
    found = whole(generated(9, 0, 4, "tool_calls"), *calls, finished("tool_calls"))
    assert found.finish_reason == "tool_calls"
    assert [(call.id, call.arguments) for call in found.message.tool_calls] == [
        ("c1", {"n": 1}),
        ("c2", {"n": 2}),
    ]


def test_an_answer_that_was_cut_says_so() -> None:
    assert whole(text("Once"), finished(cut_off=True)).finish_reason == "length"


def test_a_step_is_an_event_for_those_who_know_it() -> None:
    denied = PermissionDecided(
        turn=TURN, call="c1", question="", tool="burn", allowed=False, by="nobody"
    )
    step = ImageStepped(model="m", owner=TURN, step=1, steps=4, preview_png=b"pixels")
    found = list(chunks(denied, step))
    assert [chunk["airunner"]["kind"] for chunk in found] == ["permission_decided", "image_stepped"]
    assert "preview_png" not in found[1]["airunner"]
    first, second = (chunk["choices"][0]["delta"] for chunk in found)
    assert (first, second) == ({"role": "assistant"}, {})
