"""langchain-openai, as programs use it."""

from __future__ import annotations

from typing import Any

import openai
import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from tests.server.clients.conftest import ServedHere
from tests.server.clients.native_server import EMBEDDER, NATIVE
from tests.server.clients.said import HELLO, LETTERS, MOOD, TOOLS, WEATHER_TOOL, is_valid, shown


@pytest.fixture(scope="module")
def options(server: ServedHere) -> dict[str, Any]:
    return {"base_url": server.v1, "api_key": "none", "max_retries": 0}


@pytest.fixture(scope="module")
def chat(options: dict[str, Any]) -> ChatOpenAI:
    return ChatOpenAI(model=NATIVE, temperature=0, max_tokens=80, **options)


def test_an_answer_is_the_same_in_pieces(chat: ChatOpenAI) -> None:
    short = chat.bind(max_tokens=12)
    whole = short.invoke(LETTERS)
    assert whole.usage_metadata["output_tokens"] == 12  # type: ignore[attr-defined]
    pieces = list(short.stream(LETTERS, stream_usage=True))
    assert "".join(str(piece.content) for piece in pieces) == whole.content
    usages = [p.usage_metadata for p in pieces if p.usage_metadata]  # type: ignore[attr-defined]
    assert [usage["output_tokens"] for usage in usages] == [12]


def test_a_tool_is_called_and_its_result_goes_on(chat: ChatOpenAI) -> None:
    tools = chat.bind_tools([WEATHER_TOOL])
    messages: list[Any] = shown()
    called = tools.invoke(messages)
    assert isinstance(called, AIMessage)
    (call,) = called.tool_calls
    assert (call["name"], call["args"]) == ("weather", {"city": "Paris", "days": 2})
    messages += [called, ToolMessage("sunny", tool_call_id=call["id"])]
    assert tools.bind(max_tokens=12).invoke(messages).content
    forced = chat.bind_tools(TOOLS, tool_choice="clock").invoke([HumanMessage(HELLO)])
    (call,) = forced.tool_calls  # type: ignore[attr-defined]
    assert call["name"] == "clock"
    assert is_valid("clock", call["args"])


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_an_answer_has_its_structure(chat: ChatOpenAI, method: Any) -> None:
    schema = {"title": "mood", "description": "A mood.", **MOOD}
    found: Any = chat.with_structured_output(schema, method=method).invoke(HELLO)
    assert found["mood"] in ("calm", "wild")
    assert found["depth"] in (1, 2, 3)


def test_texts_become_vectors_and_errors_are_told(
    chat: ChatOpenAI, options: dict[str, Any]
) -> None:
    # Its own cutting into tokens is for OpenAI's models, and would send numbers.
    embed = OpenAIEmbeddings(model=EMBEDDER, check_embedding_ctx_length=False, **options)
    assert [len(vector) for vector in embed.embed_documents(["A cat.", "A dog."])] == [576] * 2
    with pytest.raises(openai.NotFoundError):
        ChatOpenAI(model="no/such", **options).invoke(HELLO)
