"""Attacks on a server that runs: each is refused, in its form, and nothing breaks."""

from __future__ import annotations

import json
import socket
import time
from contextlib import suppress

import httpx
import pytest
from tests.server.access.conftest import RunningServer
from tests.server.access.raw import TIMEOUT_S, ask_raw, get_raw, status_of

from airunner.server.json_bodies import MOST_DEPTH, problem_in, sound_body
from airunner.server.problems import Problem

CHAT = {
    "model": "airunner",
    "messages": [{"role": "user", "content": "hi"}],
    "max_tokens": 1,
    "options": {"num_predict": 1},  # the same, as Ollama has it
}


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:99", "127.0.0.1", "[::1]:8188"])
def test_names_of_this_machine_are_welcome(server: RunningServer, host: str) -> None:
    assert status_of(get_raw(server.port, host=host)) == 200


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "evil.example:80", "localhost.evil.example", "127.0.0.1.nip.io"),
        *("localhost@evil.example", "evil.example@localhost", "evil.example#@localhost"),
        *(
            "0.0.0.0",
            "127.1",
            "2130706433",
            "0x7f000001",
            "192.168.1.5",
            "[::]",
            "[::ffff:1.2.3.4]",
        ),
        *("localhost:x", "[::1", "[localhost]", "localhost/", "", "local\xadhost", "*"),
    ],
)
def test_another_name_is_refused(server: RunningServer, host: str) -> None:
    response = get_raw(server.port, host=host)
    assert status_of(response) == 403
    assert json.loads(response.partition(b"\r\n\r\n")[2])["error"]["code"] == "host"


def test_several_hosts_or_none_are_refused(server: RunningServer) -> None:
    assert status_of(get_raw(server.port, "/v1/models", "Host: evil.example")) == 400
    assert status_of(ask_raw(server.port, b"GET /v1/models HTTP/1.1\r\n\r\n")) == 400
    assert status_of(ask_raw(server.port, b"GET /v1/models HTTP/1.0\r\n\r\n")) == 400


@pytest.mark.parametrize("target", ["http://evil.example/v1/models", "//evil.example/v1/models"])
def test_a_target_that_names_another_server_is_not_served(
    server: RunningServer, target: str
) -> None:
    assert status_of(get_raw(server.port, target)) == 404
    assert status_of(get_raw(server.port, target, host="evil.example")) == 403


@pytest.mark.parametrize(
    "origin",
    [
        *("https://evil.example", "null", "", "http://localhost:3000", "file://", "http://[", "x"),
        *("https://friend.example.evil.example", "https://friend.example:444", "*"),
        *("http://user@localhost", "https://friend.example, https://evil.example"),
    ],
)
def test_a_page_of_another_origin_is_refused(server: RunningServer, origin: str) -> None:
    response = get_raw(server.port, "/v1/models", f"Origin: {origin}")
    assert status_of(response) == 403
    assert b"access-control" not in response.lower()


def test_several_origins_are_refused(server: RunningServer) -> None:
    headers = ("Origin: https://friend.example", "Origin: https://evil.example")
    assert status_of(get_raw(server.port, "/v1/models", *headers)) == 400


@pytest.mark.parametrize(
    ("site", "status"),
    [("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200), ("odd", 403)],
)
def test_what_a_browser_sends_without_an_origin(
    server: RunningServer, site: str, status: int
) -> None:
    headers = (f"Sec-Fetch-Site: {site}", "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image")
    assert status_of(get_raw(server.port, "/v1/models", *headers)) == status


def test_a_browsers_simple_post_of_another_page_does_nothing(client: httpx.Client) -> None:
    # A form and fetch(mode="no-cors") may send these without asking first.
    page = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    kinds = ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x")
    for kind in kinds:
        headers = {**page, "Content-Type": kind}
        response = client.post("/v1/chat/completions", content=json.dumps(CHAT), headers=headers)
        assert response.status_code == 403


def test_a_browsers_question_before_a_request(client: httpx.Client) -> None:
    asking = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
        "Access-Control-Request-Private-Network": "true",
    }
    evil = client.options("/v1/models", headers={**asking, "Origin": "https://evil.example"})
    assert evil.status_code == 403
    friend = client.options("/v1/models", headers={**asking, "Origin": "https://friend.example"})
    assert friend.status_code == 200
    assert friend.headers["access-control-allow-origin"] == "https://friend.example"
    assert friend.headers["access-control-allow-headers"] == "authorization,content-type"
    assert friend.headers["access-control-allow-private-network"] == "true"
    assert "access-control-allow-credentials" not in friend.headers


def test_an_allowed_page_may_read_what_it_gets(client: httpx.Client) -> None:
    response = client.get("/v1/models", headers={"Origin": "https://friend.example"})
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == "https://friend.example"
    assert response.headers["vary"] == "Origin"
    missing = client.get("/v1/nothing", headers={"Origin": "https://friend.example"})
    assert missing.headers["access-control-allow-origin"] == "https://friend.example"
    assert "access-control-allow-origin" not in client.get("/v1/models").headers


@pytest.mark.parametrize("length", ["67108865", "9" * 30, "-1", "1e3", "0x10"])
def test_a_body_that_says_it_is_too_large_is_refused_unread(
    server: RunningServer, length: str
) -> None:
    head = f"POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n"
    assert status_of(ask_raw(server.port, head.encode())) in (400, 413)


def test_a_body_in_chunks_is_counted(server: RunningServer) -> None:
    chunk = b"100000\r\n" + b"x" * 2**20 + b"\r\n"
    head = b"POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=TIMEOUT_S) as sock:
        sock.sendall(head)
        with suppress(BrokenPipeError, ConnectionResetError):  # it has been answered
            for _ in range(80):
                sock.sendall(chunk)
        with suppress(ConnectionResetError):  # the answer can be lost with the connection
            assert status_of(sock.recv(65536)) == 413


def test_a_length_and_chunks_at_once_are_no_smuggled_request(server: RunningServer) -> None:
    request = (
        b"POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /v1/models HTTP/1.1\r\nHost: evil\r\n\r\n"
    )
    assert b" 200 " not in ask_raw(server.port, request)
    twice = b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"
    assert status_of(ask_raw(server.port, twice)) == 400


@pytest.mark.parametrize(
    "header",
    ["X-Evil: a\rSet-Cookie: b", "X-Evil: \x0bb", "X-\x00: a", " folded: a", "é: a", "X Y: a"],
)
def test_headers_cannot_be_injected(server: RunningServer, header: str) -> None:
    response = get_raw(server.port, "/v1/models", header, "Origin: https://friend.example")
    assert status_of(response) in (400, 403)
    assert b"set-cookie" not in response.lower()
    assert response.count(b"HTTP/1.1 ") == 1


def test_what_is_sent_back_in_headers_stays_one_header(server: RunningServer) -> None:
    asking = "Access-Control-Request-Method: POST"
    evil = "Access-Control-Request-Headers: a%0d%0aSet-Cookie: b"
    lines = ["OPTIONS / HTTP/1.1", "Host: localhost", "Origin: https://friend.example"]
    request = "\r\n".join([*lines, asking, evil, "Connection: close", "", ""]).encode()
    assert b"\r\nset-cookie" not in ask_raw(server.port, request).lower()


@pytest.mark.parametrize(
    "path",
    [
        *("../../../etc/passwd", "..%2f..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/etc/passwd"),
        *("....//....//etc/passwd", "/etc/passwd", "%2fetc%2fpasswd", "C:%5CWindows%5Cwin.ini"),
        *("%00", "a%00b", "%ff%fe", "%u0000", "~root/.ssh/id_rsa", "models/../server.json"),
    ],
)
def test_a_name_of_a_model_is_no_path_of_a_file(server: RunningServer, path: str) -> None:
    kept = (f"/api/v1/conversations/{path}", f"/api/v1/conversations/x/files/{path}")
    for target in (f"/v1/models/{path}", f"/v1/responses/{path}", f"/{path}", *kept):
        response = get_raw(server.port, target)
        assert status_of(response) == 404
        assert b"root:" not in response


def test_a_model_asked_for_by_a_path_is_unknown(client: httpx.Client) -> None:
    for name in (
        "../../etc/passwd",
        "/etc/passwd",
        "airunner/../../x",
        "a\x00b",
        "capability:../x",
    ):
        response = client.post("/v1/chat/completions", json={**CHAT, "model": name})
        assert response.status_code == 404, name
        assert client.post("/api/show", json={"model": name}).status_code == 404
        assert client.post("/api/pull", json={"model": name, "stream": False}).is_error


CHATS = ("/v1/chat/completions", "/v1/messages", "/api/chat")
DEEP = 5000
JSON = {"Content-Type": "application/json"}
BOMBS = {
    "arrays": "[" * DEEP + "]" * DEEP,
    "objects": '{"a":' * DEEP + "1" + "}" * DEEP,
    "open arrays": "[" * DEEP,
    "in a tool": json.dumps(CHAT)[:-1]
    + ', "tools": [{"type": "function", "function": {"name": "f", "parameters": '
    + '{"a":' * 400
    + "1"
    + "}" * 400
    + "}}]}",
    "in a message": json.dumps(CHAT).replace('"hi"', "[" * 300 + "]" * 300),
}
SURROGATES = {
    "content": json.dumps(CHAT).replace('"hi"', r'"\ud800"'),
    "part": json.dumps(CHAT).replace('"hi"', r'[{"type": "text", "text": "\udc00"}]'),
    "model": json.dumps(CHAT).replace('"airunner"', r'"\ud800x"'),
    "key": json.dumps(CHAT)[:-1] + r', "\ud800": 1}',
    "tool": json.dumps(CHAT)[:-1]
    + r', "tools": [{"type": "function", "function": {"name": "\ud83d"}}]}',
}
OTHERS = {
    "nothing": "",
    "no JSON": "{",
    "no UTF-8": b"\xff\xfe{}",
    "a number": "1",
    "null": "null",
    "huge number": '{"model": 1e999, "messages": ' + "9" * 5000 + "}",
    "NaN": json.dumps(CHAT)[:-1] + ', "temperature": NaN}',
    "seed": json.dumps(CHAT)[:-1] + ', "seed": 99999999999999999999999999}',
    "control": json.dumps(CHAT).replace("hi", "\x00"),
}


@pytest.mark.parametrize("path", [*CHATS, "/api/v1/turns"])
@pytest.mark.parametrize("body", BOMBS.values())
def test_a_body_that_cannot_be_read_is_the_clients_fault(
    client: httpx.Client, path: str, body: str
) -> None:
    for kind in ({}, JSON):
        response = client.post(path, content=body, headers=kind)
        assert response.status_code == 400, response.text
        assert "error" in response.json()


@pytest.mark.parametrize("path", CHATS)
@pytest.mark.parametrize("place", ["content", "part", "key", "bytes"])
def test_text_that_is_no_unicode_is_answered(client: httpx.Client, path: str, place: str) -> None:
    latin = json.dumps(CHAT).replace("hi", "Caf\xe9 opens at nine.").encode("latin-1")
    body = latin if place == "bytes" else SURROGATES[place]
    response = client.post(path, content=body, headers=JSON)
    # Ollama has no parts.
    assert response.status_code == (400 if (path, place) == ("/api/chat", "part") else 200)
    response.read().decode()


@pytest.mark.parametrize("path", CHATS)
@pytest.mark.parametrize("body", [*OTHERS.values(), SURROGATES["model"], SURROGATES["tool"]])
def test_an_odd_body_is_nobody_elses_fault(
    client: httpx.Client, path: str, body: str | bytes
) -> None:
    response = client.post(path, content=body, headers=JSON)
    assert response.status_code < 500, response.text


def test_bodies_are_made_sound_and_are_else_as_they_came() -> None:
    for given, sound in (
        (rb'{"a": "\ud83d"}', rb'{"a": "\ufffd"}'),
        (rb'{"a": "\ud83d\ude00 \ude00 \\ud83d"}', rb'{"a": "\ud83d\ude00 \ufffd \\ud83d"}'),
        (b'{"a": "Caf\xe9"}', '{"a": "Caf\ufffd"}'.encode()),
        ('{"a": "\u5929"}'.encode(), '{"a": "\u5929"}'.encode()),
        ('{"a": "\u5929"}'.encode("utf-16"), '{"a": "\u5929"}'.encode("utf-16")),
    ):
        assert sound_body(given) == sound


def test_whole_surrogate_pairs_and_deep_text_are_fine(client: httpx.Client) -> None:
    body = json.dumps(
        {**CHAT, "messages": [{"role": "user", "content": "\U0001f600 " + "[" * 200}]}
    )
    assert "\\ud83d" in body
    response = client.post("/v1/chat/completions", content=body, headers=JSON)
    assert response.status_code == 200, response.text


@pytest.mark.parametrize("depth", [MOST_DEPTH - 1, MOST_DEPTH + 1])
def test_depth_is_measured_and_not_guessed(depth: int) -> None:
    nested = "[" * depth + '"]]]{{{"' + "]" * depth
    wide = "[" + "[],{}," * 50_000 + "1]"
    for body in (nested, f"[{wide},{nested[1:-1]}]", nested + " " * 10):
        assert bool(problem_in(body.encode())) is (depth > MOST_DEPTH)


def test_a_large_bomb_is_known_by_its_beginning() -> None:
    began_s = time.process_time()
    assert problem_in(b"[" * 2**25 + b"]" * 2**25)
    assert time.process_time() - began_s < 3  # read to its end, it takes half a minute


def test_every_api_tells_errors_in_its_own_form() -> None:
    problem = Problem(408, "slow", code="slow_body")
    assert problem.body("/v1/messages")["error"]["type"] == "timeout_error"
    assert problem.body("/api/chat") == {"error": "slow"}
    assert problem.body("/v1/chat/completions")["error"]["code"] == "slow_body"


def test_a_websocket_is_not_opened(server: RunningServer) -> None:
    upgrade = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13")
    response = get_raw(server.port, "/", *upgrade, "Sec-WebSocket-Key: x", "Origin: http://evil")
    assert status_of(response) == 403


def test_the_server_is_well_after_all_of_it(client: httpx.Client) -> None:
    response = client.post("/v1/chat/completions", json=CHAT)
    assert response.status_code == 200, response.text
