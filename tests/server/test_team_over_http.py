"""The team behind a client's API: the real engine under a native template, and a real port.

The embedded weights call a tool of their own accord only where the conversation has shown
them how, so these clients show it; where it matters what is called, the call is required.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from tests.agent.scripted_team import of_kind, recorded
from tests.engines.llama_cpp.test_client import TOOL_TEMPLATE

from airunner.access.guard import Admission
from airunner.components.llm.config.model_capabilities import MODEL_REGISTRY
from airunner.config.settings import Settings
from airunner.events import (
    Event,
    GenerationFinished,
    ModelLoaded,
    ToolCallFinished,
    ToolCallStarted,
    TurnFinished,
)
from airunner.models.spec import FileSource, ModelCapability, ModelSpec
from airunner.resources.visitor import Visitor
from airunner.runtime.core import RuntimeCore
from airunner.server.app import create_app
from airunner.server.chunks import Completion
from airunner.server.serving import listening
from airunner.server.team_steps import STEPS_HEADER
from airunner.tools.tool import Tool, tool
from airunner.tools.toolset import Toolset

PRIMARY = "tests/native-team"
GREEDY = {"temperature": 0.0, "repeat_penalty": 1.0, "seed": 1}


def painter(colour: str) -> Tool:
    def use(wall: str) -> str:
        return f"the {wall} is {colour} now"

    return Tool(use, name=f"paint_{colour}", description=f"Paint something {colour}.")


@tool(permission="execute")
def burn_parcel(number: int) -> str:
    """Burn a parcel."""
    return "burnt"


TOOLS = Toolset([painter("red"), painter("blue"), burn_parcel])
OPEN_DOOR = {
    "name": "open_door",
    "description": "Open a door of the house.",
    "parameters": {
        "type": "object",
        "properties": {"door": {"type": "string", "maxLength": 12}},
        "required": ["door"],
    },
}


KEYS = {
    "narrow": Visitor("narrow", models=("another/*",)),
    "blue": Visitor("blue", tools=("paint_blue",)),
}


class Served:
    """A server with its runtime on a thread of its own."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._ready, self._ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self.events: list[Event] = []

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(300)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(300)

    async def _run(self) -> None:
        with listening("127.0.0.1", 0) as sock:
            self.url = f"http://127.0.0.1:{sock.getsockname()[1]}"
            async with RuntimeCore(self._settings, toolset=TOOLS, command="test") as core:
                self.events = recorded(core.bus)
                config = uvicorn.Config(
                    create_app(core, Admission(find_key=KEYS.get)), log_config=None
                )
                self._server = uvicorn.Server(config)
                sock.listen()
                self._ready.set()
                await self._server.serve(sockets=[sock])

    def ask(self, path: str, body: dict[str, Any], key: str = "", **headers: str) -> httpx.Response:
        if key:
            headers["Authorization"] = f"Bearer {key}"
        return httpx.post(self.url + path, json=body, headers=headers, timeout=300)

    def since(self, mark: int) -> list[Event]:
        return self.events[mark:]


@pytest.fixture(scope="module")
def served(make_home: Callable[[], Path], smollm2_q8: Path) -> Iterator[Served]:
    MODEL_REGISTRY[PRIMARY] = ModelSpec(
        PRIMARY,
        [ModelCapability.PRIMARY_CONVERSATION],
        max_context=8192,
        supports_function_calling=True,
        sources=(FileSource(str(smollm2_q8)),),
        chat_template=TOOL_TEMPLATE,
    )
    server = Served(Settings(home=make_home(), primary=PRIMARY, context=4096, max_tokens=40))
    try:
        server.start()
        yield server
    finally:
        server.stop()
        del MODEL_REGISTRY[PRIMARY]


def shown(call: str, argument: str, words: str) -> list[dict[str, Any]]:
    """A history in which a model calls ``call`` for each thing that is named."""
    messages: list[dict[str, Any]] = []
    for number, thing in enumerate(("chair", "table", "fence", "roof", "gate")):
        function = {"name": call, "arguments": json.dumps({argument: thing})}
        messages += [
            said(words.format(thing)),
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": f"c{number}", "type": "function", "function": function}],
            },
            {"role": "tool", "tool_call_id": f"c{number}", "content": f"done: {thing}"},
            {"role": "assistant", "content": "It is done."},
        ]
    return messages


def body(messages: Sequence[dict[str, Any]], **options: Any) -> dict[str, Any]:
    return {"model": "airunner", "messages": list(messages), **GREEDY, **options}


def said(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def function(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "function", "function": schema}


def chunks_of(response: httpx.Response) -> list[dict[str, Any]]:
    # A slow answer has comments in it, by which clients see that it is written.
    said = [line for line in response.text.splitlines() if line.startswith("data: ")]
    lines = [line.removeprefix("data: ") for line in said]
    assert lines.pop() == "[DONE]"
    return [json.loads(line) for line in lines]


def test_a_turn_with_a_tool_of_ours(served: Served) -> None:
    mark = len(served.events)
    history = [*shown("paint_red", "wall", "Paint the {} red."), said("Paint the door red.")]
    asked = body(history, stream=True, stream_options={"include_usage": True})
    response = served.ask("/v1/chat/completions", asked)
    assert response.status_code == 200, response.text
    chunks = chunks_of(response)

    (started,) = of_kind(served.since(mark), ToolCallStarted)
    assert (started.tool, started.arguments) == ("paint_red", {"wall": "door"})
    kinds = [chunk["airunner"]["kind"] for chunk in chunks if "airunner" in chunk]
    assert [k for k in kinds if k.startswith("tool")] == ["tool_call_started", "tool_call_finished"]
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    thought = "".join(delta.get("reasoning_content") or "" for delta in deltas)
    assert 'tool paint_red(wall="door")\n' in thought
    text = "".join(delta.get("content") or "" for delta in deltas)
    assert text.strip()
    assert "paint_red" not in text
    assert not any(delta.get("tool_calls") for delta in deltas)
    assert deltas[0]["role"] == "assistant"
    finish = [choice["finish_reason"] for chunk in chunks for choice in chunk["choices"]]
    assert [reason for reason in finish if reason] == ["stop"]
    first, last = of_kind(served.since(mark), GenerationFinished)
    usage = chunks[-1]["usage"]
    assert usage["prompt_tokens"] == last.prompt_tokens
    assert usage["completion_tokens"] == first.completion_tokens + last.completion_tokens

    # What the client never saw is in the prompt of its next message, and in the cache.
    mark = len(served.events)
    beginning = list(history)
    history += [{"role": "assistant", "content": text}, said("Thank you.")]
    answer = served.ask("/v1/chat/completions", body(history)).json()
    (thanked,) = of_kind(served.since(mark), GenerationFinished)
    assert thanked.conversation == last.conversation
    assert thanked.cached_tokens >= last.prompt_tokens
    cached = answer["usage"]["prompt_tokens_details"]["cached_tokens"]
    assert cached == thanked.cached_tokens

    # Another answer to the same message begins where the last one began.
    mark = len(served.events)
    served.ask("/v1/chat/completions", body(history))
    (anew,) = of_kind(served.since(mark), GenerationFinished)
    assert anew.prompt_tokens == thanked.prompt_tokens
    assert anew.conversation == thanked.conversation

    # The same from another key is another conversation, and its rights hold for our tools.
    mark = len(served.events)
    assert served.ask("/v1/chat/completions", body(beginning), "narrow").status_code == 403
    only_events = {STEPS_HEADER: "events"}
    streamed = body(beginning, stream=True)
    answered = served.ask("/v1/chat/completions", streamed, "blue", **only_events)
    assert "tool_call_finished" in answered.text
    assert "reasoning" not in answered.text, "the model itself has no thoughts"
    (call,) = of_kind(served.since(mark), ToolCallFinished)
    assert (call.tool, "key" in call.problem) == ("paint_red", True)
    assert of_kind(served.since(mark), GenerationFinished)[0].conversation != last.conversation


def test_a_call_of_the_clients_tool_and_its_result(served: Served) -> None:
    mark = len(served.events)
    tools = [function(OPEN_DOOR)]
    history = [said("Open the front door.")]
    asked = body(history, tools=tools, tool_choice="required", stream=True)
    chunks = chunks_of(served.ask("/v1/chat/completions", asked))
    first = Completion()
    for chunk in chunks:
        first.add(chunk)
    assert first.finish_reason == "tool_calls"
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    pieces = [piece for delta in deltas for piece in delta.get("tool_calls") or ()]
    assert len(pieces) > 2, "its arguments come as they are written"
    message = first.message_json()
    (call,) = message["tool_calls"]
    assert call["id"] == pieces[0]["id"]
    assert call["function"]["name"] == "open_door"
    assert set(json.loads(call["function"]["arguments"])) == {"door"}
    assert not of_kind(served.since(mark), ToolCallStarted)

    cached = [first.usage["prompt_tokens_details"]["cached_tokens"]]
    prompts = [first.usage["prompt_tokens"]]
    history += [
        message,
        {"role": "tool", "tool_call_id": call["id"], "content": "The front door is open."},
    ]
    for text in ("And now?", "Thank you.", "Goodbye."):
        answer = served.ask("/v1/chat/completions", body(history, tools=tools)).json()
        assert answer["choices"][0]["finish_reason"] in ("stop", "length")
        cached.append(answer["usage"]["prompt_tokens_details"]["cached_tokens"])
        prompts.append(answer["usage"]["prompt_tokens"])
        history += [answer["choices"][0]["message"], said(text)]
    generations = of_kind(served.since(mark), GenerationFinished)
    assert len({each.conversation for each in generations}) == 1
    assert all(now >= before for now, before in zip(cached[1:], prompts, strict=False))
    assert cached == sorted(cached)


def test_the_same_through_anthropics_ollamas_and_the_responses_api(served: Served) -> None:
    schema = OPEN_DOOR["parameters"]
    text = "Open the garden door."

    anthropic = {
        "model": "airunner",
        "max_tokens": 16,
        "temperature": 0,
        "tools": [{"name": "open_door", "description": "Open a door.", "input_schema": schema}],
        "messages": [said(text)],
    }
    any_tool = {"tool_choice": {"type": "any"}}
    message = served.ask("/v1/messages", anthropic | any_tool).json()
    assert message["stop_reason"] == "tool_use"
    (used,) = [block for block in message["content"] if block["type"] == "tool_use"]
    result = {"type": "tool_result", "tool_use_id": used["id"], "content": "It is open."}
    anthropic["messages"] += [
        {"role": "assistant", "content": message["content"]},
        {"role": "user", "content": [result]},
    ]
    after = served.ask("/v1/messages", anthropic).json()
    spent = message["usage"]
    before_tokens = spent["input_tokens"] + spent["cache_read_input_tokens"]
    assert after["usage"]["cache_read_input_tokens"] >= before_tokens

    tools = [{"type": "function", **OPEN_DOOR}]
    asked = {"model": "airunner", "tools": tools, "temperature": 0, "max_output_tokens": 16}
    first = served.ask("/v1/responses", asked | {"input": text, "tool_choice": "required"}).json()
    (called,) = [item for item in first["output"] if item["type"] == "function_call"]
    output = {
        "type": "function_call_output",
        "call_id": called["call_id"],
        "output": "It is open.",
    }
    second = served.ask(
        "/v1/responses", asked | {"previous_response_id": first["id"], "input": [output]}
    ).json()
    details = second["usage"]["input_tokens_details"]
    assert details["cached_tokens"] >= first["usage"]["input_tokens"]

    # Ollama's API cannot require a call, so the client shows how it is done.
    history = shown("open_door", "door", "Open the {}.")
    for each in history:
        for call in each.get("tool_calls") or ():
            call["function"]["arguments"] = json.loads(call["function"]["arguments"])
    history.append(said("Open the window."))
    ollama = {
        "model": "airunner:latest",
        "tools": [function(OPEN_DOOR)],
        "messages": history,
        "stream": False,
        "options": {"temperature": 0, "repeat_penalty": 1.0, "num_predict": 60},
    }
    chat = served.ask("/api/chat", ollama).json()
    assert "tool_calls" in chat["message"], chat
    (made,) = chat["message"]["tool_calls"]
    assert made["function"]["name"] == "open_door"
    history += [
        chat["message"],
        {"role": "tool", "tool_name": "open_door", "content": "It is open."},
    ]
    gone_on = served.ask("/api/chat", ollama).json()
    assert gone_on["cached_tokens"] >= chat["prompt_eval_count"]


def test_a_client_that_hangs_up_ends_the_turn(
    served: Served, eventually: Callable[[Callable[[], bool]], None]
) -> None:
    mark = len(served.events)
    asked = body([said("Count to a thousand.")], stream=True, max_tokens=2000)
    text = ""
    with httpx.stream("POST", f"{served.url}/v1/chat/completions", json=asked, timeout=300) as got:
        for line in got.iter_lines():
            if line.startswith("data: {"):
                delta = json.loads(line[6:])["choices"][0]["delta"]
                text += delta.get("content") or ""
            if len(text) > 10:
                break
    eventually(lambda: bool(of_kind(served.since(mark), TurnFinished)))
    (finished,) = of_kind(served.since(mark), TurnFinished)
    assert finished.outcome == "cancelled"

    # The turn is whole, and what was said of it is gone on with.
    mark = len(served.events)
    history = [said("Count to a thousand."), {"role": "assistant", "content": finished.text}]
    answer = served.ask("/v1/chat/completions", body([*history, said("Thanks.")], max_tokens=8))
    assert answer.status_code == 200


def test_an_answer_goes_on_where_its_worker_was_killed(
    served: Served, eventually: Callable[[Callable[[], bool]], None]
) -> None:
    # What is hardly answered in two ways: no rounding of another batch decides.
    counted = []
    for last in (5, 12):
        numbers = ", ".join(map(str, range(1, last + 1)))
        counted += [said(f"Count to {last}."), {"role": "assistant", "content": numbers}]
    asked = body([*counted, said("Count to 40.")], max_tokens=40)
    whole = served.ask("/v1/chat/completions", asked).json()["choices"][0]["message"]["content"]
    worker = of_kind(served.events, ModelLoaded)[-1].pid
    mark = len(served.events)
    pieces: list[str] = []
    url = f"{served.url}/v1/chat/completions"
    with httpx.stream("POST", url, json={**asked, "stream": True}, timeout=300) as got:
        for line in got.iter_lines():
            if line.startswith("data: {"):
                delta = json.loads(line[6:])["choices"][0]["delta"]
                pieces += filter(None, [delta.get("content")])
            if len(pieces) == 5 and worker:
                os.kill(worker, signal.SIGKILL)
                worker = 0
    assert "".join(pieces) == whole
    # At the latest now, if this machine was so slow that the answer had been written.
    eventually(lambda: bool(of_kind(served.since(mark), ModelLoaded)))


def test_what_the_team_cannot_do_is_refused_or_left_to_the_primary(served: Served) -> None:
    broken = {"name": "no name", "parameters": {}}
    refused = served.ask("/v1/chat/completions", body([said("Hi.")], tools=[function(broken)]))
    assert refused.status_code == 400
    assert "no name" in refused.json()["error"]["message"]

    picture = {"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}}
    seen = [{"type": "text", "text": "What is this?"}, picture]
    refused = served.ask("/v1/chat/completions", body([{"role": "user", "content": seen}]))
    assert refused.status_code == 400

    mark = len(served.events)
    form = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    schema = {"type": "json_schema", "json_schema": {"name": "n", "schema": form}}
    answer = served.ask(
        "/v1/chat/completions", body([said("A number.")], response_format=schema, max_tokens=30)
    ).json()
    assert "n" in json.loads(answer["choices"][0]["message"]["content"])
    assert not of_kind(served.since(mark), TurnFinished)


def test_tokens_are_counted_with_our_tools(served: Served) -> None:
    asked = {"messages": [said("Hi.")]}
    url = "/v1/messages/count_tokens"
    team = served.ask(url, asked | {"model": "airunner"}).json()["input_tokens"]
    alone = served.ask(url, asked | {"model": PRIMARY}).json()["input_tokens"]
    assert team > alone + 50
