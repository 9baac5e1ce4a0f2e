"""What the prompts of all conversations begin with, and that every kind of model re-uses it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from benchmarks.random_gguf import RandomShape, write_random_gguf
from tests.engines.llama_cpp.test_client import CLOCK, TOOL_TEMPLATE, WEATHER, Answer, ask, loaded

from airunner.engines.base import ChatRequest
from airunner.engines.beginning import common_prefix, leading_system, probes_of
from airunner.engines.llama_cpp.client import LlamaCppModel
from airunner.messages import Message
from airunner.models.files.gguf import read_gguf

RULES = Message("system", "Answer what is asked about the sea, the tide and the weather. " * 40)
TOOLS = (WEATHER, CLOCK)

# Mistral's way: the tools stand before the last user message.
LATE_TOOLS_TEMPLATE = r"""
{%- for message in messages %}
    {%- if loop.last and tools %}{{- "[TOOLS]" + (tools | tojson) + "[/TOOLS]" }}{%- endif %}
    {{- "<|im_start|>" + message.role + "\n" + message.content + "<|im_end|>\n" }}
{%- endfor %}
{%- if add_generation_prompt %}{{- "<|im_start|>assistant\n" }}{%- endif %}
"""


def test_only_what_all_rows_begin_with_counts() -> None:
    assert common_prefix([[1, 2, 3], [1, 2, 4], [1, 2]]) == [1, 2]
    assert common_prefix([[1], [2]]) == []
    assert common_prefix([]) == []


def test_probes_keep_the_settings_and_drop_what_was_said() -> None:
    late = Message("system", "said later")
    request = ChatRequest([RULES, Message("user", "hi"), late], tools=TOOLS, thinking=False)
    for probe in probes_of(request):
        assert leading_system(probe.messages) == (RULES,)
        assert all(message.content not in ("hi", "said later") for message in probe.messages)
        assert (probe.tools, probe.thinking) == (TOOLS, False)


async def question(model: LlamaCppModel, text: str) -> Answer:
    return await ask(model, RULES, Message("user", text), tools=TOOLS, tool_choice="none")


@pytest.mark.parametrize(
    "shape",
    [
        RandomShape("qwen3", n_layers=4),
        RandomShape("gemma3", n_layers=4, sliding_window=256),
        RandomShape("lfm2", n_layers=4, head_dim=16),
    ],
    ids=lambda shape: shape.architecture,
)
def test_a_kept_beginning_serves_in_a_new_process_and_changes_no_answer(
    smollm2: Path, tmp_path: Path, shape: RandomShape
) -> None:
    path = write_random_gguf(tmp_path / "model.gguf", shape, smollm2)
    assert read_gguf(path).rolls_back == (shape.architecture == "qwen3")
    state, words = tmp_path / "state", ("Hello.", "\n\n1, 2 and 3", "  what is the tide?")
    request = ChatRequest([RULES], tools=TOOLS, tool_choice="none")
    settings = {"n_ctx": 2048, "chat_template": TOOL_TEMPLATE}

    async def main() -> None:
        async with loaded(path, tmp_path, **settings) as worker:
            tokens = await worker.model.read_beginning(request, 0)
            assert (await worker.model.save_slot(0, state)).tokens == tokens > 500
            stayed = await question(worker.model, words[0])
            assert stayed.usage.cached_tokens == tokens
            assert 0 < stayed.usage.prompt_tokens - tokens < 20, "all but what was asked"
        async with loaded(path, tmp_path, **settings) as worker:
            fresh = [await question(worker.model, text) for text in words]
            assert fresh[0].usage.cached_tokens == 0
            for text, expected in zip(words, fresh, strict=True):
                await worker.model.restore_slot(0, state)
                answer = await question(worker.model, text)
                assert answer.usage.cached_tokens >= 0.99 * tokens
                assert answer.text == expected.text

    asyncio.run(main())


def test_tools_that_move_with_every_turn_are_no_part_of_the_beginning(
    smollm2: Path, tmp_path: Path
) -> None:
    request = ChatRequest([Message("system", "Be nice.")], tools=TOOLS * 4, tool_choice="none")

    async def main() -> None:
        async with loaded(smollm2, tmp_path, chat_template=LATE_TOOLS_TEMPLATE) as worker:
            assert await worker.model.read_beginning(request, 0) < 20

    asyncio.run(main())


def test_a_reading_that_is_cancelled_stops(smollm2: Path, tmp_path: Path) -> None:
    request = ChatRequest([RULES], tools=TOOLS)

    async def main() -> None:
        async with loaded(smollm2, tmp_path, n_batch=64, n_ubatch=64) as worker:
            prompts = asyncio.create_task(worker.model.read_beginning(request, 0))
            done, _ = await asyncio.wait([prompts], timeout=0.2)
            prompts.cancel()
            await asyncio.wait([prompts])
            saved = await worker.model.save_slot(0, tmp_path / "state")
            assert done or saved.tokens < await worker.model.count_tokens([RULES], TOOLS) - 64

    asyncio.run(main())
