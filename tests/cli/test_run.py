"""What ``airunner run`` shows of an answer, and when."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from airunner.cli.chat_screen import AnswerScreen
from airunner.cli.following import following
from airunner.cli.run import show_answer
from airunner.errors import WorkerDiedError
from airunner.events import EventBus

LONG = "The sea is wide. " * 20


def test_an_answer_goes_into_a_pipe_while_it_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    seen = []
    with AnswerScreen(shows_results=False) as screen, following(EventBus(), screen.show) as shown:

        def pieces() -> Generator[str, None, None]:
            yield "\n "
            yield LONG
            shown.wait()
            seen.append(capsys.readouterr().out)
            yield "It is blue.\n\n"

        assert show_answer(pieces(), shown)
    assert seen == [LONG]
    assert capsys.readouterr() == ("It is blue.\n", "")


def test_what_ends_an_answer_is_told_beside_it(capsys: pytest.CaptureFixture[str]) -> None:
    def pieces() -> Generator[str, None, None]:
        yield "The sea"
        raise WorkerDiedError("the model", 9)

    with AnswerScreen(shows_results=False) as screen, following(EventBus(), screen.show) as shown:
        assert not show_answer(pieces(), shown)
    out, err = capsys.readouterr()
    assert out == "The sea\n"
    assert err.startswith("error: ")
    assert err.endswith("What it had said by then is not the whole answer.\n")


def test_an_empty_answer_is_none_and_said_to_be(capsys: pytest.CaptureFixture[str]) -> None:
    def pieces() -> Generator[str, None, None]:
        yield "\n "

    with AnswerScreen(shows_results=False) as screen, following(EventBus(), screen.show) as shown:
        assert not show_answer(pieces(), shown)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("No answer: the model said nothing.")
