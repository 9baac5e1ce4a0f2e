"""Who may speak to ``airunner mcp --http``: whoever has the token, and no page of a browser.

The server is the real process. Another user of the machine is played by a program without
the token, which is all that tells the two apart over TCP.
"""

from __future__ import annotations

import os
import socket
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

pytest.importorskip("mcp")

from tests.cli.test_chat_real import command

from airunner.access.guard import _is_of
from airunner.access.token import kept_token
from airunner.errors import KeysError

pytestmark = pytest.mark.real
ACCEPT = {"Accept": "application/json, text/event-stream"}
VERSION = "2025-06-18"


@dataclass(frozen=True)
class Served:
    """A running server, and every line that it said."""

    url: str
    said: str
    home: Path

    @property
    def token(self) -> str:
        return (self.home / "mcp-token").read_text(encoding="ascii").strip()

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


@contextmanager
def served(home: Path, lines: int, *arguments: str) -> Iterator[Served]:
    line, environ = command(home, "mcp", "--http", "0", "--tool", "write_file", *arguments)
    with subprocess.Popen(line, env=environ, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            said = [process.stderr.readline() for _ in range(lines)]
            yield Served(said[0].strip(), "".join(said), home)
        finally:
            process.terminate()
            process.communicate()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[Served]:
    with served(home, 3, "--files", str(home / "files")) as found:
        yield found


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=300) as found:
        yield found


def hello() -> dict[str, Any]:
    about = {"name": "x", "version": "1"}
    params = {"protocolVersion": VERSION, "capabilities": {}, "clientInfo": about}
    return {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}


def writing() -> dict[str, Any]:
    call = {"name": "write_file", "arguments": {"path": "mine.txt", "content": "x"}}
    return {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": call}


def test_the_token_is_said_once_and_kept_for_its_owner(server: Served) -> None:
    assert server.token in server.said
    assert stat.S_IMODE((server.home / "mcp-token").stat().st_mode) == 0o600
    with served(server.home, 2) as again:
        assert server.token not in again.said
        assert "mcp-token" in again.said


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Basic {token}"},
        {"Authorization": "Bearer {token}x"},
        {"Authorization": "Bearer {first}"},
        {"Authorization": "{token}"},
        {"X-Api-Key": "\u00e9"},
        {"Cookie": "token={token}"},
    ],
)
@pytest.mark.parametrize("version", [VERSION, "2026-07-28", None])
def test_without_the_token_nobody_is_served(
    server: Served, client: httpx.Client, sent: dict[str, str], version: str | None
) -> None:
    headers = {name: value.replace("{token}", server.token).replace("{first}", server.token[:-1])
               for name, value in sent.items()}  # fmt: skip
    spoken = {"MCP-Protocol-Version": version} if version else {}
    raw = {name: value.encode("latin-1") for name, value in headers.items()}
    for body in (hello(), writing()):
        answer = client.post(server.url, json=body, headers={**ACCEPT, **spoken, **raw})
        assert answer.status_code in (401, 429)
    assert client.get(server.url, headers={**ACCEPT, **raw}).status_code in (401, 429)
    assert client.request("DELETE", server.url, headers=raw).status_code in (401, 429)
    assert not (server.home / "files" / "mine.txt").exists()


def test_with_it_a_tool_runs_and_a_session_needs_it_each_time(
    server: Served, client: httpx.Client
) -> None:
    opened = client.post(server.url, json=hello(), headers={**ACCEPT, **server.bearer})
    assert opened.status_code == 200
    session = {**ACCEPT, "Mcp-Session-Id": opened.headers["mcp-session-id"]}
    ready = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    client.post(server.url, json=ready, headers={**session, **server.bearer})
    assert client.post(server.url, json=writing(), headers=session).status_code in (401, 429)
    done = client.post(server.url, json=writing(), headers={**session, **server.bearer})
    assert "Wrote mine.txt" in done.text
    (server.home / "files" / "mine.txt").unlink()
    ended = client.request("DELETE", server.url, headers={**session, **server.bearer})
    assert ended.status_code == 200
    gone = client.post(server.url, json=writing(), headers={**session, **server.bearer})
    assert gone.status_code == 404


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Host", "evil.example"),
        ("Host", "127.0.0.1:evil"),
        ("Host", "localhost:1@evil.example"),
        ("Host", "127.0.0.1.evil.example:80"),
        ("Host", "localhost.evil.example"),
        ("Origin", "http://localhost:1.evil.example"),
        ("Origin", "http://127.0.0.1:80@evil.example"),
        ("Origin", "http://localhost:3000"),
        ("Origin", "https://evil.example"),
        ("Origin", "null"),
        ("Origin", "file://"),
        ("Sec-Fetch-Site", "cross-site"),
    ],
)
def test_pages_and_names_of_elsewhere_are_refused_with_the_token_too(
    server: Served, client: httpx.Client, header: str, value: str
) -> None:
    headers = {**ACCEPT, **server.bearer, header: value}
    assert client.post(server.url, json=hello(), headers=headers).status_code == 403


def test_a_flood_of_sessions_and_of_bytes_has_an_end(server: Served, client: httpx.Client) -> None:
    headers = {**ACCEPT, **server.bearer}
    answers = [client.post(server.url, json=hello(), headers=headers) for _ in range(70)]
    assert answers[-1].status_code == 503
    opened = [each for each in answers if each.status_code == 200]
    assert 0 < len(opened) <= 64
    for each in opened:
        session = {"Mcp-Session-Id": each.headers["mcp-session-id"]}
        client.request("DELETE", server.url, headers={**headers, **session}).raise_for_status()
    place = httpx.URL(server.url)
    with socket.create_connection((place.host, place.port), timeout=300) as large:
        head = "POST /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n"
        head += "Content-Type: application/json\r\nContent-Length: 5000000\r\n\r\n"
        large.sendall(head.format(server.token).encode())
        assert large.recv(12) == b"HTTP/1.1 413"


def test_who_wants_no_token_says_so(home: Path, client: httpx.Client) -> None:
    with served(home, 1, "--no-token") as found:
        assert client.post(found.url, json=hello(), headers=ACCEPT).status_code == 200
        page = {**ACCEPT, "Origin": "http://localhost:3000"}
        assert client.post(found.url, json=hello(), headers=page).status_code == 403


def test_a_token_that_others_can_read_or_have_put_there_is_none(tmp_path: Path) -> None:
    file = tmp_path / "mcp-token"
    token = kept_token(file)
    assert kept_token(file).text == token.text
    file.chmod(0o644)
    with pytest.raises(KeysError, match="others can read it"):
        kept_token(file)
    file.unlink()
    file.write_text("short", encoding="ascii")
    file.chmod(0o600)
    with pytest.raises(KeysError, match="no token"):
        kept_token(file)
    file.unlink()
    file.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Exception, match="mcp-token"):
        kept_token(file)
    assert not (tmp_path / "elsewhere").exists()
    file.unlink()
    os.mkfifo(file, 0o600)
    with pytest.raises(KeysError, match="not a file"):
        kept_token(file)


@pytest.mark.parametrize(
    ("origin", "host", "same"),
    [
        ("http://localhost:8188", "localhost:8188", True),
        ("http://LOCALHOST:8188", "localhost:8188", True),
        ("https://box.example", "box.example", True),
        ("https://box.example:443", "box.example", True),
        ("http://box.example", "box.example:80", True),
        ("http://[::1]:8188", "[::1]:8188", True),
        ("http://localhost:8189", "localhost:8188", False),
        ("http://localhost", "localhost:8188", False),
        ("http://localhost:8188/", "localhost:8188", False),
        ("http://localhost:8188.evil.example", "localhost:8188", False),
        ("http://a@localhost:8188", "localhost:8188", False),
        ("ftp://localhost:8188", "localhost:8188", False),
        ("javascript://localhost:8188", "localhost:8188", False),
        ("null", "null", False),
        ("http://", "", False),
        ("http://localhost:99999", "localhost:99999", False),
    ],
)
def test_an_origin_is_taken_apart(origin: str, host: str, same: bool) -> None:
    assert _is_of(origin, host) is same
