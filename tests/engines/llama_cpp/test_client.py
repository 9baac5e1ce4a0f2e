"""The engine against real worker processes with real weights."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import shutil
import signal
import stat
import tempfile
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from benchmarks.native_template import TOOL_TEMPLATE
from tests.engines import space_prefix_model
from tests.engines.space_prefix_model import write_space_prefix_model

from airunner.engines.base import ChatRequest, LoadPlan
from airunner.engines.llama_cpp.client import LlamaCppModel
from airunner.engines.llama_cpp.launcher import LocalLauncher
from airunner.errors import (
    ContextOverflowError,
    GenerationError,
    StorageError,
    WorkerDiedError,
)
from airunner.json_schema.decoding import decodable
from airunner.json_schema.sound import sound
from airunner.messages import Delta, Message, ToolCall, ToolSchema
from airunner.tools.schema import COMPACT_JSON, bounded, call_of, compact
from airunner.workers.local_worker import LocalWorker

LlamaWorker = LocalWorker[LlamaCppModel]
SEA = Message("user", "Tell me about the sea. " * 30)
HELLO = Message("user", "Hello, who are you?")

WEATHER = ToolSchema(
    "weather",
    "The weather in a city.",
    {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"$ref": "#/$defs/Days"}},
        "required": ["city", "days"],
        "additionalProperties": False,
        "$defs": {"Days": {"type": "integer", "minimum": 1, "maximum": 9}},
    },
)
CLOCK = ToolSchema(
    "clock",
    "The time.",
    {"type": "object", "properties": {"zone": {"type": "string"}}, "required": ["zone"]},
)


@asynccontextmanager
async def loaded(path: Path, tmp_path: Path, **plan: Any) -> AsyncIterator[LlamaWorker]:
    launcher = LocalLauncher(tmp_path / "run", spare=False)
    settings: dict[str, Any] = {"n_ctx": 1024, "n_threads": 2} | plan
    worker = await launcher.launch(LoadPlan("smol", path, **settings))
    try:
        yield worker
    finally:
        await worker.stop()
        await launcher.close()


async def ask(model: LlamaCppModel, *messages: Message, slot: int = 0, **request: Any) -> Answer:
    settings: dict[str, Any] = {"temperature": 0.0, "max_tokens": 24} | request
    return Answer(await collect(model.chat(ChatRequest(messages, **settings), slot)))


async def collect(deltas: AsyncIterator[Delta]) -> list[Delta]:
    return [delta async for delta in deltas]


class Answer:
    def __init__(self, deltas: list[Delta]) -> None:
        self.deltas = deltas
        self.text = "".join(delta.text for delta in deltas)
        self.last = deltas[-1]
        assert self.last.usage is not None
        self.usage = self.last.usage


def run(main: Coroutine[Any, Any, None]) -> None:
    asyncio.run(main)


def test_an_answer_is_streamed_and_accounted_for(smollm2_q8: Path, tmp_path: Path) -> None:
    async def main() -> None:
        async with loaded(smollm2_q8, tmp_path) as worker:
            answer = await ask(worker.model, HELLO, max_tokens=12)
            assert len(answer.deltas) > 10
            assert answer.last.finish_reason == "length"
            assert answer.usage.completion_tokens == 12
            assert answer.usage.cached_tokens == 0
            assert answer.usage.prompt_s > 0
            assert answer.usage.decode_s > 0
            assert answer.usage.prompt_tokens == await worker.model.count_tokens([HELLO], [])
            again = await ask(worker.model, HELLO, max_tokens=12)
            assert again.text == answer.text
            assert again.usage.cached_tokens == again.usage.prompt_tokens - 1
            stopped = await ask(worker.model, HELLO, stop=[answer.text[5:10]])
            assert stopped.text == answer.text[:5]
            assert stopped.last.finish_reason == "stop"

    run(main())


def test_closing_the_answer_cancels_the_generation(smollm2_q8: Path, tmp_path: Path) -> None:
    async def main() -> None:
        async with loaded(smollm2_q8, tmp_path) as worker:
            request = ChatRequest([HELLO], max_tokens=900, temperature=0.0, stop=["no such text"])
            async with aclosing(worker.model.chat(request, 0)) as answer:
                for _ in range(5):
                    await anext(answer)
            # Saving waits until the slot is idle, and tells what was decoded by then: more where
            # the engine is given the processor before it is told.
            state = await worker.model.save_slot(0, tmp_path / "state")
            assert state.tokens < 500

    run(main())


def test_the_first_chunk_passed_on_says_who_speaks_and_what(smollm2: Path, tmp_path: Path) -> None:
    message = Message("user", "Hello!")
    body = {"messages": [{"role": "user", "content": message.content}], "stream": True}
    body |= {"max_tokens": 4, "ignore_eos": True}

    async def main() -> None:
        async with (
            loaded(smollm2, tmp_path) as worker,
            aclosing(worker.model.complete(ChatRequest([message]), body, 0)) as chunks,
        ):
            first, *rest = [chunk["choices"][0]["delta"] async for chunk in chunks]
            assert first["role"] == "assistant"
            assert first["content"]
            assert rest
            assert not any("role" in delta for delta in rest)

    asyncio.run(main())


def test_two_conversations_are_decoded_together(smollm2_q8: Path, tmp_path: Path) -> None:
    async def main() -> None:
        async with loaded(smollm2_q8, tmp_path, n_parallel=2) as worker:
            long = ChatRequest([HELLO], max_tokens=450, temperature=0.0, stop=["no such text"])
            async with aclosing(worker.model.chat(long, 0)) as first:
                await anext(first)
                rest = asyncio.create_task(collect(first))
                assert (await ask(worker.model, HELLO, slot=1)).usage.completion_tokens == 24
                assert not rest.done()
                rest.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await rest
            with pytest.raises(GenerationError, match="no slot 2"):
                await ask(worker.model, HELLO, slot=2)

    run(main())


def test_json_is_as_the_schema_says(smollm2_q8: Path, tmp_path: Path) -> None:
    schema = {
        "type": "object",
        "properties": {"mood": {"enum": ["calm", "wild"]}, "depth": {"type": "integer"}},
        "required": ["mood", "depth"],
        "additionalProperties": False,
    }

    async def main() -> None:
        async with loaded(smollm2_q8, tmp_path) as worker:
            answer = await ask(worker.model, HELLO, json_schema=schema, max_tokens=80)
            found = json.loads(answer.text)
            assert found.keys() == {"mood", "depth"}
            assert found["mood"] in ("calm", "wild")
            assert isinstance(found["depth"], int)
            yes = await ask(worker.model, HELLO, grammar='root ::= "yes" | "no"')
            assert yes.text in ("yes", "no")
            with pytest.raises(GenerationError, match="grammar"):
                await ask(worker.model, HELLO, grammar="root ::= ((")

    run(main())


def test_a_number_without_limits_ends_and_may_have_18_digits(
    smollm2_q8: Path, tmp_path: Path
) -> None:
    identifier = 812345678901234567

    async def main() -> None:
        async with loaded(smollm2_q8, tmp_path) as worker:
            for kind in ("integer", "number"):
                wanted = {"type": "object", "properties": {"x": {"type": kind}}, "required": ["x"]}
                schema = {**bounded(wanted), **COMPACT_JSON}
                # Without a limit the answer to this is zeros until the tokens are used up.
                many = Message("user", f"1{'0' * 48}")
                answer = await ask(worker.model, many, json_schema=schema, max_tokens=100)
                assert json.loads(answer.text).keys() == {"x"}
                said = Message("user", f'Say this again: {{"x":{identifier}}}')
                answer = await ask(worker.model, said, json_schema=schema, max_tokens=60)
                assert json.loads(answer.text) == {"x": identifier}

    run(main())


def test_a_fraction_that_is_not_negative_ends(smollm2_q8: Path, tmp_path: Path) -> None:
    wanted = {"type": "object", "properties": {"x": {"type": "number", "minimum": 0}}}
    schema = {**bounded({**wanted, "required": ["x"]}), **COMPACT_JSON}

    async def main() -> None:
        async with loaded(smollm2_q8, tmp_path) as worker:
            # Without a limit the answer to the first is threes until the tokens are used up.
            for said, x in ((f"0.{'3' * 60}", 0.333333333), ("2.5", 2.5), ("3", 3)):
                again = Message("user", f'Say this again: {{"x":{said}}}')
                answer = await ask(worker.model, again, json_schema=schema, max_tokens=60)
                assert json.loads(answer.text) == {"x": x}

    run(main())


# Of each kind that the engine refuses, or dies or hangs of, if it is sent as it came.
ODD_PARAMETERS: dict[str, Any] = {
    "remote": {"$ref": "https://127.0.0.1:1/schema.json"},
    "dangling": {"$ref": "#/$defs/missing"},
    "itself": {"$ref": "#/properties/x"},
    "type": {"type": "any"},
    "boolean": True,
    "nothing": None,
    "pattern": {"type": "string", "pattern": "^([$"},
    "limit": {"type": "integer", "minimum": "1"},
    "crossed": {"type": "string", "minLength": 5, "maxLength": 1},
    "long": {"type": "string", "minLength": 10**6},
    "many": {"type": "array", "items": {"type": "string"}, "minItems": 10**6},
    "choice": {"enum": []},
    "64 bits": {"type": "integer", "minimum": -(2**63), "maximum": 2**70},
}
# The engine dies of it where it is taken for a choice of integers.
FAR_CHOICE = {"enum": [2, -1e300]}


def test_odd_tools_neither_end_the_engine_nor_refuse_a_request(
    smollm2_q8: Path, tmp_path: Path
) -> None:
    tools = [
        ToolSchema(f"t{number}", "Do it.", {"type": "object", "properties": {"x": schema}})
        for number, schema in enumerate([*ODD_PARAMETERS.values(), FAR_CHOICE])
    ]

    async def main() -> None:
        async with loaded(smollm2_q8, tmp_path, n_ctx=2048, chat_template=TOOL_TEMPLATE) as worker:
            for tool in tools:
                assert await worker.model.count_tokens([HELLO], [tool]) > 20
            await ask(worker.model, HELLO, tools=tools, max_tokens=2)
            for tool in tools[-3:]:
                forced = await ask(
                    worker.model, HELLO, tools=[tool], tool_choice=tool.name, max_tokens=60
                )
                assert [call.name for call in forced.last.tool_calls] in ([], [tool.name])

    run(main())


def test_limits_no_grammar_takes_do_not_switch_it_off(smollm2_q8: Path, tmp_path: Path) -> None:
    limits: list[dict[str, Any]] = [
        {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1},
        {"type": "integer", "minimum": 0, "maximum": 2**70},
        {"type": "integer", "minimum": 9, "maximum": 1},
        {"type": "integer", "minimum": 1, "maximum": 3, "multipleOf": 5},
        {"type": "integer", "multipleOf": 0},
        {"type": "integer", "minimum": "1"},
        {"type": "number", "minimum": -1e308, "maximum": 1e308},
        {"type": "string", "minLength": 10**9},
        {"type": "string", "pattern": "(["},
        {"type": "array", "items": {"type": "integer"}, "maxItems": 10**9},
    ]
    kinds: dict[str, Any] = {"integer": int, "number": int | float, "string": str, "array": list}

    async def main() -> None:
        async with loaded(smollm2_q8, tmp_path) as worker:
            for limit in limits:
                wanted = {"type": "object", "properties": {"x": limit}, "required": ["x"]}
                schema = {**bounded(decodable(sound(wanted))), **COMPACT_JSON}
                answer = await ask(worker.model, HELLO, json_schema=schema, max_tokens=300)
                if answer.last.finish_reason == "length":
                    assert answer.text.startswith('{"x":'), limit
                else:
                    assert isinstance(json.loads(answer.text)["x"], kinds[limit["type"]]), limit

    run(main())


def test_tools_are_called_in_the_models_dialect_and_forced_when_asked(
    smollm2: Path, tmp_path: Path
) -> None:
    question = Message("user", "What is the weather in Paris for 2 days?")
    tools = (WEATHER, CLOCK)

    async def main() -> None:
        async with loaded(smollm2, tmp_path, n_ctx=2048, chat_template=TOOL_TEMPLATE) as worker:
            examples: list[Message] = []
            for city in ("Rome", "Oslo", "Bonn"):
                call = ToolCall("c", "weather", {"city": city, "days": 2})
                examples += [
                    Message("user", f"What is the weather in {city} for 2 days?"),
                    Message("assistant", "", (call,)),
                    Message("tool", "sunny", tool_call_id="c", name="weather"),
                    Message("assistant", "Sunny."),
                ]
            own = await ask(worker.model, *examples, question, tools=tools, max_tokens=80)
            assert own.last.finish_reason == "tool_calls"
            assert [(c.name, c.arguments) for c in own.last.tool_calls] == [
                ("weather", {"city": "Paris", "days": 2})
            ]
            assert own.text == ""
            # The call is named while its arguments are still being decoded.
            named = [delta.tool_name for delta in own.deltas]
            assert named.index("weather") < len(named) - 1
            assert "".join(named) == "weather"

            for choice, names in (("clock", ["clock"]), ("required", ["clock", "weather"])):
                forced = await ask(
                    worker.model, question, tools=tools, tool_choice=choice, max_tokens=200
                )
                (call,) = forced.last.tool_calls
                assert forced.text == ""
                assert [d.tool_name for d in forced.deltas[:-1] if d.tool_name] == [call.name]
                assert call.name in names
                assert call.arguments.keys() == (
                    {"zone"} if call.name == "clock" else {"city", "days"}
                )
            forced = await ask(
                worker.model, question, tools=tools, tool_choice="weather", max_tokens=200
            )
            (call,) = forced.last.tool_calls
            assert 1 <= call.arguments["days"] <= 9

    run(main())


# Mistral's syntax with control tokens of this vocabulary, and Qwen's with a switch for thinking.
MARKED_TEMPLATE = (
    TOOL_TEMPLATE.replace('<tool_call>\\n{\\"name\\": \\"" + call', '<file_sep>" + call')
    .replace('"\\", \\"arguments\\": "', '"<repo_name>"')
    .replace('"}\\n</tool_call>"', '""')
)
HIDDEN_THOUGHT_TEMPLATE = TOOL_TEMPLATE.replace(
    '{{- "<|im_start|>assistant\\n" }}',
    """{{- "<|im_start|>assistant\\n" }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- "<think>\\n\\n</think>\\n\\n" }}
    {%- endif %}""",
)
OPEN_THOUGHT = '{{- "<|im_start|>assistant\\n<think>\\n" }}'
THOUGHT = '("<think>\\n" + (message.reasoning_content or "") + "\\n</think>\\n\\n" if CASE else "")'


def thinking_template(case: str) -> str:
    """A template that always opens a reasoning block, and keeps those of some messages."""
    return TOOL_TEMPLATE.replace('{{- "<|im_start|>assistant\\n" }}', OPEN_THOUGHT).replace(
        'message.role + "\\n" + ', f'message.role + "\\n" + {THOUGHT.replace("CASE", case)} + '
    )


@pytest.mark.parametrize(
    ("template", "thinking"),
    [
        (TOOL_TEMPLATE, False),
        (MARKED_TEMPLATE, False),
        (HIDDEN_THOUGHT_TEMPLATE, True),
        (thinking_template('message.role == "assistant"'), False),
    ],
    ids=["Qwen2.5", "control tokens", "Qwen3", "kept thoughts"],
)
def test_a_forced_call_stays_in_the_cache_of_the_next_prompt(
    smollm2_q8: Path, tmp_path: Path, template: str, thinking: bool
) -> None:
    question = Message("user", "What is the weather in Paris for 2 days?")
    tools = (WEATHER, CLOCK)

    async def main() -> None:
        async with loaded(smollm2_q8, tmp_path, n_ctx=2048, chat_template=template) as worker:
            syntax = await worker.model.call_syntax()
            assert syntax is not None
            assert syntax.thinking is thinking
            forced = await ask(
                worker.model,
                question,
                tools=tools,
                tool_choice="weather",
                max_tokens=200,
                thinking=False,
            )
            (call,) = forced.last.tool_calls
            assert forced.text == ""
            assert [d.tool_name for d in forced.deltas[:-1] if d.tool_name] == ["weather"]
            told = Message("tool", "sunny", tool_call_id=call.id, name=call.name)
            after = (question, Message("assistant", "", (call,)), told)
            then = await ask(worker.model, *after, tools=tools)
            before = forced.usage.prompt_tokens + forced.usage.completion_tokens
            # The token that ended the call was sampled, and never computed.
            assert then.usage.cached_tokens >= before - 1

    run(main())


def test_a_template_that_forgets_what_was_generated_has_calls_forced_as_json(
    smollm2_q8: Path, tmp_path: Path
) -> None:
    template = thinking_template("message.reasoning_content")
    parameters = compact("weather", WEATHER.parameters)
    schema = {**call_of({WEATHER.name: parameters}), **COMPACT_JSON}

    async def main() -> None:
        async with loaded(smollm2_q8, tmp_path, n_ctx=2048, chat_template=template) as worker:
            assert await worker.model.call_syntax() is None
            question = Message("user", "What is the weather in Paris for 2 days?")
            limits: dict[str, Any] = {"max_tokens": 200, "json_schema": schema}
            forced = await ask(
                worker.model, question, tools=(WEATHER,), tool_choice="weather", **limits
            )
            (call,) = forced.last.tool_calls
            assert call.arguments.keys() == {"city", "days"}
            assert [d.tool_name for d in forced.deltas[:-1] if d.tool_name] == ["weather"]
            assert [d for d in forced.deltas if d.text or d.reasoning] == []

    run(main())


def test_schemas_are_obeyed_with_a_vocabulary_that_begins_with_a_space(tmp_path: Path) -> None:
    path = write_space_prefix_model(tmp_path / "space.gguf")
    answer = {"type": "object", "properties": {"n": {"enum": [1, 2]}}, "required": ["n"]}
    switch = ToolSchema("switch", "Switches.", answer)

    async def main() -> None:
        async with loaded(path, tmp_path, chat_template=space_prefix_model.TEMPLATE) as worker:
            limits: dict[str, Any] = {"max_tokens": 300, "json_schema": {**answer, **COMPACT_JSON}}
            said = await ask(worker.model, HELLO, **limits)
            assert json.loads(said.text)["n"] in (1, 2)
            limits["json_schema"] = {**call_of({switch.name: answer}), **COMPACT_JSON}
            forced = await ask(worker.model, HELLO, tools=(switch,), tool_choice="switch", **limits)
            (call,) = forced.last.tool_calls
            assert call.name == "switch"
            assert call.arguments["n"] in (1, 2)

    run(main())


def test_a_parked_conversation_continues_in_a_new_process_as_if_it_had_never_left(
    smollm2_q8: Path, tmp_path: Path
) -> None:
    state_file = tmp_path / "state"

    async def main() -> None:
        async with loaded(smollm2_q8, tmp_path) as worker:
            first = await ask(worker.model, SEA)
            state = await worker.model.save_slot(0, state_file)
            assert state.n_bytes == state_file.stat().st_size
            assert state_file.stat().st_mode & 0o077 == 0
            follow_up = (SEA, Message("assistant", first.text), Message("user", "And the sky?"))
            stayed = await ask(worker.model, *follow_up)
        async with loaded(smollm2_q8, tmp_path) as worker:
            restored = await worker.model.restore_slot(0, state_file)
            assert restored.tokens == state.tokens
            returned = await ask(worker.model, *follow_up)
            assert returned.usage.cached_tokens >= 0.99 * state.tokens
            assert returned.text == stayed.text
        assert set(os.listdir(tmp_path)) == {"run", "state"}

    run(main())


def test_a_full_disk_leaves_no_file_and_a_living_worker(smollm2_q8: Path, tmp_path: Path) -> None:
    target = tmp_path / "parked" / "state"
    target.parent.mkdir()

    async def main() -> None:
        async with loaded(smollm2_q8, tmp_path) as worker:
            await ask(worker.model, HELLO)
            whole = await worker.model.save_slot(0, target)
            target.unlink()
            # The engine reports success for the first of these, where only the end is missing.
            for room in (whole.n_bytes - 100, whole.n_bytes // 2, 0):
                limits = (room, resource.RLIM_INFINITY)
                resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, limits)
                with pytest.raises(StorageError):
                    await worker.model.save_slot(0, target)
                assert list(target.parent.iterdir()) == []
            unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
            resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, unlimited)
            assert (await worker.model.save_slot(0, target)).n_bytes == whole.n_bytes
            with pytest.raises(StorageError):
                await worker.model.save_slot(0, tmp_path / "missing" / "state")

    run(main())


def test_a_state_that_is_damaged_or_of_another_model_is_refused(
    smollm2_q8: Path, tmp_path: Path
) -> None:
    state, damaged, tuned = tmp_path / "state", tmp_path / "damaged", tmp_path / "tuned.gguf"
    shutil.copy2(smollm2_q8, tuned)
    with tuned.open("r+b") as weights:
        weights.seek(smollm2_q8.stat().st_size // 2)
        weights.write(bytes(64))
    shutil.copystat(smollm2_q8, tuned)  # all that differs is what the file says

    async def main() -> None:
        async with loaded(smollm2_q8, tmp_path) as worker:
            before = await ask(worker.model, HELLO)
            await worker.model.save_slot(0, state)
            content = state.read_bytes()
            for bad in (b"", content[:1000], content[: len(content) // 2], content[:-1]):
                damaged.write_bytes(bad)
                with pytest.raises(GenerationError, match="damaged"):
                    await worker.model.restore_slot(0, damaged)
            # A seal that is right around a header that is not: the engine's own refusal.
            damaged.write_bytes(b"XXXX" + content[4:])
            with pytest.raises(GenerationError, match="restore"):
                await worker.model.restore_slot(0, damaged)
            with pytest.raises(GenerationError, match="No such file"):
                await worker.model.restore_slot(0, tmp_path / "missing")
            assert (await ask(worker.model, HELLO)).text == before.text
        async with loaded(smollm2_q8, tmp_path, n_parallel=2) as worker:
            with pytest.raises(GenerationError, match="loaded differently"):
                await worker.model.restore_slot(0, state)
        async with loaded(tuned, tmp_path) as worker:
            with pytest.raises(GenerationError, match="another model"):
                await worker.model.restore_slot(0, state)

    run(main())


def test_a_prompt_that_is_too_long_says_by_how_much(smollm2_q8: Path, tmp_path: Path) -> None:
    async def main() -> None:
        async with loaded(smollm2_q8, tmp_path, n_ctx=256) as worker:
            long = Message("user", "sea " * 400)
            with pytest.raises(ContextOverflowError) as caught:
                await ask(worker.model, long)
            assert caught.value.n_ctx == 256
            assert caught.value.prompt_tokens == await worker.model.count_tokens([long], [])

    run(main())


def test_a_worker_killed_in_the_middle_of_an_answer_is_reported(
    smollm2_q8: Path, tmp_path: Path
) -> None:
    async def main() -> None:
        async with loaded(smollm2_q8, tmp_path) as worker:
            answer = worker.model.chat(ChatRequest([HELLO], max_tokens=900, temperature=0.0), 0)
            await anext(answer)
            os.kill(worker.pid, signal.SIGKILL)
            with pytest.raises(WorkerDiedError) as caught:
                await collect(answer)
            assert caught.value.exit_code == -signal.SIGKILL
            for broken in (
                ask(worker.model, HELLO),
                worker.model.save_slot(0, tmp_path / "state"),
                worker.model.count_tokens([HELLO], []),
            ):
                with pytest.raises(WorkerDiedError):
                    await broken
            assert not (tmp_path / "state").exists()

    run(main())


def test_a_worker_stopped_in_the_middle_of_an_answer_ends_the_answer(
    smollm2_q8: Path, tmp_path: Path
) -> None:
    async def main() -> None:
        async with loaded(smollm2_q8, tmp_path) as worker:
            answer = worker.model.chat(ChatRequest([HELLO], max_tokens=900, temperature=0.0), 0)
            await anext(answer)
            rest = asyncio.create_task(collect(answer))
            await asyncio.sleep(0)
            await worker.stop()
            with pytest.raises(WorkerDiedError):
                await rest
            with pytest.raises(WorkerDiedError):
                await ask(worker.model, HELLO)

    run(main())


def test_an_embedder_gives_one_vector_per_text(smollm2_q8: Path, tmp_path: Path) -> None:
    async def main() -> None:
        async with loaded(smollm2_q8, tmp_path, n_ctx=256, embedding=True) as worker:
            cat, kitten, cat_again = await worker.model.embed(["a cat", "a kitten", "a cat"])
            assert len(cat) == len(kitten) == 576
            assert cat == pytest.approx(cat_again, abs=1e-3)
            assert cat != pytest.approx(kitten, abs=1e-3)
        async with loaded(smollm2_q8, tmp_path) as worker:
            with pytest.raises(GenerationError, match="embedding"):
                await worker.model.embed(["a cat"])

    run(main())


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A new folder under a path that is shorter than those of pytest."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def test_the_worker_is_reached_by_its_user_alone_and_wants_its_key(
    smollm2_q8: Path, short_path: Path
) -> None:
    # No address of a Unix socket is of that length.
    folder = short_path / ("long" * 30)

    async def main() -> None:
        async with loaded(smollm2_q8, short_path) as worker:
            assert not listening(worker.pid)
            socket = private_socket()
            transport = httpx.AsyncHTTPTransport(uds=str(socket))
            async with httpx.AsyncClient(base_url="http://worker", transport=transport) as stranger:
                await refused_without_key(stranger)
        assert not await asyncio.to_thread(socket.exists)
        async with loaded(smollm2_q8, folder) as worker:
            (address,) = listening(worker.pid)
            assert address.ip == "127.0.0.1"
            url = f"http://127.0.0.1:{address.port}"
            async with httpx.AsyncClient(base_url=url, trust_env=False) as stranger:
                await refused_without_key(stranger)
            assert await worker.model.count_tokens([Message("user", "Hello")], [])

    def private_socket() -> Path:
        (socket,) = short_path.glob("run/slots-*/*.sock")
        assert stat.S_IMODE(socket.parent.stat().st_mode) == stat.S_IRWXU
        return socket

    def listening(pid: int) -> list[Any]:
        connections = psutil.Process(pid).net_connections()
        return [each.laddr for each in connections if each.status == psutil.CONN_LISTEN]

    async def refused_without_key(stranger: httpx.AsyncClient) -> None:
        for path in ("/slots", "/props"):
            assert (await stranger.get(path)).status_code == httpx.codes.UNAUTHORIZED
        answer = await stranger.post("/v1/chat/completions", json={"messages": []})
        assert answer.status_code == httpx.codes.UNAUTHORIZED

    run(main())
