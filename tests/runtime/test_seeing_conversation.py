"""A conversation with pictures, from the command line to the engine and back."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from pathlib import Path

import pytest
from tests.engines.tiny_projector import TOKENS, write_tiny_projector
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
from airunner.runtime.core import RuntimeCore
from airunner.server.answers import Answers
from airunner.server.openai.chat_request import checked
from airunner.server.served_models import ServedModels
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


def test_a_client_that_forces_a_call_has_its_picture_in_the_prompt(seeing_home: Path) -> None:
    picture = {"url": f"data:image/png;base64,{b64encode(RED.data).decode()}"}
    words = {"type": "text", "text": QUESTION}
    colour = {"type": "object", "properties": {"colour": {"enum": ["red", "green"]}}}
    tool = {"type": "function", "function": {"name": "tell", "parameters": colour}}

    async def prompt_tokens(core: RuntimeCore, *parts: dict[str, object]) -> int:
        asked = {
            "model": EMBEDDED_PRIMARY,
            "messages": [{"role": "user", "content": list(parts)}],
            "tools": [tool],
            "tool_choice": "required",
            "max_tokens": 32,
        }
        answers = Answers(core, ServedModels(core)).chunks(checked(asked))
        *_, last = [chunk async for chunk in answers]
        assert last["choices"][0]["finish_reason"] == "tool_calls"
        return int(last["usage"]["prompt_tokens"])

    async def main() -> None:
        settings = Settings(home=seeing_home, context=1024, offline=True)
        async with RuntimeCore(settings, toolset=Toolset([])) as core:
            blind = await prompt_tokens(core, words)
            assert await prompt_tokens(
                core, {"type": "image_url", "image_url": picture}, words
            ) == (blind + TOKENS)

    asyncio.run(main())
