"""Text that is not sound Unicode, at every entrance: it becomes U+FFFD and ruins nothing.

That of the command line and of standard input is in ``cli/test_chat_real``, that of the API in
``server/access/test_attacks``, that of MCP servers in ``mcp/client/test_sloppy_servers``.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airunner.engines.base import WorkerExit
from airunner.engines.connection import WorkerConnection
from airunner.engines.llama_cpp.chat_format import AnswerReader
from airunner.engines.openai_form import messages_of
from airunner.json_schema.plain import json_object, sound_escapes
from airunner.records.saved_message import from_json
from airunner.tools.tool import text_of, tool

pytestmark = pytest.mark.real

HALF = "half \ud83d"
SOUND = "half \ufffd"


@tool
def shout(text: str, words: list[str] | None = None) -> str:
    """Say it louder.

    Args:
        text: what to say.
        words: more of it.
    """
    return text.upper() + "".join(words or ())


def test_arguments_and_results_of_tools() -> None:
    checked = shout.validate({"text": HALF, "words": [HALF]})
    assert checked.values == {"text": SOUND, "words": [SOUND]}
    assert checked.as_json == checked.values
    for result in (HALF, [HALF], {HALF: HALF}):
        text_of(result).encode()
        assert "\ufffd" in text_of(result)


def test_calls_that_models_and_clients_write() -> None:
    arguments = r'{"text": "half \ud83d"}'
    function = {"name": "shout", "arguments": arguments}
    piece = {"index": 0, "id": "1", "function": function}
    reader = AnswerReader("m")
    event = {"choices": [{"delta": {"tool_calls": [piece]}, "finish_reason": "tool_calls"}]}
    delta = reader.read(json.dumps(event).encode())
    assert delta is not None
    assert delta.tool_calls[0].arguments == {"text": SOUND}
    row = {"role": "assistant", "tool_calls": [{"id": "1", "function": function}]}
    (message,) = messages_of([row])
    assert message.tool_calls[0].arguments == {"text": SOUND}


def test_what_an_engine_sends_in_pieces() -> None:
    event = b'{"choices": [{"delta": {"content": "caf\xe9"}, "finish_reason": null}]}'
    delta = AnswerReader("m").read(event)
    assert delta is not None
    assert delta.text == "caf\ufffd"


def test_messages_saved_by_older_versions() -> None:
    assert from_json(r'{"role": "user", "content": "half \ud83d"}').content == SOUND


def test_no_engine_is_sent_any() -> None:
    got: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        got.append(await reader.readexactly(length))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        await writer.drain()
        writer.close()

    async def gone() -> WorkerExit:
        return await asyncio.Event().wait()  # type: ignore[return-value]

    async def main() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        connection = WorkerConnection("m", f"http://127.0.0.1:{port}", "key", gone)
        async with connection.asked("/x", {"a": [HALF, "\U0001f600", r"\ud83d"]}) as response:
            await response.read()
        await connection.aclose()
        server.close()

    asyncio.run(asyncio.wait_for(main(), 300))
    assert json.loads(got[0]) == {"a": [SOUND, "\U0001f600", r"\ud83d"]}


ANY = st.text(st.characters(categories=["L", "Cs", "Po"]) | st.sampled_from('\\"ud8\U0001f600'))


@given(ANY, st.booleans())
def test_json_is_sound_and_means_the_same(text: str, as_ascii: bool) -> None:
    value = (json_object(json.dumps({"said": text}, ensure_ascii=as_ascii)) or {})["said"]
    value.encode()
    if not any(0xD800 <= ord(c) < 0xE000 for c in text):
        assert value == text
    assert sound_escapes(json.dumps(text).encode()) == sound_escapes(json.dumps(text)).encode()


@pytest.mark.parametrize(
    "environ",
    [
        {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
        {"PYTHONIOENCODING": "ascii:strict"},
        {"LANG": "xx_YY.NOSUCH", "LC_ALL": "xx_YY.NOSUCH"},
    ],
)
def test_output_under_any_locale(tmp_path: Path, environ: dict[str, str]) -> None:
    given: dict[str, Any] = {**os.environ, "AIRUNNER_HOME": str(tmp_path), **environ}
    (tmp_path / "files").mkdir()
    name = "cafe.txt"  # others can be opened by nobody where Python is told that names are ASCII
    text = "\u5929\u6c17 \U0001f600 caf\u00e9 \u2028 \x1b[2J"
    (tmp_path / "files" / name).write_text(text, encoding="utf-8")
    asked = json.dumps({"file": name})
    line = [sys.executable, "-m", "airunner", "tools", "call", "read_document", "--args", asked]
    line += ["--files", str(tmp_path / "files")]
    for more in ([], ["--json"]):
        done = subprocess.run([*line, *more], env=given, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        assert b"Traceback" not in done.stderr
