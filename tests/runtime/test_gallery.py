"""The gallery, over real files of every kind."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

from airunner.errors import PictureUnreadableError, UnknownRecordError
from airunner.events import Event, EventBus, PictureDeleted
from airunner.pictures import PicturesFolder
from airunner.runtime.gallery import Gallery
from airunner.runtime.thumbnails import MOST_PIXELS


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "pictures"
    made.mkdir()
    return made


@pytest.fixture
def bus() -> EventBus:
    return EventBus()


@pytest.fixture
def gallery(folder: Path, bus: EventBus) -> Gallery:
    return Gallery(PicturesFolder(folder), bus)


def draw(
    folder: Path, name: str, at_s: int, size: tuple[int, int] = (40, 20), **texts: str
) -> Path:
    """A picture as our engine saves one."""
    info = PngImagePlugin.PngInfo()
    for key, text in texts.items():
        info.add_itxt(key, text)
    path = folder / name
    Image.new("RGB", size, (200, 30, 30)).save(path, pnginfo=info)
    os.utime(path, (at_s, at_s))
    return path


def names(gallery: Gallery, *arguments: object) -> list[str]:
    return [each.name for each in gallery.page(*arguments).pictures]  # type: ignore[arg-type]


def test_the_newest_is_first_with_what_it_was_drawn_with(folder: Path, gallery: Gallery) -> None:
    draw(folder, "old.png", 100, prompt="a red circle", seed="7", model="artist/shapes")
    draw(folder, "new.png", 300, prompt="ein grüner Kreis", seed="8", steps="12")
    draw(folder, "between.png", 200)
    (folder / "notes.txt").write_text("no picture")
    page = gallery.page()
    assert page.total == 3
    assert [each.name for each in page.pictures] == ["new.png", "between.png", "old.png"]
    old = page.pictures[2]
    assert (old.prompt, old.seed, old.model) == ("a red circle", "7", "artist/shapes")
    assert (old.width, old.height, old.saved_s) == (40, 20, 100.0)
    assert old.n_bytes == (folder / "old.png").stat().st_size
    assert page.pictures[0].settings["steps"] == "12"
    assert names(gallery, "", 1, 1) == ["between.png"]
    assert names(gallery, "grüner KREIS") == ["new.png"]
    assert gallery.page("circle shapes").total == 1
    assert gallery.picture("between").settings == {}
    draw(folder, "old.png", 400, prompt="drawn anew")
    assert gallery.picture("old.png").prompt == "drawn anew"


@pytest.mark.parametrize(
    "name",
    ["../secret.png", "/etc/passwd", "..", "", ".hidden.png", "link.png", "a\0.png", "no.png"],
)
def test_no_name_leads_out_of_the_folder(folder: Path, gallery: Gallery, name: str) -> None:
    secret = draw(folder.parent, "secret.png", 1)
    (folder / "link.png").symlink_to(secret)
    draw(folder, ".hidden.png", 1)
    for ask in (gallery.file, gallery.thumbnail, gallery.delete, gallery.picture):
        with pytest.raises(UnknownRecordError):
            ask(name)
    assert secret.is_file()
    assert names(gallery) == []


def test_a_thumbnail_is_small_and_made_once(folder: Path, gallery: Gallery) -> None:
    path = draw(folder, "wide.png", 100, size=(1600, 800))
    small = gallery.thumbnail("wide.png", 200)
    with Image.open(io.BytesIO(small)) as shown:
        assert (shown.format, shown.size) == ("JPEG", (256, 128))
    assert gallery.thumbnail("wide.png", 256) is small
    with Image.open(io.BytesIO(gallery.thumbnail("wide.png", 9_999))) as shown:
        assert shown.size == (512, 256)
    os.utime(path, (200, 200))
    assert gallery.thumbnail("wide.png") is not small


def test_hostile_files_are_refused_and_stay_in_the_list(folder: Path, gallery: Gallery) -> None:
    bomb = io.BytesIO()
    Image.new("1", (8, 8)).save(bomb, format="PNG")
    data = bytearray(bomb.getvalue())
    data[16:24] = struct.pack(">II", 30_000, 30_000)
    data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
    (folder / "bomb.png").write_bytes(data)
    (folder / "page.png").write_bytes(b"<html><script>alert(1)</script>")
    (folder / "cut.png").write_bytes(draw(folder, "whole.png", 1).read_bytes()[:60])
    with pytest.raises(PictureUnreadableError, match=f"{MOST_PIXELS // 10**6} million pixels"):
        gallery.thumbnail("bomb.png")
    for name in ("page.png", "cut.png"):
        with pytest.raises(PictureUnreadableError, match="cannot be read"):
            gallery.thumbnail(name)
    assert gallery.page().total == 4
    page = gallery.picture("page.png")
    assert (page.width, page.height, page.prompt) == (0, 0, "")


def test_a_deleted_picture_is_gone_and_told(folder: Path, bus: EventBus, gallery: Gallery) -> None:
    path = draw(folder, "a.png", 100)
    n_bytes = path.stat().st_size
    heard: list[Event] = []
    bus.subscribe(heard.append)
    assert gallery.delete("a.png") == n_bytes
    assert not path.exists()
    (told,) = heard
    assert isinstance(told, PictureDeleted)
    assert told.path == str(path)
    with pytest.raises(UnknownRecordError):
        gallery.delete("a.png")
