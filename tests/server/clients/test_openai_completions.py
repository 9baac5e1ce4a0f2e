"""The client ``openai`` at completions: prompts as they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai import OpenAI
from tests.server.clients.conftest import ServedHere
from tests.server.clients.idle import idle_again
from tests.server.clients.native_server import EMBEDDER, NATIVE
from tests.server.clients.said import LONG

PROMPT = "The capital of France is"


@pytest.fixture(scope="module")
def client(server: ServedHere) -> Iterator[OpenAI]:
    with OpenAI(base_url=server.v1, api_key="none", max_retries=0, timeout=300) as client:
        yield client


def ask(client: OpenAI, prompt: Any = PROMPT, **options: Any) -> Any:
    asked: dict[str, Any] = {"model": NATIVE, "prompt": prompt, "temperature": 0}
    return client.completions.create(**asked | {"max_tokens": 8} | options)


def test_a_prompt_goes_on_without_a_template(client: OpenAI) -> None:
    whole = ask(client)
    assert whole.object == "text_completion"
    (choice,) = whole.choices
    assert "Paris" in choice.text
    assert choice.finish_reason == "length"
    assert (whole.usage.prompt_tokens, whole.usage.completion_tokens) == (5, 8)
    chunks = list(ask(client, stream=True, stream_options={"include_usage": True}))
    assert "".join(c.choices[0].text for c in chunks[:-1]) == choice.text
    assert chunks[-1].choices == []
    assert chunks[-1].usage.completion_tokens == 8


def test_several_prompts_and_choices_are_answered(client: OpenAI, server: ServedHere) -> None:
    idle_again(server)  # what else is in a batch rounds it in other places
    found = ask(client, [PROMPT, "One, two, three,"], n=2, temperature=1.5, seed=3, max_tokens=6)
    texts = [choice.text for choice in found.choices]
    assert [choice.index for choice in found.choices] == [0, 1, 2, 3]
    assert texts[0] != texts[1]
    again = ask(client, PROMPT, temperature=1.5, seed=3, max_tokens=6)
    assert again.choices[0].text == texts[0]
    assert found.usage.prompt_tokens > again.usage.prompt_tokens == 5


def test_it_stops_echoes_and_tells_probabilities(client: OpenAI) -> None:
    stopped = ask(client, stop=["", "Paris"])
    assert stopped.choices[0].text
    assert "Paris" not in stopped.choices[0].text
    assert stopped.choices[0].finish_reason == "stop"
    found = ask(client, echo=True, logprobs=2, max_tokens=3)
    (choice,) = found.choices
    assert choice.text.startswith(PROMPT)
    told = choice.logprobs
    assert PROMPT + "".join(told.tokens) == choice.text
    assert all(value <= 0 for value in told.token_logprobs)
    assert [len(top) for top in told.top_logprobs] == [2] * 3
    assert told.text_offset[0] == len(PROMPT)
    streamed = list(ask(client, logprobs=2, max_tokens=3, stream=True))
    tokens = [t for c in streamed if c.choices[0].logprobs for t in c.choices[0].logprobs.tokens]
    assert tokens == told.tokens


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"model": "no/such"}, openai.NotFoundError),
        ({"model": EMBEDDER}, openai.BadRequestError),
        ({"prompt": LONG}, openai.BadRequestError),
        ({"prompt": ""}, openai.BadRequestError),
        ({"prompt": [[]]}, openai.BadRequestError),
        ({"prompt": [10**6]}, openai.BadRequestError),
        ({"max_tokens": -5}, openai.BadRequestError),
        ({"prompt": [1, 2], "suffix": "."}, openai.BadRequestError),
    ],
    ids=["model", "embedder", "long", "empty", "no tokens", "token", "max_tokens", "suffix"],
)
def test_what_cannot_be_is_told(
    client: OpenAI, options: dict[str, Any], error: type[openai.APIStatusError]
) -> None:
    with pytest.raises(error):
        ask(client, **options)


def test_a_suffix_goes_to_the_engine(client: OpenAI) -> None:
    # The vocabulary of the embedded weights has no tokens for it, and the engine says so.
    with pytest.raises(openai.BadRequestError, match="Infill is not supported"):
        ask(client, "def add(a, b):\n    return ", suffix="\n\nprint(add(1, 2))\n")


def test_a_client_that_goes_away_stops_the_work(client: OpenAI, server: ServedHere) -> None:
    with ask(client, stream=True, max_tokens=1900) as stream:
        for _, _ in zip(range(4), stream, strict=False):
            pass
    idle_again(server)
