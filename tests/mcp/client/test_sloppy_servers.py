"""Servers that are healthy and sloppy: what came is used, and none of them is ended for it."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mcp")

import httpx2
from tests.agent.scripted_team import of_kind
from tests.mcp.client.test_servers import Connected, connected

from airunner.agent.approvals import Approvals
from airunner.events import (
    Event,
    PermissionAsked,
    ToolRefused,
    ToolServerChanged,
    ToolServerFailed,
)
from airunner.mcp.client.budget import MOST_MESSAGE_BYTES
from airunner.mcp.client.sound_stream import SoundStream, sound_response
from airunner.messages import ToolCall
from airunner.tools.meaning import MeantCall
from airunner.tools.permissions import Permissions

SLOPPY = Path(__file__).with_name("sloppy_server.py")
CHANGING = Path(__file__).with_name("changing_server.py")
FIELD = Path(__file__).parents[2] / "cases" / "mcp" / "server.py"


def script(file: Path, *args: str, **keys: Any) -> dict[str, Any]:
    return {"command": sys.executable, "args": [str(file), *args], **keys}


@pytest.fixture(scope="module")
def sloppy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connected]:
    with connected(tmp_path_factory.mktemp("mcp"), s=script(SLOPPY)) as mcp:
        yield mcp
        assert not of_kind(mcp.events, ToolServerFailed), "it was healthy throughout"


@pytest.mark.parametrize(
    ("tool", "text"),
    [
        ("against its own schema", "21.5"),
        ("structured alone", '{"celsius": 21.5}'),
        ("structured list", "[1, 2]"),
        ("unknown block", '21.5\n{"type": "video", "url": "https://x.test/1"}'),
        ("block without its data", '21.5\n{"type": "image", "mimeType": "image/png"}'),
        ("odd annotations", "21.5"),
        ("content is text", "21.5"),
        ("one block", "21.5"),
        ("result is text", "21.5"),
        ("of the first servers", '{"toolResult": {"celsius": 21.5}}'),
        ("number as text", '{"type": "text", "text": 21.5}'),
        ("half emoji", "cut: \ufffd and \ufffd, whole: \U0001f600"),
        ("banner", "21.5"),
        ("no version", "21.5"),
    ],
)
def test_what_came_is_the_result(sloppy: Connected, tool: str, text: str) -> None:
    assert sloppy.answer(f"s_{tool.replace(' ', '_')}") == text


def test_what_a_tool_reports_is_told_and_the_server_stays(sloppy: Connected) -> None:
    before = int(sloppy.answer("s_count"))
    assert sloppy.call("s_failed").problem == "the moon is wrong"
    assert "no such moon" in sloppy.call("s_error_as_text").problem
    assert int(sloppy.answer("s_count")) == before + 3, "it is the same process"


def test_tools_without_the_form_of_one_take_no_other_away(sloppy: Connected) -> None:
    refused = {event.tool: event.problem for event in of_kind(sloppy.events, ToolRefused)}
    assert set(refused) == {"no schema", "schema of text", "7", "a list", "without a name"}
    assert '"inputSchema"' in refused["no schema"]
    assert "s_banner" in sloppy.toolset
    assert sloppy.toolset.get("s_half_emoji").description == "Half: \ufffd"


def test_banners_on_stdout_are_lines_in_the_log(sloppy: Connected) -> None:
    sloppy.answer("s_banner")
    log = (sloppy.logs / "s.log").read_text(encoding="utf-8").splitlines()
    assert "(on stdout) Sloppy server 1.0 is listening on stdio!" in log
    assert "(on stdout) DEBUG: called" in log
    assert not [line for line in log if "Traceback" in line]


def test_of_many_tools_the_wanted_ones_are_taken_before_they_are_counted(tmp_path: Path) -> None:
    late = script(SLOPPY, "600", allow=["t5*"], deny=["t59?"])
    with connected(tmp_path, s=late) as mcp:
        assert len(mcp.toolset) == 1 + 10 + 90
        assert "s_t589" in mcp.toolset
        assert not [event for event in of_kind(mcp.events, ToolRefused) if "t5" in event.tool]
    (tmp_path / "all").mkdir()
    with connected(tmp_path / "all", s=script(SLOPPY, "600", allow=["t*"])) as mcp:
        assert len(mcp.toolset) == 256
        (cut,) = [event for event in of_kind(mcp.events, ToolRefused) if "t256" in event.tool]
        assert cut.tool == "t256, t257, t258, t259, t260, …"
        assert "600" in cut.problem
        assert '"allow"' in cut.problem


def test_a_tool_that_changed_after_it_was_approved_is_asked_about_again(tmp_path: Path) -> None:
    with connected(tmp_path, s=script(SLOPPY)) as mcp:
        told = word_of_changes(mcp)
        asker = Asker(mcp)
        assert asker.asked("s_against_its_own_schema") == 0, "the user's rule allows it"
        assert mcp.answer("s_change") == "21.5"
        assert told.wait(300)
        (changed,) = of_kind(mcp.events, ToolServerChanged)
        assert changed.changed == ("against its own schema",)
        assert changed.added == ("brand new",)
        assert changed.removed == ("structured alone",)
        assert asker.asked("s_against_its_own_schema") == 1, "it is another tool now"
        assert asker.asked("s_against_its_own_schema") == 0, "which the user has agreed to"
        assert asker.asked("s_half_emoji") == 0, "others are as they were"


def test_word_of_changes_is_asked_for_where_the_protocol_wants_that(tmp_path: Path) -> None:
    with connected(tmp_path, c=script(CHANGING)) as mcp:
        told = word_of_changes(mcp)
        assert mcp.answer("c_grow") == "done"
        assert told.wait(300)
        (changed,) = of_kind(mcp.events, ToolServerChanged)
        assert (changed.added, changed.removed, changed.changed) == (("fresh",), (), ())


def word_of_changes(mcp: Connected) -> threading.Event:
    """Is set when a server has said that its tools have changed."""
    told = threading.Event()
    publish = mcp.servers._publish

    def heard(event: Event) -> None:
        publish(event)
        if isinstance(event, ToolServerChanged):
            told.set()

    mcp.servers._publish = heard
    return told


class Asker:
    """Asks about calls as a turn does, under a rule that allows all; the user always agrees."""

    def __init__(self, mcp: Connected) -> None:
        self._toolset = mcp.toolset
        self._approvals = Approvals(Permissions([("*", "allow")]))
        self._questions = 0

    def _emit(self, event: Event) -> None:
        if isinstance(event, PermissionAsked):
            self._questions += 1
            self._approvals.answer(event.question, "yes")

    def asked(self, tool: str) -> int:
        """How many questions a call raises."""
        before = self._questions
        call = ToolCall("1", tool, {})
        allowed = self._approvals.require(
            call,
            self._toolset.get(tool),
            MeantCall.of({}),
            turn="",
            conversation="",
            if_unsure="ask",
            emit=self._emit,
        )
        asyncio.run(allowed)
        return self._questions - before


@pytest.mark.parametrize("mode", ["no-structured", "surrogate", "one-bad-tool", "int64"])
def test_cases_from_the_field(tmp_path: Path, mode: str) -> None:
    with connected(tmp_path, f=script(FIELD, mode)) as mcp:
        refused = {event.tool: event.problem for event in of_kind(mcp.events, ToolRefused)}
        assert "f_ping_room" in mcp.toolset
        assert mcp.answer("f_ping_room").endswith("(call 1)")
        if mode == "one-bad-tool":
            assert mcp.toolset.names == ("f_ping_room",)
            assert list(refused) == ["broken"]
            assert "\n" not in refused["broken"]
        elif mode == "int64":
            assert mcp.answer("f_seek", offset=-(2**63)).endswith("(call 2)")
        elif mode == "surrogate":
            said = mcp.call("f_read_sensor", timeout_s=20).message.content
            assert said == "cut in the middle of an emoji: \ufffd (call 2)"
        else:
            assert mcp.answer("f_read_sensor") == '{"celsius": 21.5} (call 2)'
        assert not of_kind(mcp.events, ToolServerFailed)


class Web(BaseHTTPRequestHandler):
    """A server of HTTP that writes half an emoji, and forgets its sessions when told to."""

    session = "1"

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.headers.get("Mcp-Session-Id", Web.session) != Web.session:
            self.send_response(404)
            self.end_headers()
            return
        results = {
            "initialize": {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}},
            "tools/list": {"tools": [{"name": "say", "inputSchema": {"type": "object"}}]},
            "tools/call": {"content": [{"type": "text", "text": "cut: \ud83d"}]},
        }
        known = asked["method"] in results
        missing = {"error": {"code": -32601, "message": "Method not found"}}
        answer = {"result": results[asked["method"]]} if known else missing
        as_events = asked["method"] == "tools/call"
        body = json.dumps({"jsonrpc": "2.0", "id": asked.get("id"), **answer}).encode()
        body = b"event: message\ndata: " + body + b"\n\n" if as_events else body
        self.send_response(200 if "id" in asked else 202)
        kind = "text/event-stream" if as_events else "application/json"
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) if "id" in asked else 0))
        self.send_header("Mcp-Session-Id", Web.session)
        self.end_headers()
        self.wfile.write(body if "id" in asked else b"")

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


def test_a_server_of_http_may_be_as_sloppy_and_may_forget_its_session(tmp_path: Path) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Web) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{web.server_address[1]}/mcp"
        with connected(tmp_path, w={"url": url}) as mcp:
            assert mcp.answer("w_say") == "cut: \ufffd"
            Web.session = "2"  # as after a restart
            assert mcp.call("w_say").again
            assert mcp.answer("w_say") == "cut: \ufffd"
        web.shutdown()


async def lines_of(*pieces: bytes) -> list[bytes]:
    """What is read of a stream of events that comes in ``pieces``."""

    class Body(httpx2.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            for piece in pieces:
                yield piece

    response = httpx2.Response(200, headers={"Content-Type": "text/event-stream"}, stream=Body())
    await sound_response(response)
    return [piece async for piece in response.aiter_raw()]


def test_a_line_in_pieces_is_made_sound_whole_and_held_no_longer_than_a_message() -> None:
    whole = asyncio.run(
        lines_of(b"data: \\ud8", b"3d\\ude00, \\ud8", b"3d\r\ndata: 1\r\rid", b": 1")
    )
    assert whole == [b"data: \\ud83d\\ude00, \\ufffd\r\ndata: 1\r\r", b"id: 1"]
    piece = b"x" * 2**16
    endless = asyncio.run(lines_of(*[piece] * 300))
    assert sum(map(len, endless)) == 300 * len(piece)
    assert max(map(len, endless)) <= MOST_MESSAGE_BYTES + len(piece)


def test_whatever_stands_in_a_result_becomes_a_result() -> None:
    stream = SoundStream(None, {}, stray=print, refuse=print)
    for odd in (None, 3, [], [None, 3, ["x"]], {"type": None}, {"resource": {"uri": 3}}):
        found = stream.result("tools/call", {"content": odd, "isError": 0, "_meta": "x"})
        assert all(isinstance(block["text"], str) for block in found["content"])
        assert found["isError"] is False
    assert stream.result("tools/list", {"tools": None, "nextCursor": 3}) == {"tools": []}
