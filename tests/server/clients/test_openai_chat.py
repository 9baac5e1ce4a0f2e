"""The client ``openai`` at chat completions."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI
from tests.server.clients.conftest import ServedHere
from tests.server.clients.idle import idle_again
from tests.server.clients.native_server import CONTEXT, EMBEDDER, NATIVE
from tests.server.clients.said import (
    FEW_DAYS_TOOL,
    HELLO,
    LETTERS,
    LONG,
    MOOD,
    TOOLS,
    WEATHER_TOOL,
    is_valid,
    question,
    shown,
)
from tests.tiny_png import png

from airunner.errors import MissingWeightsError

ABSENT = "Qwen/Qwen3-8B"
"""A registered model whose weights nobody has fetched."""
SAID: list[Any] = [{"role": "user", "content": HELLO}]
SURE: list[Any] = [{"role": "user", "content": LETTERS}]


@pytest.fixture(scope="module")
def client(server: ServedHere) -> Iterator[OpenAI]:
    with OpenAI(base_url=server.v1, api_key="none", max_retries=0, timeout=300) as client:
        yield client


def ask(client: OpenAI, messages: list[Any] = SAID, **options: Any) -> Any:
    asked: dict[str, Any] = {"model": NATIVE, "messages": messages, "temperature": 0}
    return client.chat.completions.create(**asked | {"max_tokens": 16} | options)


def test_an_answer_and_its_cost_are_the_same_in_pieces(client: OpenAI) -> None:
    whole = ask(client, SURE)
    (choice,) = whole.choices
    assert choice.message.role == "assistant"
    assert choice.message.content
    assert choice.finish_reason == "length"
    assert whole.usage.completion_tokens == 16
    assert whole.usage.total_tokens == whole.usage.prompt_tokens + 16
    chunks = list(ask(client, SURE, stream=True, stream_options={"include_usage": True}))
    assert len({chunk.id for chunk in chunks}) == 1
    assert "".join(c.choices[0].delta.content or "" for c in chunks[:-1]) == choice.message.content
    assert [c.choices[0].finish_reason for c in chunks[:-1] if c.choices[0].finish_reason] == [
        "length"
    ]
    last = chunks[-1]
    assert last.choices == []
    assert last.usage.prompt_tokens == whole.usage.prompt_tokens
    assert last.usage.completion_tokens == 16
    # The same prompt again: all of it but its last token was in the cache.
    assert last.usage.prompt_tokens_details.cached_tokens >= last.usage.prompt_tokens - 1


def test_a_model_calls_of_its_own_accord_and_goes_on_with_the_result(client: OpenAI) -> None:
    messages = shown()
    called = ask(client, messages, tools=[WEATHER_TOOL], max_tokens=80)
    (choice,) = called.choices
    assert choice.finish_reason == "tool_calls"
    (call,) = choice.message.tool_calls
    assert (call.function.name, json.loads(call.function.arguments)) == (
        "weather",
        {"city": "Paris", "days": 2},
    )
    messages += [
        choice.message.model_dump(exclude_none=True),
        {"role": "tool", "tool_call_id": call.id, "content": "sunny"},
    ]
    answered = ask(client, messages, tools=[WEATHER_TOOL])
    assert answered.choices[0].message.content
    assert answered.usage.prompt_tokens_details.cached_tokens >= called.usage.prompt_tokens
    messages += [
        {"role": "assistant", "content": "Sunny."},
        {"role": "user", "content": question("Riga", 3)},
    ]
    again = ask(client, messages, tools=[WEATHER_TOOL], max_tokens=80, stream=True)
    texts, name = [], ""
    for chunk in again:
        for piece in (chunk.choices[0].delta.tool_calls if chunk.choices else None) or ():
            assert piece.index == 0
            name += piece.function.name or ""
            texts.append(piece.function.arguments or "")
    assert name == "weather"
    assert is_valid(name, "".join(texts))
    assert len(texts) > 3, "it comes while it is made"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ("required", {"weather", "clock"}),
        ({"type": "function", "function": {"name": "clock"}}, {"clock"}),
        (
            {
                "type": "allowed_tools",
                "allowed_tools": {
                    "mode": "required",
                    "tools": [{"type": "function", "function": {"name": "clock"}}],
                },
            },
            {"clock"},
        ),
    ],
    ids=["required", "named", "allowed"],
)
def test_a_call_that_must_be_is_made_and_valid(
    client: OpenAI, choice: Any, names: set[str], stream: bool
) -> None:
    options = {"tools": TOOLS, "tool_choice": choice, "max_tokens": 100}
    if stream:
        with client.chat.completions.stream(
            model=NATIVE, messages=shown(), temperature=0, **options
        ) as events:
            found = events.get_final_completion()
    else:
        found = ask(client, shown(), **options)
    assert found.choices[0].finish_reason == "tool_calls"
    (call,) = found.choices[0].message.tool_calls
    assert call.function.name in names
    assert is_valid(call.function.name, call.function.arguments)


def test_no_call_is_made_that_must_not_be(client: OpenAI) -> None:
    none = ask(client, shown(), tools=TOOLS, tool_choice="none", max_tokens=40)
    assert none.choices[0].message.tool_calls is None
    assert none.choices[0].finish_reason in ("stop", "length")
    clock_only = {"mode": "auto", "tools": [{"type": "function", "function": {"name": "clock"}}]}
    choice = {"type": "allowed_tools", "allowed_tools": clock_only}
    found = ask(client, shown(), tools=TOOLS, tool_choice=choice, max_tokens=80)
    for call in found.choices[0].message.tool_calls or ():
        assert call.function.name == "clock"
        assert is_valid("clock", call.function.arguments)


@pytest.mark.parametrize("stream", [False, True])
def test_a_call_that_does_not_match_is_decoded_once_more(client: OpenAI, stream: bool) -> None:
    messages = shown(days=20)
    options: dict[str, Any] = {"tools": [FEW_DAYS_TOOL], "temperature": 0, "max_tokens": 80}
    if stream:
        with client.chat.completions.stream(model=NATIVE, messages=messages, **options) as events:
            found = events.get_final_completion()
    else:
        found = ask(client, messages, **options)
    (call,) = found.choices[0].message.tool_calls
    assert call.function.name == "weather"
    assert 1 <= json.loads(call.function.arguments)["days"] <= 9
    # What both decodings took.
    assert found.usage.completion_tokens > 50
    assert found.choices[0].finish_reason == "tool_calls"


@pytest.mark.parametrize("with_tools", [False, True])
def test_an_answer_matches_its_schema(client: OpenAI, with_tools: bool) -> None:
    form = {"type": "json_schema", "json_schema": {"name": "mood", "schema": MOOD, "strict": True}}
    tools = {"tools": TOOLS} if with_tools else {}
    found = ask(client, response_format=form, max_tokens=80, **tools)
    answer = json.loads(found.choices[0].message.content)
    assert answer["mood"] in ("calm", "wild")
    assert answer["depth"] in (1, 2, 3)
    assert found.choices[0].finish_reason == "stop"
    free = ask(client, response_format={"type": "json_object"}, max_tokens=200)
    text = free.choices[0].message.content.strip()
    assert text.startswith("{")


def test_a_call_is_valid_where_an_answer_would_have_a_schema(client: OpenAI) -> None:
    form = {"type": "json_schema", "json_schema": {"name": "mood", "schema": MOOD}}
    found = ask(client, response_format=form, tools=TOOLS, tool_choice="required", max_tokens=100)
    (call,) = found.choices[0].message.tool_calls
    assert is_valid(call.function.name, call.function.arguments)


def test_it_stops_where_it_is_told_to(client: OpenAI) -> None:
    text = ask(client, SURE).choices[0].message.content
    end = text.split()[2]
    for stop in (end, ["", end, "no such text"]):
        found = ask(client, SURE, stop=stop)
        assert found.choices[0].message.content == text[: text.index(end)]
        assert found.choices[0].finish_reason == "stop"


def test_a_seed_gives_the_same_again_and_choices_differ(client: OpenAI, server: ServedHere) -> None:
    idle_again(server)  # what else is in a batch rounds it in other places
    options = {"temperature": 1.5, "seed": 11}
    first, second = (ask(client, **options).choices[0].message.content for _ in range(2))
    assert first == second
    both = ask(client, n=2, **options)
    texts = [choice.message.content for choice in both.choices]
    assert [choice.index for choice in both.choices] == [0, 1]
    assert texts[0] == first
    assert texts[1] != first
    assert both.usage.completion_tokens == 32
    streamed = ["", ""]
    for chunk in ask(client, n=2, stream=True, **options):
        for each in chunk.choices:
            streamed[each.index] += each.delta.content or ""
    assert streamed == texts


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("with_tools", [False, True])
def test_the_probability_of_each_token_is_told(
    client: OpenAI, stream: bool, with_tools: bool
) -> None:
    tools = {"tools": TOOLS} if with_tools else {}
    options = {"logprobs": True, "top_logprobs": 2, "max_tokens": 5, "stream": stream, **tools}
    found = ask(client, **options)
    choices = [c for chunk in found for c in chunk.choices] if stream else found.choices
    tokens = [t for c in choices if c.logprobs for t in c.logprobs.content or ()]
    assert len(tokens) == 5
    for token in tokens:
        assert token.logprob <= 0
        assert len(token.top_logprobs) == 2
        assert bytes(token.bytes or ()).decode(errors="replace") == token.token


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("options", "error", "code"),
    [
        ({"model": "no/such"}, openai.NotFoundError, "model_not_found"),
        (
            {"messages": [{"role": "user", "content": LONG}]},
            openai.BadRequestError,
            "context_length_exceeded",
        ),
        ({"model": ABSENT}, openai.NotFoundError, "model_not_downloaded"),
        ({"temperature": -1}, openai.BadRequestError, "invalid_value"),
        ({"top_logprobs": 99, "logprobs": True}, openai.BadRequestError, "invalid_value"),
        ({"messages": []}, openai.BadRequestError, "invalid_value"),
        ({"n": 0}, openai.BadRequestError, "invalid_value"),
        ({"max_tokens": 0}, openai.BadRequestError, "invalid_value"),
        ({"tool_choice": "required"}, openai.BadRequestError, "invalid_value"),
        ({"model": EMBEDDER}, openai.BadRequestError, "generation"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "x"}}},
            openai.BadRequestError,
            "invalid_value",
        ),
        (
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [
                            {"type": "text", "text": "What is this?"},
                            {
                                "type": "image_url",
                                "image_url": {
                                    "url": "data:image/png;base64," + b64encode(png()).decode()
                                },
                            },
                        ],
                    }
                ]
            },
            openai.BadRequestError,
            "media_not_supported",
        ),
    ],
    ids=[
        *(
            "model",
            "long",
            "absent",
            "temperature",
            "logprobs",
            "nothing",
            "n",
            "no token",
            "no tools",
            "embedder",
        ),
        *("no schema", "picture"),
    ],
)
def test_what_cannot_be_is_told_in_the_apis_own_form(
    client: OpenAI,
    options: dict[str, Any],
    error: type[openai.APIStatusError],
    code: str,
    stream: bool,
) -> None:
    with pytest.raises(error) as caught:
        ask(client, stream=stream, **options)
    assert caught.value.code == code
    told: Any = caught.value.body
    assert told["message"]
    assert "Value error" not in told["message"], "a word of the library's"
    if code == "context_length_exceeded":
        assert told["n_prompt_tokens"] > told["n_ctx"] == CONTEXT
    if code == "model_not_found":
        here = told["message"].partition(" Here are: ")[2]
        assert here.startswith("airunner, ")
        assert NATIVE in here
        assert ABSENT not in here


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/v1/chat/completions", {"messages": SAID}),
        ("/v1/completions", {"prompt": HELLO}),
        ("/v1/responses", {"input": HELLO}),
        ("/v1/messages", {"messages": SAID, "max_tokens": 9}),
        ("/v1/messages/count_tokens", {"messages": SAID}),
        ("/api/chat", {"messages": SAID}),
        ("/api/chat", {}),
        ("/models/load", {}),
    ],
)
def test_a_model_that_nobody_has_pulled_is_not_fetched(
    server: ServedHere, path: str, asked: dict[str, Any]
) -> None:
    answer = httpx.post(f"{server.url}{path}", json={"model": ABSENT, **asked})
    assert answer.status_code == httpx.codes.NOT_FOUND
    told = answer.json()["error"]
    # No word of where it was looked for: nobody has tried to fetch it.
    assert str(MissingWeightsError(ABSENT)) == (told if path == "/api/chat" else told["message"])


def test_a_client_that_goes_away_stops_the_work(client: OpenAI, server: ServedHere) -> None:
    with ask(client, stream=True, max_tokens=1900, stop="no such text") as stream:
        for _, _ in zip(range(4), stream, strict=False):
            pass
    idle_again(server)
    with pytest.raises(openai.APITimeoutError):
        ask(client, max_tokens=1900, stop="no such text", timeout=0.5)
    idle_again(server)


def test_models_are_listed_and_shown(client: OpenAI) -> None:
    listed = {model.id: model for model in client.models.list()}
    assert {NATIVE, EMBEDDER, "airunner", "capability:primary_conversation"} <= listed.keys()
    assert client.models.retrieve(NATIVE).model_extra["context_length"] == 2048  # type: ignore[index]
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("no/such")


def test_texts_become_vectors(client: OpenAI) -> None:
    texts = ["The cat sleeps.", "The cat is sleeping.", "Interest rates rose by a percent."]
    # The client asks for base64 unless told otherwise.
    packed = client.embeddings.create(model=EMBEDDER, input=texts)
    plain = client.embeddings.create(model=EMBEDDER, input=texts[0], encoding_format="float")
    assert [len(row.embedding) for row in packed.data] == [576] * 3
    assert packed.data[0].embedding == pytest.approx(plain.data[0].embedding, abs=1e-3)
    assert packed.usage.prompt_tokens > 10
    short = client.embeddings.create(model=EMBEDDER, input="A cat.", dimensions=64)
    assert len(short.data[0].embedding) == 64
    for bad in ({"input": ""}, {"input": []}, {"input": [""]}):
        with pytest.raises(openai.BadRequestError):
            client.embeddings.create(model=EMBEDDER, **bad)  # type: ignore[arg-type]
    with pytest.raises(openai.BadRequestError):
        client.embeddings.create(model=NATIVE, input="A cat.")


def test_a_stream_of_pictures_is_refused(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="come whole"):
        client.images.generate(prompt="a cat", stream=True)
    with pytest.raises(openai.BadRequestError, match="come whole"):
        client.images.edit(image=("cat.png", b"x"), prompt="a cat", stream=True)
