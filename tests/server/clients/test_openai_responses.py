"""The client ``openai`` at responses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI
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

TOOLS: list[Any] = [
    {"type": "function", "name": name, "description": ABOUT[name], "parameters": PARAMETERS[name]}
    for name in PARAMETERS
]
FEW_DAYS_TOOL: Any = {**TOOLS[0], "parameters": FEW_DAYS}
OTHER_TOOLS: list[Any] = [
    {"type": "web_search"},
    {"type": "image_generation"},
    {"type": "namespace", "name": "shell", "tools": []},
]

A_FILE: list[Any] = [
    {
        "role": "user",
        "content": [{"type": "input_file", "file_data": "data:application/pdf;base64,JVBERg=="}],
    }
]


def shown_here(days: int = 2) -> list[Any]:
    """The conversation of ``said.shown``, as items."""
    items: list[Any] = []
    for row in shown(days):
        if row["role"] == "tool":
            result = {"call_id": row["tool_call_id"], "output": row["content"]}
            items.append({"type": "function_call_output", **result})
        elif calls := row.get("tool_calls"):
            (call,) = calls
            items.append({"type": "function_call", "call_id": call["id"], **call["function"]})
        else:
            items.append(row)
    return items


@pytest.fixture(scope="module")
def client(server: ServedHere) -> Iterator[OpenAI]:
    with OpenAI(base_url=server.v1, api_key="none", max_retries=0, timeout=300) as client:
        yield client


def ask(client: OpenAI, said: Any = HELLO, **options: Any) -> Any:
    asked: dict[str, Any] = {"model": NATIVE, "input": said, "temperature": 0}
    return client.responses.create(**asked | {"max_output_tokens": 16} | options)


def streamed(client: OpenAI, said: Any = HELLO, **options: Any) -> Any:
    """The final response, after checking that the stream's events add up to it."""
    events = list(ask(client, said, stream=True, **options))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert [event.type for event in events[:2]] == ["response.created", "response.in_progress"]
    response = events[-1].response
    pieces = [e.delta for e in events if e.type == "response.output_text.delta"]
    assert "".join(pieces) == response.output_text
    done = [e.item for e in events if e.type == "response.output_item.done"]
    assert [item.id for item in done] == [item.id for item in response.output]
    return response


def test_an_answer_and_its_cost_are_the_same_in_pieces(client: OpenAI) -> None:
    whole = ask(client, LETTERS, instructions="You are a sailor.")
    assert whole.output_text
    assert whole.status == "incomplete"
    assert whole.incomplete_details.reason == "max_output_tokens"
    assert whole.usage.output_tokens == 16
    pieces = streamed(client, LETTERS, instructions="You are a sailor.")
    assert pieces.output_text == whole.output_text
    assert pieces.usage.input_tokens == whole.usage.input_tokens
    assert pieces.usage.input_tokens_details.cached_tokens >= whole.usage.input_tokens - 1


def test_a_response_goes_on_from_another_and_is_kept(client: OpenAI) -> None:
    first = ask(client)
    second = ask(client, "And the wind?", previous_response_id=first.id)
    assert second.usage.input_tokens_details.cached_tokens >= first.usage.input_tokens
    assert client.responses.retrieve(second.id).output_text == second.output_text
    items = client.responses.input_items.list(second.id, order="asc").data
    texts = [item.content[0].text for item in items]  # type: ignore[union-attr]
    assert texts == [HELLO, first.output_text, "And the wind?"]
    client.responses.delete(first.id)
    with pytest.raises(openai.NotFoundError) as caught:
        client.responses.retrieve(first.id)
    assert caught.value.code == "response_not_found"
    unkept = ask(client, store=False)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(unkept.id)


def test_a_model_calls_of_its_own_accord_and_goes_on_with_the_result(client: OpenAI) -> None:
    items, tools = shown_here(), [TOOLS[0], *OTHER_TOOLS]
    called = ask(client, items, tools=tools, max_output_tokens=80)
    assert called.status == "completed"
    (call,) = called.output
    assert (call.type, call.name) == ("function_call", "weather")
    assert json.loads(call.arguments) == {"city": "Paris", "days": 2}
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}
    answered = ask(client, [result], tools=tools, previous_response_id=called.id)
    assert answered.output_text
    assert answered.usage.input_tokens_details.cached_tokens >= called.usage.input_tokens
    items += [
        call.model_dump(exclude_none=True),
        result,
        {"role": "assistant", "content": "Sunny."},
        {"role": "user", "content": question("Riga", 3)},
    ]
    again = streamed(client, items, tools=tools, max_output_tokens=80)
    assert is_valid("weather", again.output[0].arguments)


@pytest.mark.parametrize("ask_for", [ask, streamed], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ("required", {"weather", "clock"}),
        ({"type": "function", "name": "clock"}, {"clock"}),
        (
            {
                "type": "allowed_tools",
                "mode": "required",
                "tools": [{"type": "function", "name": "clock"}],
            },
            {"clock"},
        ),
    ],
    ids=["required", "named", "allowed"],
)
def test_a_call_that_must_be_is_made_and_valid(
    client: OpenAI, ask_for: Any, choice: Any, names: set[str]
) -> None:
    found = ask_for(client, shown_here(), tools=TOOLS, tool_choice=choice, max_output_tokens=100)
    (call,) = found.output
    assert call.name in names
    assert is_valid(call.name, call.arguments)


PATCH: Any = {
    "type": "custom",
    "name": "apply_patch",
    "description": "Change a file.",
    "format": {"type": "grammar", "syntax": "lark", "definition": 'start: "*** Begin" /.+/'},
}


def test_a_custom_tool_is_given_text(client: OpenAI) -> None:
    choice = {"type": "custom", "name": "apply_patch"}
    options: Any = {"tools": [*TOOLS, PATCH], "tool_choice": choice, "max_output_tokens": 400}
    events = list(ask(client, "Patch it.", stream=True, **options))
    (done,) = [e for e in events if e.type == "response.custom_tool_call_input.done"]
    assert "".join(e.delta for e in events if e.type.endswith("call_input.delta")) == done.input
    (call,) = events[-1].response.output
    assert (call.type, call.name, call.input) == ("custom_tool_call", "apply_patch", done.input)
    assert call.call_id
    said = {"role": "user", "content": "Patch it."}
    made = call.model_dump(exclude_none=True)
    result = {"type": "custom_tool_call_output", "call_id": call.call_id, "output": "patched"}
    after = ask(client, [said, made, result], tools=[*TOOLS, PATCH])
    assert after.output_text
    assert (
        after.usage.input_tokens_details.cached_tokens
        > 0.8 * events[-1].response.usage.input_tokens
    )


def test_no_call_is_made_that_must_not_be(client: OpenAI) -> None:
    none = ask(client, shown_here(), tools=TOOLS, tool_choice="none", max_output_tokens=40)
    assert [item.type for item in none.output] == ["message"]


@pytest.mark.parametrize("ask_for", [ask, streamed], ids=["whole", "streamed"])
def test_a_call_that_does_not_match_is_decoded_once_more(client: OpenAI, ask_for: Any) -> None:
    found = ask_for(client, shown_here(days=20), tools=[FEW_DAYS_TOOL], max_output_tokens=80)
    (call,) = found.output
    assert 1 <= json.loads(call.arguments)["days"] <= 9


def test_an_answer_matches_its_schema(client: OpenAI) -> None:
    form: Any = {"format": {"type": "json_schema", "name": "mood", "schema": MOOD, "strict": True}}
    found = ask(client, text=form, max_output_tokens=80)
    answer = json.loads(found.output_text)
    assert answer["mood"] in ("calm", "wild")


def test_one_in_the_background_is_cancelled(client: OpenAI, server: ServedHere) -> None:
    begun = ask(client, background=True, max_output_tokens=1900)
    assert begun.status in ("queued", "in_progress")
    ended = client.responses.cancel(begun.id)
    assert (ended.status, ended.usage) == ("cancelled", None)  # nobody counted
    idle_again(server)


def test_a_client_that_goes_away_stops_the_work(client: OpenAI, server: ServedHere) -> None:
    with ask(client, stream=True, max_output_tokens=1900) as stream:
        for _, _ in zip(range(6), stream, strict=False):
            pass
    idle_again(server)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("options", "error", "code"),
    [
        ({"model": "no/such"}, openai.NotFoundError, "model_not_found"),
        ({"input": LONG}, openai.BadRequestError, "context_length_exceeded"),
        ({"max_output_tokens": 0}, openai.BadRequestError, "invalid_value"),
        ({"previous_response_id": "resp_no"}, openai.NotFoundError, "response_not_found"),
        (
            {"tools": TOOLS, "tool_choice": {"type": "function", "name": "no_such"}},
            openai.BadRequestError,
            "invalid_value",
        ),
        ({"tool_choice": "required"}, openai.BadRequestError, "invalid_value"),
        ({"input": A_FILE}, openai.BadRequestError, "media"),
    ],
    ids=["model", "long", "max_output_tokens", "earlier", "no such tool", "no tools", "file"],
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


def test_what_codex_begins_with(server: ServedHere) -> None:
    listed = httpx.get(f"{server.v1}/models", params={"client_version": "0.50"}).json()
    assert listed["models"] == listed["data"]
    body = {"model": NATIVE, "input": "", "max_output_tokens": 1, "stream": True, "store": False}
    body |= {"tools": OTHER_TOOLS, "include": ["reasoning.encrypted_content"]}
    with httpx.stream("POST", f"{server.v1}/responses", json=body, timeout=300) as answer:
        assert answer.status_code == httpx.codes.OK
        names = [line[7:] for line in answer.iter_lines() if line.startswith("event: ")]
    assert names[0] == "response.created"
    assert names[-1] in ("response.completed", "response.incomplete")
