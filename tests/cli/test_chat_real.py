"""``airunner chat`` and ``demo`` as processes, on the embedded weights."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import pytest

from airunner.components.llm.config.model_capabilities import EMBEDDED_ARTIST as ARTIST
from airunner.components.llm.config.model_capabilities import EMBEDDED_PRIMARY as PRIMARY
from airunner.components.llm.config.model_capabilities import EMBEDDED_SPECIALIST as SPECIALIST
from airunner.pictures import PicturesFolder

REQUEST = (
    "Summarize the following text in two sentences.\n\nThe lighthouse at the cape was built in "
    "1871 after three ships were lost in one winter. Its first keeper kept a log of the weather "
    "and of passing ships for thirty-one years. The log was found in an attic in 1998 and is now "
    "a record of the climate of that coast. The tower is a museum, open from May to September."
)
draws = pytest.mark.skipif(
    find_spec("diffusers") is None, reason="airunner[images] is not installed"
)
SMALL = ("--context", "2048", "--max-tokens", "48")
SHORT = ("--context", "2048", "--max-tokens", "8")
SWAPS = {"model_loaded", "model_parked", "model_released", "model_restored"}


def command(home: Path, *arguments: str) -> tuple[list[str], dict[str, str]]:
    environ = {k: v for k, v in os.environ.items() if not k.startswith("AIRUNNER_")}
    places = ("--home", str(home), "--pictures", str(home / "pictures"))
    return [sys.executable, "-m", "airunner", *arguments, *places, "--offline"], environ


def airunner(
    home: Path, *arguments: str, said: str | None = None
) -> subprocess.CompletedProcess[str]:
    line, environ = command(home, *arguments)
    return subprocess.run(line, env=environ, input=said, capture_output=True, text=True)


def events_of(home: Path, *arguments: str) -> list[dict[str, Any]]:
    """Of a talk of two turns: a greeting, for which the primary is loaded, and a request."""
    said = f"Hello!\n{' '.join(REQUEST.split())}\n"
    done = airunner(home, "chat", "--json", *SMALL, *arguments, said=said)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def swaps(events: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(e["kind"], e["model"]) for e in events if e["kind"] in SWAPS]


def test_a_small_budget_swaps_and_keeps_the_conversation(embedded_home: Path) -> None:
    events = events_of(embedded_home, "--max-memory", "300MB")
    assert swaps(events) == [
        ("model_loaded", PRIMARY),
        ("model_parked", PRIMARY),
        ("model_released", PRIMARY),
        ("model_loaded", SPECIALIST),
        ("model_released", SPECIALIST),
        ("model_loaded", PRIMARY),
        ("model_restored", PRIMARY),
    ]
    kinds = [e["kind"] for e in events]
    restored_at = kinds.index("model_restored")
    following = next(e for e in events[restored_at:] if e["kind"] == "generation_finished")
    assert following["model"] == PRIMARY
    assert following["cached_tokens"] > 0
    tool = next(e for e in events if e["kind"] == "tool_call_finished")
    assert (tool["tool"], tool["problem"]) == ("summarize_text", "")
    assert kinds[-1] == "turn_finished"
    assert events[-1]["outcome"] == "answered"
    # Each event once, in order, of the turn and of the models alike.
    assert len({json.dumps(e, sort_keys=True) for e in events}) == len(events)
    assert [e["at_s"] for e in events] == sorted(e["at_s"] for e in events)
    result_at = kinds.index("tool_call_finished")
    streamed = "".join(e["text"] for e in events[result_at:] if e["kind"] == "text_streamed")
    assert streamed.strip() == events[-1]["text"].strip()

    explained = airunner(embedded_home, "explain", "--replay", "--json")
    assert explained.returncode == 0, explained.stdout
    (run,) = json.loads(explained.stdout)["runs"]
    assert run["replay"]["same"] is True
    assert "lighthouse" not in explained.stdout


def test_enough_memory_swaps_nothing(embedded_home: Path) -> None:
    events = events_of(embedded_home, "--max-memory", "2GB")
    assert swaps(events) == [("model_loaded", PRIMARY), ("model_loaded", SPECIALIST)]


def test_the_answer_alone_is_on_stdout_and_the_prompt_may_come_from_stdin(
    embedded_home: Path,
) -> None:
    done = airunner(embedded_home, "chat", "-p", "-", *SMALL, said="Hello!")
    assert done.returncode == 0
    assert done.stdout.strip()
    assert "loaded" not in done.stdout + done.stderr


def test_what_was_calculated_is_seen_beside_whatever_the_model_says(embedded_home: Path) -> None:
    question = "What is 17 % of 2340?"
    done = airunner(embedded_home, "chat", "-p", question, *SHORT)
    assert done.returncode == 0, done.stderr
    # A model that cannot be trusted with it gets the result quoted; nothing tells it again.
    assert done.stdout.startswith("> 17% * 2340 = 397.8\n\n")
    assert "397.8" not in done.stderr
    talk = airunner(embedded_home, "chat", *SHORT, said=f"{question}\n")
    assert "\n  17% * 2340 = 397.8\n" in talk.stderr
    assert talk.stdout.startswith("> 17% * 2340 = 397.8\n\n")


def test_a_talk_has_commands_and_ends_with_its_input(embedded_home: Path) -> None:
    done = airunner(embedded_home, "chat", *SHORT, said="/help\n/dance\nHello!\n/new\n/quit\nno\n")
    assert done.returncode == 0
    assert "/new" in done.stdout
    assert "no command /dance" in done.stderr
    assert done.stderr.count("loaded SmolLM2-135M-Instruct") == 1


def test_run_answers_or_says_why_not(embedded_home: Path) -> None:
    done = airunner(embedded_home, "run", "summarization", REQUEST, *SMALL, "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["model"] == SPECIALIST
    assert answer["text"]
    refused = airunner(embedded_home, "run", "summarization", "x", "--max-memory", "50MB")
    assert refused.returncode == 1
    assert refused.stdout == ""
    assert "error: " in refused.stderr
    assert "too few" in refused.stderr


@contextmanager
def talking(home: Path) -> Iterator[tuple[subprocess.Popen[str], psutil.Process]]:
    """A chat in the middle of an answer, and its worker, which stands still there."""
    prompt = "Tell me a very long story about the sea."
    line, environ = command(home, "chat", "-p", prompt, "--json", "--context", "4096")
    with subprocess.Popen(
        line, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as chat:
        assert chat.stdout is not None
        worker = 0
        for text in chat.stdout:
            event = json.loads(text)
            if event["kind"] == "model_loaded":
                worker = event["pid"]
            if event["kind"] == "text_streamed":
                break
        stopped = psutil.Process(worker)
        stopped.suspend()
        try:
            yield chat, stopped
        finally:
            chat.kill()
            with suppress(psutil.NoSuchProcess):
                stopped.kill()


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 128 + signal.SIGTERM)]
)
def test_a_signal_ends_the_turn_and_the_workers(
    embedded_home: Path, number: signal.Signals, code: int
) -> None:
    with talking(embedded_home) as (chat, worker):
        listed = airunner(embedded_home, "ps", "--json")
        (run,) = json.loads(listed.stdout)["processes"]
        (model,) = run["models"]
        assert (run["pid"], model["pid"], model["state"]) == (chat.pid, worker.pid, "busy")
        assert model["measured_bytes"] > 100_000_000
        worker.resume()
        chat.send_signal(number)
        assert chat.stdout is not None
        last = json.loads(chat.stdout.read().splitlines()[-1])
        assert chat.wait() == code
    assert (last["kind"], last["outcome"]) == ("turn_finished", "cancelled")
    assert not worker.is_running()
    left = [p for folder in ("run", "parked") for p in (embedded_home / folder).iterdir()]
    assert left == []
    assert json.loads(airunner(embedded_home, "ps", "--json").stdout)["processes"] == []


@draws
def test_the_demo_proves_the_return_of_the_primary(embedded_home: Path) -> None:
    done = airunner(embedded_home, "demo", "--json", "--max-tokens", "32")
    figures = json.loads(done.stdout.splitlines()[-1])
    assert (done.returncode, figures["problem"]) == (0, ""), done.stderr
    assert figures["cached_tokens"] > 800
    predicted = {m["model"]: m["predicted_bytes"] for m in figures["models"]}
    assert max(predicted.values()) < figures["budget_bytes"] < sum(predicted.values())
    assert list(predicted) == [PRIMARY, SPECIALIST, ARTIST]
    for model in figures["models"]:
        assert model["measured_peak_bytes"] <= 1.03 * model["predicted_bytes"]
    for name in ("park_s", "specialist_load_s", "artist_load_s", "draw_s", "reload_s", "restore_s"):
        assert figures[name] > 0
    assert figures["rounds"] == 1
    assert "red circle" in figures["drawn_prompt"].lower()
    picture = Path(figures["picture"])
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert PicturesFolder(picture.parent).settings(picture)["prompt"] == figures["drawn_prompt"]
    assert figures["answer"].strip()


@draws
def test_the_demo_does_not_begin_where_nothing_has_to_leave(embedded_home: Path) -> None:
    done = airunner(embedded_home, "demo", "--max-memory", "3GB")
    assert (done.returncode, done.stdout) == (1, "")
    assert "error: nothing has to leave memory" in done.stderr


@draws
def test_image_draws_and_prints_one_object(embedded_home: Path) -> None:
    line = ("image", "a red circle on a blue background", "--seed", "7", "--json")
    done = airunner(embedded_home, *line)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    (picture,) = result["pictures"]
    assert (picture["seed"], result["drawn_prompt"]) == (7, "a red circle on a blue background")
    first = Path(picture["path"])
    assert first.read_bytes().startswith(b"\x89PNG")
    refused = airunner(embedded_home, "image", "a cat", "--scheduler", "nobody")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.splitlines()[-1].startswith("error: ")
    assert list(first.parent.iterdir()) == [first]


@draws
def test_an_interrupted_drawing_leaves_nothing(embedded_home: Path) -> None:
    line, environ = command(embedded_home, "image", "a red circle", "--steps", "500", "-v")
    with subprocess.Popen(
        line, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as drawing:
        assert drawing.stderr is not None
        assert any("loaded " in text for text in drawing.stderr)
        drawing.send_signal(signal.SIGINT)
        assert "interrupted" in drawing.stderr.read()
        assert drawing.wait() == 130
    assert list(embedded_home.rglob("*.png")) == []
    assert json.loads(airunner(embedded_home, "ps", "--json").stdout)["processes"] == []


def test_bytes_that_are_no_text_are_answered_and_saved(embedded_home: Path) -> None:
    line, environ = command(embedded_home, "chat", *SHORT)
    argument, _ = command(embedded_home, "chat", "--continue", "-p", "And \udcff?", *SHORT)
    for errors, words in (("surrogateescape", line), ("strict", [*line, "--continue"])):
        environ["PYTHONIOENCODING"] = f"utf-8:{errors}"
        said = b"Hello \xff there\n"
        done = subprocess.run(words, env=environ, input=said, capture_output=True)
        assert done.returncode == 0, done.stderr
    done = subprocess.run(argument, env=environ, capture_output=True)
    assert done.returncode == 0, done.stderr
    listed = airunner(embedded_home, "conversations", "list", "--json")
    assert [row["title"] for row in json.loads(listed.stdout)["conversations"]] == [
        "Hello \ufffd there"
    ]
