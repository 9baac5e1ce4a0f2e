"""Model files and configuration are regular files, and their values are counted before they are.

What a file may have is bounded in values, as those are what takes memory and time.
"""

from __future__ import annotations

import json
import os
import struct
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from airunner.config.regular_file import open_regular, read_regular
from airunner.config.settings import Settings
from airunner.errors import AiRunnerError, CorruptWeightsError
from airunner.mcp.client.config import read_mcp_config
from airunner.media import read_media
from airunner.models.files.gguf import read_gguf
from airunner.models.files.gguf_header import read_header
from airunner.models.files.pipeline import read_index, read_pipeline
from airunner.models.files.projector import read_projector
from airunner.models.files.safetensors import read_tensors
from airunner.resources.run_log import read_run
from airunner.server.keys import Keys
from airunner.toolbox.documents.reading import read_document

pytestmark = pytest.mark.real

MOST_HELD_BYTES = 300_000_000


def _index_of(path: Path) -> object:
    folder = path.parent / "pipeline"
    folder.mkdir()
    (folder / "model_index.json").symlink_to(path)
    return read_index(folder)


def _keys_of(path: Path) -> object:
    folder = path.parent / "home"
    folder.mkdir()
    (folder / "keys.json").symlink_to(path)
    return list(Keys(folder))


READERS: list[Callable[[Path], object]] = [
    read_gguf,
    read_projector,
    read_tensors,
    read_pipeline,
    read_media,
    read_run,
    _index_of,
    _keys_of,
    lambda path: read_mcp_config(path, origin="test", required=True),
    lambda path: Settings.load({"config": str(path)}, {}),
    lambda path: read_document(path, "name.md"),
]


@pytest.fixture(params=["pipe", "/dev/zero", "folder", "nothing", "long name", "zero byte"])
def odd(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    kind = request.param
    path = tmp_path / ("a" * 300 if kind == "long name" else "odd")
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "zero byte":
        return tmp_path / "a\0b"
    elif kind.startswith("/"):
        path.symlink_to(kind)
    return path


@pytest.mark.timeout(120)  # read without an end, it takes all memory
@pytest.mark.parametrize("read", READERS)
def test_what_is_no_regular_file_is_told_at_once(odd: Path, read: Callable[[Path], object]) -> None:
    if read in (_index_of, _keys_of) and not os.path.lexists(odd):
        pytest.skip("a link that leads nowhere is another case")
    with pytest.raises(AiRunnerError):
        read(odd)


def test_what_is_looked_at_is_what_is_read(tmp_path: Path) -> None:
    path, other = tmp_path / "a", tmp_path / "b"
    path.write_bytes(b"first")
    other.write_bytes(b"other")
    with open_regular(path) as file:
        other.replace(path)
        assert file.read() == b"first"


def test_a_file_that_grows_is_not_read_further(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(bytes(100))
    assert len(read_regular(path, 100)) == 100
    with pytest.raises(OSError, match="more than 99 B"):
        read_regular(path, 99)


def _with_length(header: bytes) -> bytes:
    return struct.pack("<Q", len(header)) + header


def _text(value: bytes) -> bytes:
    return struct.pack("<Q", len(value)) + value


def _gguf(tensors: int, entries: int, body: Iterator[bytes]) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", 3, tensors, entries) + b"".join(body)


def _arrays(count: int, type_id: int, items: int, data: bytes) -> bytes:
    head = struct.pack("<IIQ", 9, type_id, items)
    return _gguf(0, count, (_text(b"%06d" % n) + head + data for n in range(count)))


BOMBS: dict[str, tuple[Callable[[Path], object], Callable[[], bytes]]] = {
    "lists": (read_tensors, lambda: _with_length(b'{"a":[' + b"[]," * 4_000_000 + b"[]]}")),
    "objects": (read_tensors, lambda: _with_length(b"[" + b"{}," * 4_000_000 + b"{}]")),
    "numbers": (read_tensors, lambda: _with_length(b'{"a":[' + b"1," * 6_000_000 + b"1]}")),
    "names": (
        read_tensors,
        lambda: _with_length(b"{" + b",".join(b'"%d":1' % n for n in range(1_200_000)) + b"}"),
    ),
    "arrays": (read_header, lambda: _arrays(3_000, 0, 4_096, bytes(4_096))),
    "strings": (read_header, lambda: _arrays(3, 8, 2_000_000, bytes(16_000_000))),
    "keys": (
        read_header,
        lambda: _gguf(
            0, 3_000, (_text(b"%06d" % n + b"k" * 60_000) + b"\7\0\0\0\1" for n in range(3_000))
        ),
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_header_of_too_many_values_is_refused_before_they_are_made(
    tmp_path: Path, name: str
) -> None:
    read, make = BOMBS[name]
    path = tmp_path / "bomb"
    path.write_bytes(make())
    with pytest.raises(CorruptWeightsError, match=r"items|keeps more|claims"):
        read(path)


@pytest.mark.parametrize("name", ["lists", "numbers", "keys"])
def test_the_memory_of_a_header_is_bounded(tmp_path: Path, name: str) -> None:
    read, make = BOMBS[name]
    path = tmp_path / "bomb"
    path.write_bytes(make())
    tracemalloc.start()
    try:
        with pytest.raises(CorruptWeightsError):
            read(path)
        assert tracemalloc.get_traced_memory()[1] < MOST_HELD_BYTES
    finally:
        tracemalloc.stop()


def test_what_trainers_write_into_metadata_is_no_bomb(tmp_path: Path) -> None:
    tags = json.dumps({f"{n}": [n, {}] for n in range(300_000)})
    header = json.dumps({"__metadata__": {"ss_tag_frequency": tags}}).encode()
    path = tmp_path / "a.safetensors"
    path.write_bytes(_with_length(header))
    assert read_tensors(path) == ()
