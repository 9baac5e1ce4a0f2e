"""Pictures and sound through the real engine: a projector of random weights beside real ones."""

from __future__ import annotations

import asyncio
import io
import wave
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from tests.engines.llama_cpp.test_client import WEATHER, ask, loaded
from tests.engines.tiny_projector import (
    AUDIO_TOKENS,
    TOKENS,
    write_tiny_hearing_projector,
    write_tiny_projector,
)
from tests.tiny_png import GREEN, RED, png

from airunner.errors import GenerationError
from airunner.media import media_part
from airunner.messages import ImagePart, Message, TextPart
from airunner.models.files.projector import read_projector

QUESTION = TextPart("What is this?")
WORDS = Message("user", "What is this?")
SEEN = Message("user", (RED, QUESTION))
WIDTH = 576  # of SmolLM2's residual stream


@pytest.fixture
def projector(tmp_path: Path) -> Path:
    return write_tiny_projector(tmp_path / "mmproj.gguf", WIDTH)


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(main())


def test_a_picture_is_in_the_prompt_and_counted(
    smollm2: Path, tmp_path: Path, projector: Path
) -> None:
    async def main() -> None:
        async with loaded(smollm2, tmp_path, mmproj=projector) as worker:
            model = worker.model
            words = await ask(model, WORDS, max_tokens=1)
            for content in (
                (RED, QUESTION),
                (QUESTION, RED, GREEN),
                (ImagePart(png(300, 9), "image/png"),),
            ):
                message = Message("user", content)
                answer = await ask(model, message, max_tokens=1)
                counted = await model.count_tokens([message], [])
                assert answer.usage.prompt_tokens == counted
            one = await model.count_tokens([SEEN], [])
            two = await model.count_tokens([Message("user", (RED, GREEN, QUESTION))], [])
            assert (one, two) == (words.usage.prompt_tokens + TOKENS, one + TOKENS)
            with_tools = await model.count_tokens([SEEN], [WEATHER])
            assert with_tools == one, "the template of this model shows no tools"

    run(main)


def test_the_cache_knows_one_picture_from_another_and_a_prompt_only_grows(
    smollm2: Path, tmp_path: Path, projector: Path
) -> None:
    async def main() -> None:
        async with loaded(smollm2, tmp_path, mmproj=projector) as worker:
            first = await ask(worker.model, SEEN, max_tokens=4)
            again = await ask(worker.model, SEEN, max_tokens=4)
            assert again.text == first.text
            assert again.usage.cached_tokens == again.usage.prompt_tokens - 1
            other = await ask(worker.model, Message("user", (GREEN, QUESTION)), max_tokens=4)
            assert other.usage.cached_tokens < other.usage.prompt_tokens - TOKENS
            answered = Message("assistant", other.text)
            more = Message("user", (RED, TextPart("And this?")))
            history = [Message("user", (GREEN, QUESTION)), answered, more]
            grown = await ask(worker.model, *history, max_tokens=4)
            assert grown.usage.cached_tokens >= other.usage.prompt_tokens

    run(main)


def test_a_state_with_a_picture_is_parked_and_comes_back(
    smollm2: Path, tmp_path: Path, projector: Path
) -> None:
    state = tmp_path / "state"

    async def main() -> None:
        async with loaded(smollm2, tmp_path, mmproj=projector) as worker:
            await ask(worker.model, SEEN, max_tokens=4)
            await worker.model.save_slot(0, state)
        async with loaded(smollm2, tmp_path, mmproj=projector) as worker:
            await worker.model.restore_slot(0, state)
            answer = await ask(worker.model, SEEN, max_tokens=4)
            assert answer.usage.cached_tokens == answer.usage.prompt_tokens - 1
        async with loaded(smollm2, tmp_path) as blind:
            with pytest.raises(GenerationError, match="loaded differently"):
                await blind.model.restore_slot(0, state)

    run(main)


def test_a_recording_is_in_the_prompt_of_a_model_that_hears(smollm2: Path, tmp_path: Path) -> None:
    projector = write_tiny_hearing_projector(tmp_path / "mmproj.gguf", WIDTH)
    assert read_projector(projector).takes == {"audio"}

    async def main() -> None:
        async with loaded(smollm2, tmp_path, mmproj=projector) as worker:
            words = await worker.model.count_tokens([WORDS], [])
            for seconds, pieces in ((1, 1), (40, 2)):
                sound = media_part(wav(seconds), "sound")
                message = Message("user", (sound, QUESTION))
                tokens = await worker.model.count_tokens([message], []) - words
                assert (
                    pieces * AUDIO_TOKENS <= tokens <= read_projector(projector).most_tokens(sound)
                )

    run(main)


def wav(seconds: int) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(16_000)
        sound.writeframes(b"\0\1" * 16_000 * seconds)
    return file.getvalue()


def test_what_is_no_picture_and_who_does_not_see_is_told(
    smollm2: Path, tmp_path: Path, projector: Path
) -> None:
    damaged = Message("user", (ImagePart(RED.data[:60], "image/png"), QUESTION))

    async def main() -> None:
        async with loaded(smollm2, tmp_path, mmproj=projector) as worker:
            with pytest.raises(GenerationError, match="Failed to load image"):
                await ask(worker.model, damaged)
            words = await worker.model.count_tokens([WORDS], [])
            bound = await worker.model.count_tokens([damaged], [])
            assert bound >= words + TOKENS, "where the engine cannot say, an upper bound"
        async with loaded(smollm2, tmp_path) as blind:
            with pytest.raises(GenerationError, match="image input is not supported"):
                await ask(blind.model, SEEN)

    run(main)
