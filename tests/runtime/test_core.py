"""The core on a loop that is not its own, on the real engine, as a server uses it."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest
from benchmarks.native_template import TOOL_TEMPLATE
from tests.agent.scripted_team import of_kind
from tests.children import Children
from tests.conftest import wait_until

from airunner.agent.conversation import Conversation
from airunner.components.llm.config.model_capabilities import MODEL_REGISTRY
from airunner.config.settings import Settings
from airunner.engines.base import ChatRequest
from airunner.engines.worker_answer import OK
from airunner.errors import AiRunnerError, LeaseRefusedError, UnknownModelError
from airunner.events import TextStreamed, ToolCallFinished, TurnFinished
from airunner.messages import Delta, Message, ToolSchema
from airunner.models.spec import FileSource, ModelCapability, ModelSpec
from airunner.runtime import RuntimeCore
from airunner.tools.json_form import JsonForm
from airunner.tools.tool import tool
from airunner.tools.toolset import Toolset

PRIMARY = ModelCapability.PRIMARY_CONVERSATION
MODEL = "tests/native"
PARCEL = ToolSchema(
    "send_parcel",
    "Send a parcel to an address.",
    {
        "type": "object",
        "properties": {
            "address": {"type": "string", "maxLength": 40},
            "weight_kg": {"type": "integer", "minimum": 1, "maximum": 30},
        },
        "required": ["address", "weight_kg"],
        "additionalProperties": False,
    },
)
SEND = Message("user", "Send a parcel of 2 kg to 5 High Street in York.")
HELLO = Message("user", "Tell me about the sea.")


@tool
def paint_wall(colour: str, api: object = None) -> str:
    """Paint the wall."""
    answer = api.use_specialized_model(PRIMARY, "Say hello.", max_tokens=4)  # type: ignore[attr-defined]
    return f"painted {colour}: {answer is not None}"


@pytest.fixture
def settings(embedded_home: Path, smollm2_q8: Path) -> Iterator[Settings]:
    """The embedded model in 8 bits, with tools in its template; no process of ours is left."""
    MODEL_REGISTRY[MODEL] = ModelSpec(
        MODEL,
        [PRIMARY],
        max_context=2048,
        supports_function_calling=True,
        sources=(FileSource(str(smollm2_q8)),),
        chat_template=TOOL_TEMPLATE,
    )
    children = Children()
    yield Settings(
        home=embedded_home, primary=MODEL, context=1024, parallel=2, max_tokens=40, offline=True
    )
    del MODEL_REGISTRY[MODEL]
    gc.collect()
    wait_until(lambda: children() == set())
    assert list((embedded_home / "run").iterdir()) == []
    assert list((embedded_home / "parked").iterdir()) == []


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[RuntimeCore]:
    async with RuntimeCore(settings, toolset=Toolset([paint_wall]), command="test") as core:
        yield core


async def chat(core: RuntimeCore, request: ChatRequest) -> AsyncGenerator[Delta, None]:
    async with core.lease(PRIMARY) as lease, aclosing(lease.chat(request)) as deltas:
        async for delta in deltas:
            yield delta


async def collect(core: RuntimeCore, request: ChatRequest) -> list[Delta]:
    return [delta async for delta in chat(core, request)]


def test_a_server_leases_chats_and_turns_on_its_own_loop(settings: Settings) -> None:
    async def main() -> None:
        async with running(settings) as core:
            await engine_asked_directly(core)
            await clients_tool_is_called(core)
            await two_at_once_of_which_one_is_cancelled(core)
            await a_turn_whose_tool_uses_a_model(core)
            (model,) = (await core.status()).models
            assert (model.model, model.state, model.leases) == (MODEL, "ready", 0)
        with pytest.raises(LeaseRefusedError, match="shutting down"):
            async with core.lease(PRIMARY):
                pass
        with pytest.raises(AiRunnerError, match="shut down"):
            await core.agent()
        await core.close()

    asyncio.run(main())


async def engine_asked_directly(core: RuntimeCore) -> None:
    async with core.lease(MODEL) as lease:
        assert lease.spec.model_path == MODEL
        assert lease.served is not None
        body = {
            "messages": [{"role": "user", "content": HELLO.content}],
            "max_tokens": 8,
            "temperature": 0,
            "cache_prompt": True,
        }
        async with lease.slot() as slot:
            asked = lease.served.ask("/v1/chat/completions", body | {"id_slot": slot})
            async with asked as response:
                assert response.status == OK
                answer = json.loads(await response.read())
        assert answer["timings"]["predicted_n"] == 8


async def clients_tool_is_called(core: RuntimeCore) -> None:
    for choice in ("required", PARCEL.name):
        request = ChatRequest([SEND], tools=[PARCEL], tool_choice=choice, max_tokens=120)
        *_, last = await collect(core, request)
        (call,) = last.tool_calls
        assert call.name == PARCEL.name
        JsonForm(call.name, PARCEL.parameters).validate(call.arguments)
        assert last.finish_reason == "tool_calls"
    shape = {"type": "object", "properties": {"sea": {"enum": ["salt"]}}, "required": ["sea"]}
    said = await collect(core, ChatRequest([HELLO], json_schema=shape, max_tokens=60))
    assert json.loads("".join(delta.text for delta in said)) == {"sea": "salt"}


async def two_at_once_of_which_one_is_cancelled(core: RuntimeCore) -> None:
    begun = asyncio.Event()

    async def endless() -> None:
        request = ChatRequest([HELLO], max_tokens=900, stop=["no such text"], temperature=0.0)
        async with aclosing(chat(core, request)) as deltas:
            async for _ in deltas:
                begun.set()

    long = asyncio.create_task(endless())
    await begun.wait()
    # Answered while the other one decodes, so they share the engine.
    short = await collect(core, ChatRequest([HELLO], max_tokens=6))
    assert short[-1].usage is not None
    assert not long.done()
    (model,) = (await core.status()).models
    assert model.leases == 1
    long.cancel()
    with pytest.raises(asyncio.CancelledError):
        await long
    (model,) = (await core.status()).models
    assert model.leases == 0


async def a_turn_whose_tool_uses_a_model(core: RuntimeCore) -> None:
    conversation = Conversation.begin()
    turn = core.turn(conversation, "Paint it blue.", tool_choice="paint_wall")
    events = [event async for event in turn]
    (painted,) = of_kind(events, ToolCallFinished)
    assert painted.result.endswith(": True"), painted.problem
    assert of_kind(events, TurnFinished)[0].outcome == "answered"
    broken = core.turn(conversation, "Count to a thousand, slowly.")
    async with aclosing(broken) as items:
        async for event in items:
            if isinstance(event, TextStreamed):
                break
    assert conversation.messages[-1].role == "assistant"
    outcome = await core.call_tool("paint_wall", {"colour": "red"})
    assert outcome.message.content == "painted red: True"


def test_closing_ends_what_runs_and_who_waits(settings: Settings) -> None:
    async def main() -> None:
        core = RuntimeCore(settings, toolset=Toolset(), command="test")
        begun = asyncio.Event()

        async def endless() -> None:
            request = ChatRequest([HELLO], max_tokens=900, stop=["no such text"])
            async for _ in chat(core, request):
                begun.set()

        async with core:
            long = asyncio.create_task(endless())
            await begun.wait()
        with pytest.raises(AiRunnerError):
            await long

    asyncio.run(main())


def test_a_name_that_nobody_has_is_an_error_before_anything_is_loaded(settings: Settings) -> None:
    async def main() -> None:
        async with running(settings) as core:
            with pytest.raises(UnknownModelError, match="tests/native"):
                async with core.lease("tests/nativ"):
                    pass
            assert (await core.status()).models == ()

    asyncio.run(main())
