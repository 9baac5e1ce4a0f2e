"""What a person sees of a turn: results, the end, and nothing that steers the terminal."""

from __future__ import annotations

from contextlib import redirect_stderr, redirect_stdout
from io import StringIO

import pytest

from airunner.cli.chat_screen import AnswerScreen, TalkScreen
from airunner.cli.turn_ending import is_answered
from airunner.events import (
    Event,
    GenerationFinished,
    PermissionDecided,
    TextStreamed,
    ToolCallFinished,
    ToolCallStarted,
    TurnFinished,
    TurnStarted,
)

Output = pytest.CaptureFixture[str]


def said(text: str, *, reasoning: bool = False) -> TextStreamed:
    return TextStreamed(turn="t", text=text, reasoning=reasoning)


def generated(reason: str = "stop", tokens: int = 48) -> GenerationFinished:
    return GenerationFinished(
        turn="t",
        model="m",
        conversation="c",
        prompt_tokens=9,
        cached_tokens=0,
        completion_tokens=tokens,
        ttft_s=0.1,
        total_s=0.2,
        finish_reason=reason,
    )


def called(result: str = "", problem: str = "") -> list[Event]:
    return [
        ToolCallStarted(turn="t", call="c", tool="calculate", arguments={}),
        ToolCallFinished(
            turn="t", call="c", tool="calculate", result=result, problem=problem, seconds=0.5
        ),
    ]


def ended(
    text: str = "", outcome: str = "answered", problem: str = "", *, cut_off: bool = False
) -> TurnFinished:
    return TurnFinished(
        turn="t",
        outcome=outcome,
        text=text,
        steps=9,
        total_s=1.0,
        problem=problem,
        cut_off=cut_off,
    )


def shown(capsys: Output, screen: TalkScreen, *events: Event) -> tuple[str, str]:
    """What went to stdout and stderr."""
    with screen:
        for event in (TurnStarted(turn="t", conversation="c", model="m"), *events):
            screen.show(event)
    captured = capsys.readouterr()
    return captured.out, captured.err


ABOVE = "What the tools returned is above."
THOUGHT = said("Hm, percent …", reasoning=True)


# Results


def test_what_a_tool_returned_is_seen_whatever_the_model_makes_of_it(capsys: Output) -> None:
    events = [*called("17 % of 2340 = 397.8"), said("It is 4,112."), ended("It is 4,112.")]
    seen, told = shown(capsys, TalkScreen(), *events)
    assert seen == "It is 4,112.\n"
    assert told == "tool calculate …\ntool calculate done in 0.5 s\n  17 % of 2340 = 397.8\n"
    answer, remarks = shown(capsys, AnswerScreen(), *events)
    assert (answer, remarks) == ("It is 4,112.\n", "")
    answer, remarks = shown(capsys, AnswerScreen(), *events[:2], ended())
    assert answer == ""
    assert "\n  17 % of 2340 = 397.8\n" in remarks


def test_a_long_result_is_cut_and_one_that_steers_is_escaped(capsys: Output) -> None:
    _, seen = shown(capsys, TalkScreen(), *called("\x1b[2J" + "row\n" * 500), ended("Done."))
    assert seen.splitlines()[2:4] == ["  \\x1b[2Jrow", "  row"]
    assert "  … 490 more lines\n" in seen
    assert "\x1b" not in seen


def test_every_line_of_what_went_wrong_is_seen(capsys: Output) -> None:
    _, seen = shown(capsys, TalkScreen(), *called(problem="no number\n  in \x9b'x'"), ended("No."))
    assert "tool calculate failed after 0.5 s: no number\n    in \\x9b'x'\n" in seen


def test_a_result_that_goes_to_stdout_anyway_is_not_shown_twice(capsys: Output) -> None:
    _, remarks = shown(capsys, AnswerScreen(shows_results=False), *called("397.8"), ended())
    assert remarks.startswith("tool calculate done in 0.5 s\nNo answer")


def test_a_denial_is_told_once(capsys: Output) -> None:
    denied = PermissionDecided(
        turn="t", call="c", question="", tool="calculate", allowed=False, by="rule"
    )
    failed = called(problem="calculate was not run: a rule forbids it")[-1]
    seen, told = shown(capsys, TalkScreen(), denied, failed, ended("No."))
    assert (seen, told) == ("No.\n", "tool calculate denied: a rule forbids it\n")
    # Where the command itself tells why there is no result, nothing else does.
    assert shown(capsys, AnswerScreen(shows_results=False), denied, failed) == ("", "")


# What the model says


def test_what_the_model_says_cannot_steer_the_terminal(capsys: Output) -> None:
    seen, _ = shown(capsys, TalkScreen(), said("a\x1b[1A"), said("b\n"), ended("a\x1b[1Ab\n"))
    assert seen == "a\\x1b[1Ab\n"
    # Into a pipe the answer goes as it is.
    answer, _ = shown(capsys, AnswerScreen(), ended("a\x1b[1A\tb\n"))
    assert answer == "a\x1b[1A\tb\n"


def test_a_pipe_hears_of_an_answer_and_else_of_all_that_there_was(capsys: Output) -> None:
    before = [said("Let me "), said("calculate.\n"), *called("397.8"), THOUGHT, generated()]
    answer, remarks = shown(capsys, AnswerScreen(), *before, said("397.8"), ended("397.8"))
    assert (answer, remarks) == ("397.8\n", "")
    answer, remarks = shown(capsys, AnswerScreen(), *before, ended())
    assert answer == ""
    assert remarks.startswith("Let me calculate.\ntool calculate done in 0.5 s\n  397.8\n")


def test_an_answer_comes_into_a_pipe_as_it_is_written(capsys: Output) -> None:
    long = "word " * 40
    with AnswerScreen() as screen:
        screen.show(said(long))
        assert capsys.readouterr().out == long
        screen.show(said("\x1b[1A"))
        screen.show(said("end\n\n"))
        assert capsys.readouterr().out == "\x1b[1Aend"
        screen.show(ended(f"{long}\x1b[1Aend\n\n"))
        assert capsys.readouterr() == ("\n", "")
    # What is short may be said before a tool is called; what is long stands for itself.
    seen, _ = shown(capsys, AnswerScreen(), said(long), *called("1"), said("One."), ended("One."))
    assert seen == f"{long}\nOne.\n"


def test_how_an_answer_ended_is_told_behind_it() -> None:
    both = StringIO()
    with redirect_stdout(both), redirect_stderr(both), AnswerScreen() as screen:
        for event in (said("The sea"), generated("length"), ended("The sea", cut_off=True)):
            screen.show(event)
    assert both.getvalue().startswith("The sea\nThe answer was cut off after 48 tokens;")


def test_an_answer_that_was_never_streamed_is_seen_once(capsys: Output) -> None:
    assert shown(capsys, TalkScreen(), *called("1"), ended("One."))[0].count("One.") == 1
    assert shown(capsys, TalkScreen(), said("One."), ended("One."))[0] == "One.\n"


# How it ends


@pytest.mark.parametrize(
    ("events", "line"),
    [
        ([generated()], "No answer: the model said nothing. Ask again, or say it in other words."),
        (
            [said(" \n"), ended(" \n")],
            "No answer: the model said nothing. Ask again, or say it in other words.",
        ),
        (
            [THOUGHT, generated()],
            "No answer: the model thought, but said nothing. Ask again, or say it in other words.",
        ),
        (
            [THOUGHT, generated("length", 1024), ended(cut_off=True)],
            "No answer: the model was still thinking after 1,024 tokens, the most it may use; "
            "allow more with --max-tokens.",
        ),
        (
            [THOUGHT, *called("397.8"), generated()],
            "No answer: the model said nothing. Ask again, or say it in other words. " + ABOVE,
        ),
        (
            [*called("397.8"), ended(outcome="step_limit")],
            "No answer: the model only called tools. No tool could be called any more after 8 "
            "steps; ask to go on, or allow more with --max-steps. " + ABOVE,
        ),
        ([ended(outcome="cancelled")], "Broken off."),
        ([*called("397.8"), ended(outcome="cancelled")], "Broken off. " + ABOVE),
        (
            [ended(outcome="failed", problem="its worker died\x1b[2J")],
            "error: its worker died\\x1b[2J",
        ),
        (
            [*called(problem="no number"), ended(outcome="failed", problem="It died.")],
            "error: It died.",
        ),
    ],
)
def test_a_turn_without_an_answer_says_so(capsys: Output, events: list[Event], line: str) -> None:
    finished = events[-1]
    if not isinstance(finished, TurnFinished):
        finished = ended()
        events = [*events, finished]
    _, told = shown(capsys, TalkScreen(), *events)
    assert told.splitlines()[-1] == line
    answer, remarks = shown(capsys, AnswerScreen(), *events)
    assert answer == ""
    assert remarks.splitlines()[-1] == line
    assert not is_answered(finished)


@pytest.mark.parametrize(
    ("reason", "finished", "line", "answered"),
    [
        ("stop", ended("Yes."), None, True),
        (
            "length",
            ended("Yes, and", cut_off=True),
            "The answer was cut off after 48 tokens; ask to go on, or allow more with "
            "--max-tokens.",
            True,
        ),
        (
            "stop",
            ended("Yes.", "step_limit"),
            "No tool could be called any more after 8 steps; ask to go on, or allow more with "
            "--max-steps.",
            True,
        ),
        (
            "stop",
            ended("Yes, a", "cancelled"),
            "Broken off. What it had said by then is not the whole answer.",
            False,
        ),
        (
            "stop",
            ended("Yes, a", "failed", "It died."),
            "error: It died. What it had said by then is not the whole answer.",
            False,
        ),
    ],
)
def test_an_answer_that_is_not_whole_says_so(
    capsys: Output, reason: str, finished: TurnFinished, line: str | None, answered: bool
) -> None:
    events = [said(finished.text), generated(reason), finished]
    remarks = [] if line is None else [line]
    seen, told = shown(capsys, TalkScreen(), *events)
    assert (seen, told.splitlines()) == (f"{finished.text}\n", remarks)
    answer, told = shown(capsys, AnswerScreen(), *events)
    assert (answer, told.splitlines()) == (f"{finished.text}\n", remarks)
    assert is_answered(finished) == answered


def test_one_turn_says_nothing_of_the_turn_before(capsys: Output) -> None:
    first = [THOUGHT, *called("1"), generated("length"), ended(cut_off=True)]
    second = TurnStarted(turn="u", conversation="c", model="m")
    _, told = shown(capsys, TalkScreen(), *first, second, ended())
    assert told.splitlines()[-1] == (
        "No answer: the model said nothing. Ask again, or say it in other words."
    )
