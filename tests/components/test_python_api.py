"""``LLMModelManager`` and ``Runtime`` as Python programs use them, on the embedded models."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel
from tests.conftest import Eventually

from airunner import Conversation, LLMModelManager, ModelCapability, Runtime, Settings, TurnFinished
from airunner.components.llm.config.model_capabilities import CAPABILITY_TO_MODEL
from airunner.errors import (
    GenerationError,
    InvalidToolError,
    SettingsError,
    UnknownCapabilityError,
    UnmappedCapabilityError,
)


class Weather(BaseModel):
    place: str
    degrees: int


@pytest.fixture(scope="module")
def runtime(
    weights_home: Path, smollm2: Path, smollm2_q8: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Runtime]:
    """The shared runtime of the module, with a tool of its own."""
    home = tmp_path_factory.mktemp("home")
    (home / "models").symlink_to(weights_home / "models")

    def count_letters(word: str) -> int:
        """Count the letters of a word.

        Args:
            word: the word.
        """
        return len(word)

    settings = Settings(home=str(home), context=1024, offline=True)  # type: ignore[arg-type]
    with Runtime(settings, tools=[count_letters], command="test") as made:
        yield Runtime.share(made)


def test_an_answer_is_streamed_awaited_and_may_be_a_model(runtime: Runtime) -> None:
    manager = LLMModelManager()
    pieces = list(manager.stream("translation", "Translate to French: good morning", 24))
    assert len(pieces) > 1
    again = manager.use_specialized_model("translation", "Say it.", 8, temperature=0.0, system="X.")
    assert again

    async def ask() -> tuple[str | None, list[str], Weather]:
        answer = await manager.ause("translation", "Translate to French: good evening", 16)
        streamed = [
            piece async for piece in manager.astream(ModelCapability.TRANSLATION, "Say yes.", 8)
        ]
        found = await manager.ause(
            "extraction", "It is 12 degrees in Oslo.", 64, schema=Weather, required=True
        )
        return answer, streamed, found

    answer, streamed, found = asyncio.run(ask())
    assert answer
    assert "".join(streamed)
    assert isinstance(found, Weather)
    with pytest.raises(
        GenerationError, match="the model could not answer: its Weather was cut off; allow more"
    ):
        manager.use_specialized_model("extraction", "It is 12 degrees.", 2, schema=Weather)


def test_a_stream_that_is_cancelled_breaks_the_answer_off(
    runtime: Runtime, eventually: Eventually
) -> None:
    def leases() -> int:
        return sum(model.leases for model in runtime.status().models)

    async def listen() -> None:
        long = "The ferry was late. " * 150  # nothing comes before it is read
        async for _ in LLMModelManager().astream("translation", long, 100):
            pass

    async def give_up() -> None:
        listening = asyncio.create_task(listen())
        await asyncio.to_thread(eventually, lambda: leases() > 0)
        listening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await listening

    asyncio.run(give_up())
    eventually(lambda: leases() == 0)


def test_what_cannot_be_used_is_none_or_raised(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = LLMModelManager()
    with pytest.raises(UnknownCapabilityError, match="Did you mean summarization"):
        manager.use_specialized_model("summarisation", "x")
    monkeypatch.delitem(CAPABILITY_TO_MODEL, ModelCapability.CODE_EDITING)
    assert manager.use_specialized_model("code_editing", "x") is None
    with pytest.raises(UnmappedCapabilityError):
        manager.use_specialized_model("code_editing", "x", required=True)
    with pytest.raises(UnmappedCapabilityError):
        list(manager.stream("code_editing", "x"))
    with pytest.raises(UnmappedCapabilityError):
        manager.load_specialized_model("code_editing", required=True)
    nothing = manager.load_specialized_model("code_editing")
    assert not nothing
    with pytest.raises(UnmappedCapabilityError), nothing:
        pass
    with pytest.raises(UnmappedCapabilityError):
        nothing.invoke("x")
    with manager.load_specialized_model("code_gen") as coder:
        assert coder.invoke("Say hello.", max_tokens=8)


def test_a_runtime_has_more_tools_beside_its_own(runtime: Runtime) -> None:
    assert {"count_letters", "calculate"} <= set(runtime.toolset.names)
    assert runtime.call_tool("count_letters", {"word": "four"}).message.text == "4"
    *_, last = runtime.turn(Conversation.begin(), "How many letters has the word apple?")
    assert isinstance(last, TurnFinished)
    with pytest.raises(InvalidToolError):
        Runtime(tools=[lambda x: x])


def test_settings_made_in_code_are_read_like_all_others(tmp_path: Path) -> None:
    made = Settings(max_memory="6GB", home=str(tmp_path))  # type: ignore[arg-type]
    assert (made.max_memory, made.home) == (6_000_000_000, tmp_path)
    assert made.origins["max_memory"] == "code"
    assert made.origins["context"] == "default"
    for wrong in ({"max_memory": "lots"}, {"permissions": "exec"}, {"context": -1}):
        with pytest.raises(SettingsError):
            Settings(**wrong)  # type: ignore[arg-type]
