"""Bodies that are nearly right: whatever a client gets wrong, the server does not fail."""

from __future__ import annotations

import copy
import json
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.server.clients.conftest import ServedHere
from tests.server.clients.native_server import EMBEDDER, QUICK
from tests.server.clients.said import MOOD, TOOLS
from tests.tiny_png import png

EXAMPLES = 12
PICTURE = b64encode(png()).decode()
CALL = {"id": "c", "type": "function", "function": {"name": "clock", "arguments": "{}"}}
SAID: list[Any] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": [{"type": "text", "text": "Hello."}]},
    {"role": "assistant", "content": "", "tool_calls": [CALL], "reasoning_content": "Hm."},
    {"role": "tool", "tool_call_id": "c", "content": "noon"},
    {"role": "user", "content": ["Thank you."]},
]
FORM = {"type": "json_schema", "json_schema": {"name": "mood", "schema": MOOD}}
BODIES: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {
        "model": QUICK,
        "messages": SAID,
        "max_tokens": 1,
        "temperature": 0.5,
        "seed": 1,
        "tools": TOOLS,
        "tool_choice": "auto",
        "stop": ["x"],
        "n": 1,
        "top_p": 0.9,
        "logit_bias": {"5": 1},
        "stream_options": {"include_usage": True},
        "top_k": 5,
        "chat_template_kwargs": {"enable_thinking": False},
        "reasoning_effort": "low",
    },
    "/v1/chat/completions#nulls": {
        "model": QUICK,
        "max_tokens": 1,
        "messages": [{"role": "user", "content": "Hello.", "reasoning": [None]}],
        "tool_choice": {"function": None, "allowed_tools": {"mode": "auto", "tools": []}},
    },
    "/v1/chat/completions#media": {
        "model": QUICK,
        "max_tokens": 1,
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PICTURE}"}},
                    {"type": "input_audio", "input_audio": {"data": PICTURE, "format": "wav"}},
                    "Thank you.",
                ],
            },
        ],
    },
    "/v1/completions": {
        "model": QUICK,
        "prompt": ["A", "B"],
        "max_tokens": 1,
        "logprobs": 1,
        "echo": True,
        "stop": ["x"],
        "n": 1,
        "seed": 1,
        "logit_bias": {"5": 1},
    },
    "/v1/responses": {
        "model": QUICK,
        "max_output_tokens": 1,
        "instructions": "Be brief.",
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "Hello."}]},
            {"type": "reasoning", "content": [{"type": "reasoning_text", "text": "Hm."}]},
            {"type": "function_call", "call_id": "c", "name": "clock", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "noon"},
        ],
        "tools": [{"type": "function", "name": "clock", "parameters": MOOD}],
        "tool_choice": {"type": "function", "name": "clock"},
        "text": {"format": {"type": "text"}},
        "reasoning": {"effort": "low"},
        "metadata": {"a": "b"},
    },
    "/v1/messages": {
        "model": QUICK,
        "max_tokens": 1,
        "system": [{"type": "text", "text": "Be brief."}],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "Hello."}]},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "Hm.", "signature": ""},
                    {"type": "tool_use", "id": "c", "name": "clock", "input": {"zone": "UTC"}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {
                        "type": "tool_result",
                        "tool_use_id": "c",
                        "content": [{"type": "text", "text": "noon"}],
                    }
                ],
            },
        ],
        "tools": [{"name": "clock", "description": "The time.", "input_schema": MOOD}],
        "tool_choice": {"type": "auto"},
        "stop_sequences": ["x"],
        "thinking": {"type": "disabled"},
        "metadata": {"user_id": "u"},
    },
    "/v1/messages/count_tokens": {
        "model": QUICK,
        "messages": [
            {
                "role": "user",
                "content": [
                    {
                        "type": "image",
                        "source": {"type": "base64", "media_type": "image/png", "data": PICTURE},
                    }
                ],
            }
        ],
        "tools": [{"name": "clock", "input_schema": MOOD}],
    },
    "/v1/embeddings": {"model": EMBEDDER, "input": ["A"], "encoding_format": "float"},
    "/v1/rerank": {"model": EMBEDDER, "query": "A", "documents": ["B", {"text": "C"}], "top_n": 1},
    "/api/chat": {
        "model": QUICK,
        "stream": False,
        "format": MOOD,
        "think": False,
        "keep_alive": "5m",
        "messages": [
            {"role": "user", "content": "Hello.", "images": []},
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [{"function": {"name": "clock", "arguments": {"zone": "UTC"}}}],
            },
            {"role": "tool", "tool_name": "clock", "content": "noon"},
        ],
        "options": {"num_predict": 1, "temperature": 0.5, "stop": ["x"], "num_ctx": 512},
        "tools": TOOLS,
    },
    "/api/generate": {
        "model": QUICK,
        "prompt": "Hello.",
        "stream": False,
        "system": "Be brief.",
        "options": {"num_predict": 1, "seed": 3},
        "raw": True,
        "suffix": "",
    },
    "/api/embed": {"model": EMBEDDER, "input": ["A"], "truncate": True},
    "/api/embeddings": {"model": EMBEDDER, "prompt": "A"},
    "/api/show": {"model": QUICK, "name": ""},
    "/models/load": {"model": QUICK},
}
# What would be right, and take long: as many tokens as there is room for.
LIMITS = {"max_tokens", "max_output_tokens", "num_predict", "n", "options", "keep_alive", "stream"}
ODD: list[Any] = [
    *(None, True, -1, 0, 3, 2**70, 0.5, -1e300, "", "x", "\ud800", "\0", "a\nb: c"),
    *([], {}, [None], [[]], [{}], {"type": "x"}, {"": None}, ["x"], [5], {"type": 5}),
]


def paths(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something stands in a body, the body itself left out."""
    inner = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in inner:
        if key not in LIMITS:
            yield (*path, key)
        if isinstance(value, dict | list):
            yield from paths(value, (*path, key))


def changed(body: Any, path: tuple[Any, ...], value: Any) -> Any:
    found = copy.deepcopy(body)
    node = found
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    return found


@pytest.mark.parametrize("path", BODIES)
def test_what_a_client_gets_wrong_is_its_own_error(server: ServedHere, path: str) -> None:
    places = st.sampled_from(sorted(paths(BODIES[path]), key=str))

    with httpx.Client(base_url=server.url, timeout=300) as client:

        @settings(
            max_examples=EXAMPLES,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        )
        @given(place=places, value=st.sampled_from(ODD))
        def check(place: tuple[Any, ...], value: Any) -> None:
            body = json.dumps(changed(BODIES[path], place, value))
            answer = client.post(path, content=body, headers={"Content-Type": "application/json"})
            assert answer.status_code < 500, (place, value, answer.text)
            if answer.status_code >= 400:
                assert answer.json()["error"], answer.text

        assert client.post(path, json=BODIES[path]).status_code in (200, 400)
        check()


def test_every_route_that_takes_a_body_is_among_them(server: ServedHere) -> None:
    others = {
        *("/v1/images/generations", "/v1/images/edits", "/models/unload", "/api/pull"),
        "/v1/responses/{name}/cancel",
    }
    document = httpx.get(f"{server.url}/openapi.json").json()
    found = {
        path
        for path, methods in document["paths"].items()
        if "post" in methods and not path.startswith("/api/v1/")
    }
    assert found - others == {path.partition("#")[0] for path in BODIES}
