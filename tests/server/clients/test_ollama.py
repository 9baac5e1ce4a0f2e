"""The client ``ollama``, and what others send to its API."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import httpx
import ollama
import pytest
from tests.server.clients.conftest import ServedHere
from tests.server.clients.idle import idle_again
from tests.server.clients.native_server import EMBEDDER, NATIVE
from tests.server.clients.said import (
    FEW_DAYS_TOOL,
    HELLO,
    LETTERS,
    LONG,
    MOOD,
    WEATHER_TOOL,
    is_valid,
    question,
    shown,
)
from tests.tiny_png import png

SAID: list[Any] = [{"role": "user", "content": HELLO}]
SURE: list[Any] = [{"role": "user", "content": LETTERS}]


def shown_here(days: int = 2) -> list[Any]:
    """The conversation of ``said.shown``, with arguments as objects."""
    messages: list[Any] = []
    for row in shown(days):
        if row["role"] == "tool":
            messages.append({"role": "tool", "tool_name": "weather", "content": row["content"]})
        elif calls := row.get("tool_calls"):
            (call,) = calls
            function = {"name": "weather", "arguments": json.loads(call["function"]["arguments"])}
            messages.append(
                {"role": "assistant", "content": "", "tool_calls": [{"function": function}]}
            )
        else:
            messages.append(row)
    return messages


@pytest.fixture(scope="module")
def client(server: ServedHere) -> Iterator[ollama.Client]:
    with ollama.Client(host=server.url, timeout=300) as client:
        yield client


def ask(client: ollama.Client, messages: list[Any] = SAID, **asked: Any) -> Any:
    options = {"temperature": 0, "num_predict": 16} | asked.pop("options", {})
    return client.chat(model=NATIVE, messages=messages, options=options, **asked)


def streamed(client: ollama.Client, messages: list[Any] = SAID, **asked: Any) -> Any:
    """The last line, with the text and the calls of those before."""
    *lines, last = ask(client, messages, stream=True, **asked)
    assert last.done
    assert not any(line.done for line in lines)
    last.message.content = "".join(line.message.content or "" for line in lines)
    last.message.tool_calls = [c for line in lines for c in line.message.tool_calls or ()] or None
    return last


def test_an_answer_and_its_cost_are_the_same_in_pieces(client: ollama.Client) -> None:
    whole = ask(client, SURE)
    assert whole.message.role == "assistant"
    assert whole.message.content
    assert (whole.done, whole.done_reason) == (True, "length")
    assert whole.eval_count == 16
    pieces = streamed(client, SURE)
    assert pieces.message.content == whole.message.content
    assert (pieces.done_reason, pieces.eval_count) == ("length", 16)
    assert pieces.prompt_eval_count == whole.prompt_eval_count
    for each in (whole, pieces):
        assert each.total_duration >= each.eval_duration > 0


def test_one_prompt_is_answered(client: ollama.Client) -> None:
    options = {"temperature": 0, "num_predict": 8, "num_ctx": 512}
    whole = client.generate(NATIVE, LETTERS, system="You are a sailor.", options=options)
    assert whole.response
    assert whole.eval_count == 8
    lines = client.generate(
        NATIVE, LETTERS, system="You are a sailor.", options=options, stream=True
    )
    assert "".join(line.response for line in lines) == whole.response
    # Another context than the loaded one does not load the model anew.
    (loaded,) = [m for m in client.ps().models if m.model == NATIVE]
    assert loaded.context_length == 2048
    raw = client.generate(NATIVE, "The sea is", raw=True, options=options)
    assert raw.prompt_eval_count == 3


def test_a_model_calls_of_its_own_accord_and_goes_on_with_the_result(
    client: ollama.Client,
) -> None:
    messages = shown_here()
    called = ask(client, messages, tools=[WEATHER_TOOL], options={"num_predict": 80})
    assert called.done_reason == "stop"
    (call,) = called.message.tool_calls
    assert (call.function.name, call.function.arguments) == (
        "weather",
        {"city": "Paris", "days": 2},
    )
    messages += [
        called.message,
        {"role": "tool", "tool_name": "weather", "content": "sunny"},
    ]
    answered = ask(client, messages, tools=[WEATHER_TOOL])
    assert answered.message.content
    messages += [
        {"role": "assistant", "content": "Sunny."},
        {"role": "user", "content": question("Riga", 3)},
    ]
    again = streamed(client, messages, tools=[WEATHER_TOOL], options={"num_predict": 80})
    (call,) = again.message.tool_calls
    assert is_valid("weather", dict(call.function.arguments))


@pytest.mark.parametrize("stream", [False, True])
def test_a_call_that_does_not_match_is_decoded_once_more(server: ServedHere, stream: bool) -> None:
    body: dict[str, Any] = {"model": NATIVE, "messages": shown_here(days=20), "stream": stream}
    # The client would leave out the limits of the schema.
    body |= {"tools": [FEW_DAYS_TOOL], "options": {"temperature": 0, "num_predict": 80}}
    answer = httpx.post(f"{server.url}/api/chat", json=body, timeout=300)
    lines = [json.loads(line) for line in answer.text.splitlines()]
    (call,) = [call for line in lines for call in line["message"].get("tool_calls", ())]
    assert 1 <= call["function"]["arguments"]["days"] <= 9


def test_an_answer_matches_its_schema(client: ollama.Client) -> None:
    found = ask(client, format=MOOD, options={"num_predict": 80}, think=False)
    answer = json.loads(found.message.content)
    assert answer["mood"] in ("calm", "wild")
    free = ask(client, format="json", options={"num_predict": 200})
    assert free.message.content.strip().startswith("{")


def test_it_stops_where_it_is_told_to(client: ollama.Client) -> None:
    text = ask(client, SURE).message.content
    end = text.split()[2]
    found = ask(client, SURE, options={"stop": [end]})
    assert found.message.content == text[: text.index(end)]
    assert found.done_reason == "stop"


def test_a_seed_gives_the_same_again(client: ollama.Client, server: ServedHere) -> None:
    idle_again(server)  # what else is in a batch rounds it in other places
    options = {"temperature": 1.5, "seed": 11}
    first, second = (ask(client, options=options).message.content for _ in range(2))
    other = ask(client, options={**options, "seed": 12}).message.content
    assert first == second != other


def test_the_probability_of_each_token_is_told(client: ollama.Client) -> None:
    for found in (
        [ask(client, logprobs=True, top_logprobs=2, options={"num_predict": 4})],
        list(ask(client, logprobs=True, top_logprobs=2, options={"num_predict": 4}, stream=True)),
    ):
        tokens = [token for line in found for token in line.logprobs or ()]
        assert len(tokens) == 4
        assert all(len(token.top_logprobs) == 2 for token in tokens)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"model": "no/such"}, 404),
        ({"messages": [{"role": "user", "content": LONG}]}, 400),
        (
            {"messages": [{"role": "user", "content": "?", "images": [b64encode(png()).decode()]}]},
            400,
        ),
        ({"options": {"temperature": "hot"}}, 400),
        ({"options": {"num_predict": "many"}}, 400),
        ({"options": {"top_k": [1]}}, 400),
    ],
    ids=["model", "long", "picture", "temperature", "num_predict", "top_k"],
)
def test_what_cannot_be_is_told_in_the_apis_own_form(
    client: ollama.Client, options: dict[str, Any], status: int, stream: bool
) -> None:
    asked: dict[str, Any] = {"model": NATIVE, "messages": SAID} | options
    with pytest.raises(ollama.ResponseError) as caught:
        # Past the client's own checks of what it sends.
        client._request_raw("POST", "/api/chat", json={**asked, "stream": stream})
    assert caught.value.status_code == status
    assert caught.value.error


def test_a_client_that_goes_away_stops_the_work(client: ollama.Client, server: ServedHere) -> None:
    lines = ask(client, stream=True, options={"num_predict": 1900, "stop": ["no such text"]})
    for _, _ in zip(range(4), lines, strict=False):
        pass
    lines.close()
    idle_again(server)


def test_models_are_listed_shown_and_loaded(client: ollama.Client) -> None:
    listed = {model.model for model in client.list().models}
    assert {NATIVE, EMBEDDER, "airunner"} <= listed
    shown = client.show(NATIVE)
    assert shown.capabilities is not None
    assert {"completion", "tools"} <= set(shown.capabilities)
    assert shown.modelinfo is not None
    assert shown.modelinfo["llama.context_length"] == 2048
    with pytest.raises(ollama.ResponseError) as caught:
        client.show("no/such")
    assert caught.value.status_code == 404
    for keep_alive in (-1, "30s", 1800):
        assert client.chat(NATIVE, [], keep_alive=keep_alive).done_reason == "load"
    with pytest.raises(ollama.ResponseError, match="no/such"):
        list(client.pull("no/such", stream=True))
    with pytest.raises(ollama.ResponseError) as caught:
        client.pull("no/such")
    assert caught.value.status_code == 404


def test_texts_become_vectors(client: ollama.Client) -> None:
    found = client.embed(EMBEDDER, ["A cat.", "A dog."])
    assert [len(vector) for vector in found.embeddings] == [576] * 2
    old = client.embeddings(EMBEDDER, "A cat.")
    assert list(old.embedding) == pytest.approx(list(found.embeddings[0]), abs=1e-3)
    with pytest.raises(ollama.ResponseError) as caught:
        client.embed(NATIVE, "A cat.")
    assert caught.value.status_code == 400


def test_what_editors_look_for(server: ServedHere) -> None:
    for path in ("/", "/api/tags", "/api/version"):
        assert httpx.head(server.url + path).status_code == httpx.codes.OK
    version = httpx.get(f"{server.url}/api/version").json()["version"]
    assert tuple(map(int, version.split("."))) >= (0, 6, 4)
    answer = httpx.get(f"{server.url}/api/no-such")
    assert answer.status_code == httpx.codes.NOT_FOUND
    assert isinstance(answer.json()["error"], str)
