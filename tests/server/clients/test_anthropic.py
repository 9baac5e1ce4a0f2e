"""The client ``anthropic`` at messages."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import anthropic
import httpx
import pytest
from anthropic import Anthropic
from tests.server.clients.conftest import ServedHere
from tests.server.clients.idle import idle_again
from tests.server.clients.native_server import NATIVE
from tests.server.clients.said import (
    ABOUT,
    FEW_DAYS,
    HELLO,
    LETTERS,
    LONG,
    MOOD,
    PARAMETERS,
    is_valid,
    question,
    shown,
)
from tests.tiny_png import png

SAID: list[Any] = [{"role": "user", "content": HELLO}]
SURE: list[Any] = [{"role": "user", "content": LETTERS}]
TOOLS: list[Any] = [
    {"name": name, "description": ABOUT[name], "input_schema": PARAMETERS[name]}
    for name in PARAMETERS
]
FEW_DAYS_TOOL: Any = {**TOOLS[0], "input_schema": FEW_DAYS}

A_FILE: list[Any] = [
    {
        "role": "user",
        "content": [
            {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERg=="},
            },
            {"type": "text", "text": HELLO},
        ],
    }
]


def shown_here(days: int = 2) -> list[Any]:
    """The conversation of ``said.shown``, as Anthropic's clients have it."""
    messages: list[Any] = []
    for row in shown(days):
        if row["role"] == "tool":
            result = {"tool_use_id": row["tool_call_id"], "content": row["content"]}
            messages.append({"role": "user", "content": [{"type": "tool_result", **result}]})
        elif calls := row.get("tool_calls"):
            (call,) = calls
            given = json.loads(call["function"]["arguments"])
            used = {"id": call["id"], "name": call["function"]["name"], "input": given}
            messages.append({"role": "assistant", "content": [{"type": "tool_use", **used}]})
        else:
            messages.append(row)
    return messages


@pytest.fixture(scope="module")
def client(server: ServedHere) -> Iterator[Anthropic]:
    with Anthropic(base_url=server.url, api_key="none", max_retries=0, timeout=300) as client:
        yield client


def ask(client: Anthropic, messages: list[Any] = SAID, **options: Any) -> Any:
    asked: dict[str, Any] = {"model": NATIVE, "messages": messages}
    asked["extra_body"] = {"temperature": 0}  # no parameter of the client any more
    return client.messages.create(**asked | {"max_tokens": 16} | options)


def streamed(client: Anthropic, messages: list[Any] = SAID, **options: Any) -> Any:
    asked: dict[str, Any] = {"model": NATIVE, "messages": messages}
    asked["extra_body"] = {"temperature": 0}  # no parameter of the client any more
    with client.messages.stream(**asked | {"max_tokens": 16} | options) as stream:
        return stream.get_final_message()


def test_an_answer_and_its_cost_are_the_same_in_pieces(client: Anthropic) -> None:
    system = "You are a sailor."
    whole = ask(client, SURE, system=system)
    assert [block.type for block in whole.content] == ["text"]
    assert whole.stop_reason == "max_tokens"
    assert whole.usage.output_tokens == 16
    pieces = streamed(client, SURE, system=system)
    assert pieces.content[0].text == whole.content[0].text
    assert pieces.stop_reason == "max_tokens"
    assert pieces.usage.output_tokens == 16
    told = client.messages.count_tokens(model=NATIVE, messages=SURE, system=system)
    for usage in (whole.usage, pieces.usage):
        assert usage.input_tokens + usage.cache_read_input_tokens == told.input_tokens
    assert pieces.usage.cache_read_input_tokens >= told.input_tokens - 1


def test_a_line_that_changes_with_every_request_does_not_cost_the_cache(client: Anthropic) -> None:
    def asked(number: int) -> Any:
        line = f"x-anthropic-billing-header: cc_version=2.1; cch={number:05};"
        system: Any = [
            {"type": "text", "text": line},
            {"type": "text", "text": "You are a careful sailor who answers in few words."},
        ]
        inner: Any = [*SAID, {"role": "system", "content": "Be brief."}]
        return ask(client, inner, system=system, extra_query={"beta": "true"}).usage

    first, second = asked(1), asked(2)
    assert second.cache_read_input_tokens >= first.input_tokens + first.cache_read_input_tokens - 1


def test_a_model_uses_a_tool_and_goes_on_with_the_result(client: Anthropic) -> None:
    messages = shown_here()
    tools = TOOLS[:1]
    used = ask(client, messages, tools=tools, max_tokens=80)
    assert used.stop_reason == "tool_use"
    (block,) = used.content
    assert (block.type, block.name, block.input) == (
        "tool_use",
        "weather",
        {"city": "Paris", "days": 2},
    )
    result = {"type": "tool_result", "tool_use_id": block.id, "content": "sunny"}
    messages += [
        {"role": "assistant", "content": used.content},
        {"role": "user", "content": [result]},
    ]
    answered = ask(client, messages, tools=tools)
    assert answered.content[0].text
    before = used.usage.input_tokens + used.usage.cache_read_input_tokens
    assert answered.usage.cache_read_input_tokens >= before
    messages += [
        {"role": "assistant", "content": "Sunny."},
        {"role": "user", "content": question("Riga", 3)},
    ]
    again = streamed(client, messages, tools=tools, max_tokens=80)
    assert again.stop_reason == "tool_use"
    assert is_valid("weather", again.content[0].input)


@pytest.mark.parametrize("ask_for", [ask, streamed], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    ("choice", "names"),
    [({"type": "any"}, {"weather", "clock"}), ({"type": "tool", "name": "clock"}, {"clock"})],
    ids=["any", "named"],
)
def test_a_tool_that_must_be_used_is(
    client: Anthropic, ask_for: Any, choice: Any, names: set[str]
) -> None:
    found = ask_for(client, shown_here(), tools=TOOLS, tool_choice=choice, max_tokens=100)
    assert found.stop_reason == "tool_use"
    (block,) = found.content
    assert block.name in names
    assert is_valid(block.name, block.input)


def test_no_tool_is_used_that_must_not_be(client: Anthropic) -> None:
    found = ask(client, shown_here(), tools=TOOLS, tool_choice={"type": "none"}, max_tokens=40)
    assert [block.type for block in found.content] == ["text"]
    assert found.stop_reason in ("end_turn", "max_tokens")


@pytest.mark.parametrize("ask_for", [ask, streamed], ids=["whole", "streamed"])
def test_input_that_does_not_match_is_decoded_once_more(client: Anthropic, ask_for: Any) -> None:
    found = ask_for(client, shown_here(days=20), tools=[FEW_DAYS_TOOL], max_tokens=80)
    (block,) = found.content
    assert 1 <= block.input["days"] <= 9


def test_an_answer_matches_its_schema(client: Anthropic) -> None:
    form = {"format": {"type": "json_schema", "schema": MOOD}}
    found = ask(client, output_config=form, max_tokens=80)
    answer = json.loads(found.content[0].text)
    assert answer["mood"] in ("calm", "wild")
    assert answer["depth"] in (1, 2, 3)


def test_it_stops_where_it_is_told_to(client: Anthropic) -> None:
    text = ask(client, SURE).content[0].text
    end = text.split()[2]
    for ask_for in (ask, streamed):
        found = ask_for(client, SURE, stop_sequences=["no such text", end])
        assert found.content[0].text == text[: text.index(end)]
        assert (found.stop_reason, found.stop_sequence) == ("stop_sequence", end)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("options", "error", "kind"),
    [
        ({"model": "no/such"}, anthropic.NotFoundError, "not_found_error"),
        (
            {"messages": [{"role": "user", "content": LONG}]},
            anthropic.BadRequestError,
            "invalid_request_error",
        ),
        ({"max_tokens": 0}, anthropic.BadRequestError, "invalid_request_error"),
        ({"messages": []}, anthropic.BadRequestError, "invalid_request_error"),
        (
            {"tools": TOOLS, "tool_choice": {"type": "tool", "name": "no_such"}},
            anthropic.BadRequestError,
            "invalid_request_error",
        ),
        ({"tool_choice": {"type": "any"}}, anthropic.BadRequestError, "invalid_request_error"),
        (
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [
                            {
                                "type": "image",
                                "source": {
                                    "type": "base64",
                                    "media_type": "image/png",
                                    "data": b64encode(png()).decode(),
                                },
                            }
                        ],
                    }
                ]
            },
            anthropic.BadRequestError,
            "invalid_request_error",
        ),
        ({"messages": A_FILE}, anthropic.BadRequestError, "invalid_request_error"),
    ],
    ids=["model", "long", "max_tokens", "nothing", "no such tool", "no tools", "picture", "file"],
)
def test_what_cannot_be_is_told_in_the_apis_own_form(
    client: Anthropic,
    options: dict[str, Any],
    error: type[anthropic.APIStatusError],
    kind: str,
    stream: bool,
) -> None:
    with pytest.raises(error) as caught:
        ask(client, stream=stream, **options)
    told: Any = caught.value.body
    assert (told["type"], told["error"]["type"]) == ("error", kind)
    assert told["error"]["message"]


def test_a_client_that_goes_away_stops_the_work(client: Anthropic, server: ServedHere) -> None:
    with ask(client, stream=True, max_tokens=1900, stop_sequences=["no such text"]) as stream:
        for _, _ in zip(range(4), stream, strict=False):
            pass
    idle_again(server)


def test_a_path_that_is_not_served_is_told_as_anthropic_does(server: ServedHere) -> None:
    answer = httpx.post(f"{server.url}/v1/messages/batches", json={})
    assert answer.status_code == httpx.codes.NOT_FOUND
    assert answer.json()["error"]["type"] == "not_found_error"
