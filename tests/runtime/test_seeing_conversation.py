"""A conversation with pictures, from the command line to the engine and back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.engines.tiny_projector import write_tiny_projector
from tests.tiny_png import GREEN, RED
from typer.testing import CliRunner

from airunner.agent.conversation import Conversation
from airunner.cli.app import app
from airunner.components.llm.config.model_capabilities import EMBEDDED_PRIMARY
from airunner.config.settings import Settings
from airunner.events import Event, GenerationFinished, TurnFinished
from airunner.messages import Content, TextPart
from airunner.models.spec import ModelCapability
from airunner.runtime import Runtime
from airunner.tools.toolset import Toolset

QUESTION = "What is this?"


@pytest.fixture
def seeing_home(embedded_home: Path, smollm2: Path) -> Path:
    """A home in which a projector lies beside the embedded primary."""
    folder = embedded_home / "models" / EMBEDDED_PRIMARY.replace("/", "--")
    folder.unlink()
    folder.mkdir()
    (folder / smollm2.name).symlink_to(smollm2)
    write_tiny_projector(folder / "mmproj-F16.gguf", 576)
    return embedded_home


def runtime(home: Path) -> Runtime:
    settings = Settings(home=home, context=1024, max_tokens=8, offline=True)
    return Runtime(settings, toolset=Toolset([]))


def say(team: Runtime, conversation: Conversation, content: Content) -> tuple[int, TurnFinished]:
    events: list[Event] = list(team.turn(conversation, content))
    prompts = [e.prompt_tokens for e in events if isinstance(e, GenerationFinished)]
    (end,) = (event for event in events if isinstance(event, TurnFinished))
    return sum(prompts), end


def test_the_primary_sees_with_a_projector_beside_its_file(seeing_home: Path) -> None:
    with runtime(seeing_home) as team:
        assert (
            team.resolve(ModelCapability.PRIMARY_CONVERSATION).spec.model_path == EMBEDDED_PRIMARY
        )
        words, _ = say(team, Conversation.begin(), QUESTION)
        conversation = Conversation.begin()
        seen, end = say(team, conversation, (RED, TextPart(QUESTION)))
        assert (end.outcome, seen - words) == ("answered", 4)
        more, end = say(team, conversation, (GREEN, TextPart(QUESTION)))
        assert (end.outcome, more > seen) == ("answered", True)
        prompt = (RED, TextPart("Sum it up."))
        assert team.use_specialized_model(ModelCapability.PRIMARY_CONVERSATION, prompt, 8)


def test_without_one_the_turn_fails_and_nothing_is_loaded(embedded_home: Path) -> None:
    with runtime(embedded_home) as team:
        prompt_tokens, end = say(team, Conversation.begin(), (RED, TextPart(QUESTION)))
        assert (end.outcome, prompt_tokens) == ("failed", 0)
        assert end.problem.startswith(f"{EMBEDDED_PRIMARY} cannot see pictures. Choose a model")
        assert "--primary, such as mistralai/Ministral-3-8B" in end.problem
        assert not team.status().models


def test_the_command_line_shows_pictures(seeing_home: Path, tmp_path: Path) -> None:
    picture, text = tmp_path / "red.png", tmp_path / "notes.txt"
    picture.write_bytes(RED.data)
    text.write_text("no picture")
    options = ["--home", str(seeing_home), "--offline", "--context", "1024", "--max-tokens", "4"]

    def chat(*arguments: str) -> list[dict[str, object]]:
        command = ["chat", "-p", QUESTION, "--json", "--tools", "none", *arguments, *options]
        done = CliRunner().invoke(app, command)
        assert done.exit_code == 0, done.output
        return [json.loads(line) for line in done.stdout.splitlines()]

    def prompt_tokens(events: list[dict[str, object]]) -> object:
        return next(e["prompt_tokens"] for e in events if e["kind"] == "generation_finished")

    plain = prompt_tokens(chat())
    assert isinstance(plain, int)
    assert prompt_tokens(chat("--image", str(picture), "--image", str(picture))) == plain + 8
    for wrong in (text, tmp_path / "none.png"):
        done = CliRunner().invoke(app, ["chat", "-p", QUESTION, "--image", str(wrong), *options])
        assert done.exit_code == 2
        assert wrong.name in done.output
