"""Every route of the server, asked with what no page would send: it is refused in words."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tests.server.conftest import Server, scripted

pytestmark = pytest.mark.real

PASSED_OVER = ("/events", "/stop", "/checkup", "/about")  # without an end, or slow
IN_A_PATH = ("9" * 20, "%00", "%ED%A0%80")
IN_A_QUERY = ("limit=" + "9" * 20, "limit=-1&after=nan&words=%22%00&next=%ff&since_s=inf")
FIELDS = (
    *("content", "name", "title", "text", "when", "pattern", "decision", "model", "messages"),
    *("capability", "ids", "prompt", "arguments", "conversation", "folder", "number", "due_s"),
    *("n", "max_tokens", "input", "command", "url", "size", "wait_s", "seed"),
)
VALUES: tuple[Any, ...] = (10**30, float("inf"), "\ud800")
BODIES = [json.dumps(dict.fromkeys(FIELDS, value)).encode() for value in VALUES]
BODIES += [b"[]"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with scripted(tmp_path_factory.mktemp("odd")) as found:
        yield found


def routes(client: httpx.Client) -> list[tuple[str, str]]:
    paths = client.get("/openapi.json").json()["paths"]
    found = [(method.upper(), path) for path, methods in paths.items() for method in methods]
    return [(method, path) for method, path in found if not path.endswith(PASSED_OVER)]


def asked(method: str, path: str) -> Iterator[tuple[str, bytes | None]]:
    """Addresses and bodies for a route."""
    bodies = itertools.cycle(BODIES if method in ("POST", "PATCH", "PUT") else [None])
    if "{" in path:
        yield from ((re.sub(r"\{[^}]+\}", odd, path), next(bodies)) for odd in IN_A_PATH)
    elif method == "GET":
        yield from ((f"{path}?{query}", None) for query in IN_A_QUERY)
    else:
        yield from ((path, next(bodies)) for _ in BODIES)


def test_no_number_text_or_form_breaks_a_route(server: Server) -> None:
    broken = []
    base = server.presence.url
    with httpx.Client(base_url=base, timeout=300, trust_env=False) as client:
        known = routes(client)
        assert len(known) > 90
        for method, path in known:
            for address, body in asked(method, path):
                headers = {"Content-Type": "application/json"} if body else {}
                with client.stream(method, address, content=body, headers=headers) as response:
                    if response.status_code >= 500:
                        told = response.read()[:120]
                        broken.append((method, address[:60], (body or b"")[:40], told))
    assert not broken


@pytest.mark.parametrize(
    ("path", "options"),
    [
        ("/v1/chat/completions", {"max_tokens": -1}),
        ("/v1/messages", {"max_tokens": 4}),
        ("/v1/responses", {"max_output_tokens": 4}),
        ("/api/chat", {"stream": False}),
    ],
)
def test_a_whole_answer_says_what_was_left_out_of_its_prompt(
    server: Server, path: str, options: dict[str, Any]
) -> None:
    def answer(text: str) -> httpx.Response:
        messages = [{"role": "user", "content": text}]
        said = {"input": text} if path == "/v1/responses" else {"messages": messages}
        body = {"model": "airunner", **said, **options}
        found = httpx.post(server.presence.url + path, json=body, timeout=300, trust_env=False)
        assert found.status_code == 200, found.text
        return found

    long = answer("write 4 " + 40_000 * "sea ")
    told = "the middle of a long message left out, only beginning and end are read"
    assert long.headers["X-AIRunner-Trimmed"].startswith(told)
    if path == "/v1/chat/completions":
        assert long.json()["airunner"]["shortened_messages"] == 1
    assert "X-AIRunner-Trimmed" not in answer("write 4").headers
