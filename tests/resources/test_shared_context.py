"""Several slots in one context, on the real engine: none of it is lost to a long prompt."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from benchmarks.native_template import TOOL_TEMPLATE
from benchmarks.random_gguf import RandomShape, write_random_gguf

from airunner.components.llm.config.model_capabilities import MODEL_REGISTRY
from airunner.config.settings import Settings
from airunner.engines.base import AUTO_SLOTS, ChatRequest
from airunner.events import CacheLost, CacheProven, Event
from airunner.messages import Message, Usage
from airunner.models.spec import FileSource, ModelCapability, ModelSpec
from airunner.runtime import RuntimeCore
from airunner.server.answers import Answers
from airunner.server.chunks import Completion
from airunner.server.served_models import ServedModels
from airunner.tools.toolset import Toolset

NAME = "tests/shared"
CONTEXT = 1024
ENDS = {"0": -100, "2": -100}
"""The tokens that would end an answer."""


@pytest.fixture
def settings(tmp_path: Path, smollm2: Path) -> Iterator[Settings]:
    """A small model that says nothing that means anything, at once."""
    weights = write_random_gguf(tmp_path / "quick.gguf", RandomShape(), smollm2)
    MODEL_REGISTRY[NAME] = ModelSpec(
        NAME,
        [ModelCapability.PRIMARY_CONVERSATION],
        max_context=CONTEXT,
        sources=(FileSource(str(weights)),),
        chat_template=TOOL_TEMPLATE,
    )
    yield Settings(home=tmp_path / "home", primary=NAME, threads=1, devices=(), offline=True)
    del MODEL_REGISTRY[NAME]


def core_of(settings: Settings) -> RuntimeCore:
    return RuntimeCore(settings, toolset=Toolset(), command="test", serves=True)


async def ask(core: RuntimeCore, conversation: str, repeats: int) -> Usage:
    return await say(core, conversation, f"{conversation}: " + "the sea and the wind " * repeats)


async def say(core: RuntimeCore, conversation: str, *texts: str) -> Usage:
    said = [Message(("user", "assistant")[i % 2], text) for i, text in enumerate(texts)]
    asked = ChatRequest(said, max_tokens=8, temperature=0, conversation=conversation)
    async with core.lease(NAME) as lease:
        usages = [delta.usage async for delta in lease.chat(asked) if delta.usage is not None]
    return usages[-1]


def test_a_branch_goes_on_from_what_it_left(settings: Settings) -> None:
    past = ("the sea and the wind " * 40, "They are loud.")

    async def main() -> None:
        async with core_of(settings) as core:
            left = await say(core, "left", *past, "Always?")
            shared = left.prompt_tokens - 16
            made_again = await say(core, "made again", *past, "Always?")
            assert made_again.cached_tokens == left.prompt_tokens - 1
            edited = await say(core, "edited", *past, "And the rain, by night?")
            assert edited.cached_tokens > shared
            await ask(core, "long", 195)
            (loaded,) = core.manager._loaded
            assert set(loaded.slots.live()) == {"long"}, "the others are parked"
            parked = await say(core, "parked", *past, "And the snow?")
            assert parked.cached_tokens > shared
            back = await say(core, "left", *past, "Always?")
            assert back.cached_tokens == left.prompt_tokens - 1, "its own state stayed"
            other = await say(core, "other", "the sea and the wind", "They are quiet.", "Always?")
            assert other.cached_tokens < 20
            await say(core, "begun", past[0])
            core.records.conversations.save("left", [Message("user", past[0])])
            core.records.conversations.save("begun", [Message("user", past[0])])
        async with core_of(settings) as core:
            after = await say(core, "after a restart", *past, "And the fog?")
            assert after.cached_tokens > shared
            first = await say(core, "its first answer again", past[0])
            assert first.cached_tokens == first.prompt_tokens - 1

    asyncio.run(main())


def test_a_long_prompt_has_the_whole_context_and_the_others_come_back(settings: Settings) -> None:
    async def main() -> None:
        events: list[Event] = []
        async with core_of(settings) as core:
            core.bus.subscribe(events.append)
            short, *_ = await asyncio.gather(*(ask(core, name, 40) for name in "bac"))
            (loaded,) = core.manager._loaded
            assert (loaded.plan.n_parallel, loaded.plan.n_ctx) == (AUTO_SLOTS, CONTEXT)
            assert set(loaded.slots.live()) == {"a", "b", "c"}, "they lie beside each other"
            again = await ask(core, "a", 40)
            assert again.cached_tokens == again.prompt_tokens - 1
            assert set(loaded.slots.live()) == {"a"}, "the idle would make it slower"
            long = await ask(core, "long", 195)
            assert CONTEXT - 64 < long.prompt_tokens < CONTEXT
            assert set(loaded.slots.live()) == {"long"}
            back = await ask(core, "b", 40)
            assert back.cached_tokens == short.prompt_tokens - 1
            assert [e.conversation for e in events if isinstance(e, CacheProven)] == ["b"]
            assert not [e for e in events if isinstance(e, CacheLost)]

    asyncio.run(main())


def test_answers_that_fill_the_context_together_are_both_written_to_their_end(
    settings: Settings,
) -> None:
    async def answer(answers: Answers, said: str) -> Completion:
        body: dict[str, Any] = {"model": NAME, "messages": [{"role": "user", "content": said}]}
        whole = Completion()
        async for chunk in answers.chunks({**body, "stream": True, "logit_bias": ENDS}):
            whole.add(chunk)
        return whole

    async def main() -> None:
        async with core_of(settings) as core:
            answers = Answers(core, ServedModels(core))
            both = await asyncio.gather(*(answer(answers, said) for said in ("sea", "wind")))
            for whole in both:
                assert whole.finish_reason == "length"
                assert whole.usage["total_tokens"] >= CONTEXT - 64, "no room for two of these"

    asyncio.run(main())
