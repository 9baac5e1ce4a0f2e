"""Pictures that are handed over: made anew, and bounded."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from airunner.errors import MediaError, UnknownRecordError
from airunner.runtime.start_pictures import KEPT, StartPictures


def png(picture: Image.Image, **options: object) -> bytes:
    content = io.BytesIO()
    picture.save(content, format="PNG", **options)  # type: ignore[arg-type]
    return content.getvalue()


def test_a_picture_is_upright_and_has_white_behind_it(tmp_path: Path) -> None:
    starts = StartPictures(tmp_path)
    turned = Image.Exif()
    turned[0x0112] = 6  # a quarter to the right
    made = starts.add(png(Image.new("RGBA", (30, 20), (0, 0, 0, 0)), exif=turned), "../a b.png")
    assert made.name.startswith("a-b-")
    assert (made.width, made.height) == (20, 30)
    with Image.open(starts.find(made.name).path) as kept:
        assert (kept.size, kept.getpixel((5, 5))) == ((20, 30), (255, 255, 255))
        assert not kept.getexif()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no picture",
        png(Image.new("L", (60, 60)))[:50],
        # So large that Pillow refuses to open it.
        b"GIF89a" + b"\xff" * 4 + b"\0\0\0,\0\0\0\0" + b"\xff" * 4 + b"\0\2\2L\1\0;",
    ],
)
def test_what_is_no_picture_is_refused(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="no picture that can be read"):
        StartPictures(tmp_path).add(data, "a.png")


def test_what_is_too_large_to_decode_is_refused(tmp_path: Path) -> None:
    bomb = png(Image.new("1", (8000, 8000)))
    with pytest.raises(MediaError, match="million pixels"):
        StartPictures(tmp_path).add(bomb, "a.png")


def test_only_so_many_are_kept(tmp_path: Path) -> None:
    starts = StartPictures(tmp_path)
    data = png(Image.new("L", (2, 2)))
    first = starts.add(data, "first")
    for _ in range(KEPT):
        starts.add(data, "more")
    assert not first.path.exists()
    with pytest.raises(UnknownRecordError):
        starts.find(first.name)


def test_of_an_earlier_process_only_what_is_wanted_stays(tmp_path: Path) -> None:
    before = StartPictures(tmp_path)
    data = png(Image.new("L", (2, 3)))
    wanted, other = before.add(data, "my.mask"), before.add(data, "other")
    mask, other_mask = before.keep_mask(data), before.keep_mask(data)
    starts = StartPictures(tmp_path)
    starts.keep_only({wanted.path, mask})
    assert starts.find(wanted.name) == wanted
    assert starts.mask(mask.name) == mask
    assert not other.path.exists()
    assert not other_mask.exists()
