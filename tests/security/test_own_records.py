"""Files of our own and of other programs that are damaged, huge, or something else."""

from __future__ import annotations

import asyncio
import json
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from airunner.config.file_lock import open_lock, try_lock
from airunner.config.other_programs import ModelFolders
from airunner.config.queue_file import QueueFile
from airunner.config.toml_file import MOST_BYTES, read_toml, write_entries
from airunner.config.whole_file import write_whole
from airunner.engines.image import Drawn, ImageRequest
from airunner.errors import ImageRequestError, StorageError
from airunner.events import EventBus
from airunner.mcp.client.config_file import McpConfigFile
from airunner.pictures import PicturesFolder
from airunner.resources.kept_folder import ENTRY, KeptFolder
from airunner.runtime.drawings import MOST_WAITING, Drawing, Drawings
from airunner.runtime.gallery import Gallery
from airunner.runtime.image_service import ImageService
from airunner.runtime.presence import find_server
from airunner.weights.found import FoundModels

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

ROW = {"id": "a", "request": {"prompt": "x"}, "model": None, "state": "queued", "problem": ""}


def _link(where: str) -> Callable[[Path], object]:
    return lambda path: path.symlink_to(where)


def _text(text: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(text, encoding="utf-8")


DAMAGE: dict[str, Callable[[Path], object]] = {
    "deep": _text("[" * 100_000),
    "deep objects": _text('[{"request":' * 50_000),
    "pipe": os.mkfifo,
    "no end": _link("/dev/zero"),
    "a link to itself": _link("drawings.json"),
    "folder": Path.mkdir,
    "other types": _text(json.dumps([{**ROW, "request": {"prompt": 5}}])),
    "other numbers": _text(json.dumps([{**ROW, "request": {"prompt": "x", "seed": 1e999}}])),
    "too long a number": _text("[" + "1" * 10_000 + "]"),
    "too large": lambda path: (path.touch(), os.truncate(path, 20_000_000)),
}


class _Nobody:
    """Draws nothing at once."""

    drawn = 0

    async def draw(self, request: ImageRequest, *, owner: str, model: str | None) -> Drawn:
        self.drawn += 1
        return Drawn((), 1.0)


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_queue_that_cannot_be_read_is_an_empty_one(tmp_path: Path, damage: str) -> None:
    file = tmp_path / "drawings.json"
    DAMAGE[damage](file)

    async def begin() -> list[Drawing]:
        drawings = Drawings(cast(ImageService, _Nobody()), EventBus(), file)
        drawings.restore()
        return drawings.all()

    assert asyncio.run(begin()) == []
    assert Path("/dev/zero").is_char_device()


def test_a_pipe_is_never_replaced_nor_where_a_link_leads_to_one(tmp_path: Path) -> None:
    """As little as a device: root's own would be gone for every program."""
    pipe, link = tmp_path / "pipe", tmp_path / "config.toml"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    for path in (pipe, link):
        with pytest.raises(StorageError, match="no file"):
            write_whole(path, "x", 100)
    assert pipe.is_fifo()
    assert sorted(tmp_path.iterdir()) == [link, pipe]


def test_a_queue_has_an_end(tmp_path: Path) -> None:
    file = tmp_path / "drawings.json"
    file.write_text(json.dumps([{**ROW, "id": f"{n}"} for n in range(2 * MOST_WAITING)]))

    async def begin() -> None:
        drawings = Drawings(cast(ImageService, _Nobody()), EventBus(), file)
        drawings.restore()
        assert len(drawings.all()) == MOST_WAITING
        with pytest.raises(ImageRequestError, match="wait already"):
            drawings.add(ImageRequest("one more"))

    asyncio.run(begin())


def test_what_is_cancelled_before_it_begins_is_not_drawn(tmp_path: Path) -> None:
    """The task that draws it is made, and has not run, when it is cancelled."""
    painter = _Nobody()

    async def cancel() -> None:
        drawings = Drawings(cast(ImageService, painter), EventBus(), tmp_path / "drawings.json")
        added = drawings.add(ImageRequest("x"))
        await asyncio.sleep(0)  # the queue's own task has run, and made the drawing's
        assert drawings._drawing is not None
        drawings.cancel(added.id)
        drawings.cancel(added.id)
        await asyncio.wait([drawings._drawing])
        assert drawings.all() == []

    asyncio.run(cancel())
    assert painter.drawn == 0


@pytest.mark.parametrize("damage", ["deep", "pipe", "no end", "folder"])
def test_what_is_put_for_files_that_every_command_reads(tmp_path: Path, damage: str) -> None:
    home = tmp_path / "home"
    home.mkdir()
    DAMAGE[damage](home / "server.json")
    lock = open_lock(home / "server.lock")
    assert try_lock(lock)
    assert find_server(home) is None
    os.close(lock)

    manifest = tmp_path / "ollama/manifests/registry.ollama.ai/library/a/latest"
    manifest.parent.mkdir(parents=True)
    DAMAGE[damage](manifest)
    folders = ModelFolders((tmp_path / "ollama",), (), (), ())
    assert FoundModels(lambda: folders).all() == []


@pytest.mark.parametrize("damage", ["deep", "pipe", "no end", "folder"])
def test_entries_of_kept_states_that_are_none(tmp_path: Path, damage: str) -> None:
    kept = KeptFolder.open(tmp_path)
    assert kept is not None
    entry = kept.path / f"a{ENTRY}"
    DAMAGE[damage](entry)
    assert kept.entries() == []
    assert not os.path.lexists(entry)
    kept.close()


def test_nothing_is_written_that_could_not_be_read_again(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('max_memory = "6GB"\n')
    with pytest.raises(StorageError, match=r"more than 65.* What was there stays"):
        write_entries(config, {("models", "m"): {"file": "x", "license": "l" * MOST_BYTES}})
    assert read_toml(config).content == {"max_memory": "6GB"}

    servers = tmp_path / "mcp.json"
    before = servers.write_text('{"mcpServers": {}}')
    for command in ("x" * 1_000_001, "\ud800"):
        with pytest.raises(StorageError, match="What was there stays"):
            McpConfigFile(servers).put("a", {"command": command})
    assert servers.stat().st_size == before

    queue = QueueFile(tmp_path / "queue.json", Drawing, ("id", "request"))
    queue.write([Drawing("a", ImageRequest("x"))])
    queue.write([Drawing("a", ImageRequest("x" * 16_000_000))])
    assert [each.request.prompt for each in queue.read()] == ["x"]


def test_a_link_to_itself_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.symlink_to("a")
    write_whole(file, "text", 10)
    assert file.read_text() == "text"


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


PACKED = zlib.compress(b"x" * 1_000_000)
LONG = b"k" * 99_999 + b"\0x"
PICTURES = {
    "packed texts": b"".join(_chunk(b"zTXt", b"k%d\0\0" % n + PACKED) for n in range(64)),
    "long names": b"".join(_chunk(b"tEXt", b"%d" % n + LONG) for n in range(99)),
    "empty parts": _chunk(b"tEXt", b"a\0") * 300_000,
}


@pytest.mark.parametrize("kind", PICTURES)
def test_what_a_gallery_keeps_of_pictures_is_bounded(tmp_path: Path, kind: str) -> None:
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 4, 8, 2, 0, 0, 0))
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + header + PICTURES[kind])
    (tmp_path / "loop.png").symlink_to("loop.png")
    gallery = Gallery(PicturesFolder(tmp_path), EventBus())
    (shown,) = gallery.page().pictures
    assert (shown.width, shown.height) == (4, 4)
    assert sum(len(name) + len(text) for name, text in shown.settings.items()) <= 1 << 18
    assert PicturesFolder(tmp_path).find("loop.png") is None


def test_a_gallery_keeps_few_of_many_long_sheets(
    tmp_path: Path,
) -> None:
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 4, 8, 2, 0, 0, 0))
    text = _chunk(b"tEXt", b"k\0" + b"x" * 260_000)
    for number in range(80):
        (tmp_path / f"{number}.png").write_bytes(b"\x89PNG\r\n\x1a\n" + header + text)
    gallery = Gallery(PicturesFolder(tmp_path), EventBus())
    assert len(gallery.page(limit=80).pictures) == 80
    kept: Any = gallery._sheets.values()
    assert 0 < len(kept) < 70
