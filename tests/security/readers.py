"""Every reader of what others write, with something sound to begin from.

A reader takes bytes. What it returns is of no interest to those who attack it.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from airunner.config.settings import SETTINGS, Settings
from airunner.engines.openai_form import messages_of, request_of
from airunner.json_schema.plain import plain_json
from airunner.mcp.client.config import read_mcp_config
from airunner.media import media_part
from airunner.models.files.gguf import read_gguf
from airunner.models.files.pipeline import read_pipeline
from airunner.models.files.projector import read_projector
from airunner.models.files.safetensors import read_tensors
from airunner.models.spec import UrlSource
from airunner.records.foreign_exports import read_export
from airunner.resources.run_log import read_run
from airunner.server.anthropic.message_request import MessagesRequest
from airunner.server.json_bodies import problem_in
from airunner.server.keys import Keys
from airunner.server.ollama.requests import OllamaChat
from airunner.server.openai.chat_request import ChatCompletionRequest, checked
from airunner.server.openai.response_request import ResponseRequest
from airunner.toolbox.code.sandbox.source import script_in
from airunner.toolbox.math.numbers.arithmetic import evaluate
from airunner.toolbox.math.numbers.measures import convert
from airunner.toolbox.tables.sql_writer import statement_of
from airunner.toolbox.time.dates.date_reader import read_date, read_moment
from airunner.toolbox.time.dates.time_zones import time_in
from airunner.toolbox.web.web_address import checked_address
from airunner.tools.files_folder import FilesFolder
from airunner.tools.json_form import JsonForm
from airunner.weights.url import url_file_name

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
Read = Callable[[bytes], object]


@dataclass(frozen=True)
class Reader:
    """``sound`` is what ``read`` takes."""

    read: Read
    sound: bytes


def of_file(name: str, read: Callable[[Path], object]) -> Read:
    """A reader of a file that is called ``name``."""

    def of_bytes(data: bytes) -> object:
        with TemporaryDirectory() as folder:
            path = Path(folder, name)
            path.write_bytes(data)
            return read(path)

    return of_bytes


def ids_in(data: bytes) -> list[str]:
    """The conversations of an export, all of them read."""
    with read_export(BytesIO(data)) as export:
        return [each.entry.id for each in export.conversations]


def of_text(read: Callable[[str], object]) -> Read:
    """A reader of text, which may hold halves of surrogate pairs."""
    return lambda data: read(data.decode("utf-8", "surrogateescape"))


def _settings(file: Path) -> object:
    return Settings.load({"config": str(file)}, {})


def _flags(text: str) -> None:
    name, _, value = text.partition("=")
    Settings.load({name if name in SETTINGS else "permissions": value}, {})


def _located(text: str) -> object:
    with TemporaryDirectory() as folder:
        return FilesFolder(Path(folder)).locate(text).exists()


def _chat(kind: type[BaseModel]) -> Read:
    """A reader of requests, whose refusals the server puts into words."""

    def read(data: bytes) -> object:
        if problem_in(data):
            return None
        try:
            body = json.loads(data)
        except ValueError:
            return None
        try:
            request: Any = kind.model_validate(body)
            if isinstance(request, ChatCompletionRequest):
                asked = request.checked()
            elif isinstance(request, ResponseRequest):
                asked = checked(request.as_completion([]))
            else:
                asked = checked(request.as_completion())
            return request_of(asked, messages_of(asked["messages"]))
        except (ValidationError, RequestValidationError):
            return None

    return read


def _schema(data: bytes) -> object:
    try:
        schema = plain_json(json.loads(data), 1 << 18, lenient=True)
    except (ValueError, RecursionError):
        return None  # whoever reads JSON of others says so
    form = JsonForm("tool", schema)
    form.validate({"a": 1, "b": ["x", None]})
    return form.decoding


def gguf() -> bytes:
    """The head of a small model, without its tensors."""

    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value)) + value.encode()

    fields = [text("general.architecture") + struct.pack("<I", 8) + text("llama")]
    names = ("block_count", "embedding_length", "attention.head_count", "context_length")
    fields += [text(f"llama.{name}") + struct.pack("<II", 4, 8) for name in names]
    fields.append(text("tokenizer.ggml.tokens") + struct.pack("<IIQ", 9, 8, 2) + text("a") * 2)
    return b"GGUF" + struct.pack("<IQQ", 3, 0, len(fields)) + b"".join(fields)


def projector() -> bytes:
    """A GGUF file that says it is one."""
    return gguf().replace(b"\5\0\0\0\0\0\0\0llama", b"\4\0\0\0\0\0\0\0clip")


def safetensors() -> bytes:
    """Two tensors with their data."""
    header = json.dumps(
        {
            "__metadata__": {"format": "pt"},
            "model.diffusion_model.a": {"dtype": "F16", "shape": [2], "data_offsets": [0, 4]},
            "b": {"dtype": "U8", "shape": [1, 3], "data_offsets": [4, 7]},
        }
    ).encode()
    return struct.pack("<Q", len(header)) + header + bytes(7)


def _pipeline(index: Path) -> object:
    for part in ("unet", "vae"):
        (index.parent / part).mkdir()
        (index.parent / part / "config.json").write_bytes(index.read_bytes())
        (index.parent / part / "diffusion_pytorch_model.safetensors").write_bytes(safetensors())
    return read_pipeline(index.parent)


MCP = {"mcpServers": {"a": {"command": "x", "args": ["y"], "env": {"K": "v"}, "timeout_s": 3}}}
PIPELINE = {"_class_name": "P", "unet": ["diffusers", "UNet"], "vae": ["diffusers", "Vae"]}
SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": ["integer", "null"], "minimum": 0}, "b": {"$ref": "#/$defs/b"}},
    "$defs": {"b": {"type": "array", "items": {"anyOf": [{"type": "string"}, {"const": None}]}}},
    "required": ["a"],
}
CHAT = {
    "model": "m",
    "messages": [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}],
    "tools": [{"type": "function", "function": {"name": "f", "parameters": SCHEMA}}],
}
EXPORT = {
    "format": "airunner.conversations",
    "version": 1,
    "conversations": [{"id": "0123456789", "messages": [{"role": "user", "content": "Hello"}]}],
}
FOREIGN = {
    "title": "t",
    "current_node": "a",
    "mapping": {
        "a": {
            "parent": None,
            "message": {
                "author": {"role": "user"},
                "content": {"content_type": "text", "parts": ["Hello"]},
            },
        }
    },
}
KEY = {"name": "a", "models": ["*"], "tools": ["*"], "priority": 0, "manages": False}
KEYS = {"keys": [{**KEY, "sha256": "00", "made_s": 1.5}]}
CONFIG = b'max_memory = "6GB"\nlease_timeout_s = 20\npermissions = {"@read" = "allow"}\n'
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", 3, 4) + b"\x08\2\0\0\0"

READERS = {
    "mcp.json": Reader(
        of_file("mcp.json", lambda file: read_mcp_config(file, origin="test", required=True)),
        json.dumps(MCP).encode(),
    ),
    "config.toml": Reader(of_file("config.toml", _settings), CONFIG),
    "flags": Reader(of_text(_flags), b"permissions=write_file(path=a/*)=allow,@read=deny"),
    "keys.json": Reader(
        of_file("keys.json", lambda file: list(Keys(file.parent))), json.dumps(KEYS).encode()
    ),
    "run log": Reader(
        of_file("a.ndjson", lambda file: [*read_run(file).events, *read_run(file).steps]),
        b'{"run": {"began_s": 1.5, "pid": 2, "command": "a", "queue_limit": 3, "budgets": []}}\n'
        b'{"event": {"kind": "x", "at_s": 2.5}}\n',
    ),
    "gguf": Reader(of_file("a.gguf", read_gguf), gguf()),
    "projector": Reader(of_file("a.gguf", read_projector), projector()),
    "safetensors": Reader(of_file("a.safetensors", read_tensors), safetensors()),
    "checkpoint": Reader(of_file("a.safetensors", read_pipeline), safetensors()),
    "pipeline folder": Reader(
        of_file("model_index.json", _pipeline), json.dumps(PIPELINE).encode()
    ),
    "media": Reader(lambda data: media_part(data, "a.png"), PNG),
    "chat request": Reader(_chat(ChatCompletionRequest), json.dumps(CHAT).encode()),
    "response request": Reader(
        _chat(ResponseRequest), json.dumps({"model": "m", "input": CHAT["messages"]}).encode()
    ),
    "anthropic request": Reader(
        _chat(MessagesRequest), json.dumps({**CHAT, "max_tokens": 5, "tools": []}).encode()
    ),
    "ollama request": Reader(_chat(OllamaChat), json.dumps({**CHAT, "tools": None}).encode()),
    "export": Reader(ids_in, json.dumps(EXPORT).encode()),
    "foreign export": Reader(ids_in, json.dumps([FOREIGN]).encode()),
    "tool schema": Reader(_schema, json.dumps(SCHEMA).encode()),
    "sum": Reader(of_text(evaluate), b"sqrt(2) * (3 + 4!) ^ 2 / 7"),
    "measure": Reader(of_text(lambda text: convert(2.5, text, "km/h")), b"miles per hour"),
    "date": Reader(of_text(lambda text: read_date(text, date(2026, 3, 4))), b"next friday"),
    "moment": Reader(
        of_text(lambda text: read_moment(text, NOW.timestamp())), b"tomorrow at 5:30 pm"
    ),
    "time zone": Reader(of_text(lambda text: time_in(text, NOW)), b"UTC+05:30"),
    "script": Reader(of_text(script_in), b"```python\nprint(1)\n```"),
    "statement": Reader(of_text(statement_of), b"```sql\nSELECT 1;\n```"),
    "web address": Reader(of_text(checked_address), b"https://example.org:8080/a?b=c#d"),
    "weights address": Reader(
        of_text(lambda text: url_file_name(UrlSource(text))), b"https://example.org/%2e%2e/a.gguf"
    ),
    "file name": Reader(of_text(_located), b"notes/plan.md"),
}
