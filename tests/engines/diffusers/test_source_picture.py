"""Pictures to start from and masks, as phones, scanners and drawing programs write them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from airunner.engines.diffusers.launcher import ImageLauncher
from airunner.engines.diffusers.request import SMALLEST_PX, size_to_draw
from airunner.engines.diffusers.source_picture import source_picture
from airunner.engines.image import ImageRequest, Lora
from airunner.errors import ImageRequestError

CASES = Path(__file__).parents[2] / "cases" / "pictures"
SIZES = st.tuples(st.integers(1, 20_000), st.integers(1, 20_000))


def rgb(path: Path) -> Any:
    return source_picture("m", path, "RGB")


def saved(folder: Path, picture: Image.Image, name: str = "a.png", **keys: Any) -> Path:
    picture.save(folder / name, **keys)
    return folder / name


def test_a_photo_from_a_phone_is_upright() -> None:
    picture = rgb(CASES / "phone.jpg")
    assert picture.size == (64, 128)
    red, _, blue = picture.getpixel((32, 8))
    assert red > 200 > 60 > blue
    assert picture.getpixel((32, 120))[0] < 100, "red is on top"


def test_what_is_transparent_lies_on_white() -> None:
    path = CASES / "transparent.png"
    with Image.open(path) as file:
        alpha = file.convert("RGBA").getchannel("A")
        clear = next(i for i, a in enumerate(alpha.tobytes()) if a == 0)
    picture = rgb(path)
    assert picture.getpixel((clear % picture.width, clear // picture.width)) == (255, 255, 255)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_of_a_picture_and_of_a_mask(tmp_path: Path, orientation: int) -> None:
    picture = Image.new("L", (30, 20))
    picture.putpixel((0, 0), 255)
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path, picture, exif=exif)
    mask = source_picture("m", path, "L")
    assert mask.size == ((20, 30) if orientation > 4 else (30, 20))
    corners = [(0, 0), (mask.width - 1, 0), (mask.width - 1, mask.height - 1), (0, mask.height - 1)]
    lit = [corner for corner in corners if mask.getpixel(corner) == 255]
    assert lit == [corners[(0, 0, 1, 2, 3, 0, 1, 2, 3)[orientation]]]


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA", "P", "La", "1"])
def test_transparency_of_every_kind(tmp_path: Path, mode: str) -> None:
    clear = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    if mode == "P":
        path = saved(tmp_path, Image.new("P", (8, 8), 3), "a.gif", transparency=3)
    elif mode == "1":
        path = saved(tmp_path, Image.new("1", (8, 8), 0), transparency=0)
    elif mode == "La":
        path = saved(tmp_path, Image.new("LA", (8, 8), (0, 0)), "a.tif")
    else:
        kept = clear if mode in ("RGBA", "PA") else clear.convert("LA")
        path = saved(tmp_path, kept)
    assert rgb(path).getpixel((4, 4)) == (255, 255, 255)
    assert source_picture("m", path, "L").getpixel((4, 4)) == 255, "there it may change"


@pytest.mark.parametrize(
    ("mode", "name", "value", "grey"),
    [
        ("I;16", "a.png", 32_896, 128),
        ("I;16", "a.png", 257, 1),
        ("I;16", "a.tif", 65_535, 255),
        ("I", "a.tif", 32_896, 128),
        ("F", "a.tif", 0.5, 127),
        ("F", "a.tif", 128.0, 128),
        ("L", "a.png", 128, 128),
    ],
)
def test_grey_of_16_bits_and_of_fractions(
    tmp_path: Path, mode: str, name: str, value: float, grey: int
) -> None:
    path = saved(tmp_path, Image.new(mode, (4, 4), value), name)
    assert rgb(path).getpixel((1, 1)) == (grey, grey, grey)
    assert source_picture("m", path, "L").getpixel((1, 1)) == grey


def test_the_engine_refuses_files_and_names_before_a_model_is_loaded(tmp_path: Path) -> None:
    good = saved(tmp_path, Image.new("RGB", (8, 8)))
    torn, text = tmp_path / "torn.png", tmp_path / "x.heic"
    torn.write_bytes(good.read_bytes()[:45])
    text.write_text("no picture")
    launcher = ImageLauncher()
    launcher.check("m", ImageRequest("a", init_image=good, mask=good, scheduler="DPM++ 2M Karras"))
    for keys, problem in (
        ({"width": 100, "height": 100}, "multiples of 8 and at least 64; the nearest is 96 x 96"),
        ({"height": 32}, "32 is no size it can draw"),
        ({"scheduler": "foo"}, r"no scheduler 'foo'; there are ddim, .*euler_a"),
        ({"init_image": torn}, "torn.png: it cannot be read as a picture"),
        ({"init_image": good, "mask": text}, "x.heic: .*save it as PNG or JPEG"),
        ({"init_image": tmp_path}, "cannot be read"),
        ({"init_image": tmp_path / "none.png"}, "there is no such file"),
        ({"loras": (Lora(tmp_path / "none.safetensors"),)}, "no LoRA file"),
        ({"loras": (Lora(good),)}, "no safetensors file"),
    ):
        with pytest.raises(ImageRequestError, match=problem):
            launcher.check("m", ImageRequest("a", **keys))


POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n%%EOF\n"


def test_no_other_program_is_asked_to_read_a_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pillow has Ghostscript read PostScript, whatever a file is called."""
    asked = tmp_path / "asked"
    (tmp_path / "gs").write_text(f"#!/bin/sh\ntouch {asked}\n")
    (tmp_path / "gs").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    path = tmp_path / "a.png"
    path.write_bytes(POSTSCRIPT)
    with pytest.raises(ImageRequestError, match="cannot be read as a picture"):
        rgb(path)
    assert not asked.exists()


@pytest.mark.timeout(120)  # read without an end, it takes all memory
def test_what_never_ends_or_grows_is_no_picture(tmp_path: Path) -> None:
    pipe, link, huge = tmp_path / "pipe", tmp_path / "link", tmp_path / "huge.png"
    os.mkfifo(pipe)
    link.symlink_to("/dev/zero")
    saved(tmp_path, Image.new("1", (8_000, 8_000)), huge.name)
    for path, problem in ((pipe, "cannot be read"), (link, "cannot be read"), (huge, "50 million")):
        with pytest.raises(ImageRequestError, match=problem):
            rgb(path)


@given(SIZES, st.sampled_from([8, 16, 32]), st.integers(4096, 4_000_000))
def test_any_picture_gets_a_size_that_fits(own: tuple[int, int], grain: int, most: int) -> None:
    width, height = size_to_draw(ImageRequest("a"), own, most, grain)
    assert width * height <= most
    assert not width % grain
    assert not height % grain
    assert min(width, height) >= SMALLEST_PX
    assert (width >= height) == (own[0] >= own[1]) or width == height


@given(SIZES, st.integers(8, 64))
def test_the_side_that_is_not_asked_for_is_in_proportion(own: tuple[int, int], n: int) -> None:
    width, height = size_to_draw(ImageRequest("a", width=n * 8), own, 10**9, 8)
    assert width == n * 8
    assert abs(height - max(64, width * own[1] / own[0])) <= 4 or width * (height + 8) > 10**9


@pytest.mark.parametrize(
    ("own", "most", "size"),
    [
        ((4000, 3000), 4096, (64, 64)),
        ((4000, 3000), 512 * 512, (584, 440)),
        ((3000, 70), 8192, (128, 64)),
        ((32, 16), 512 * 512, (128, 64)),
        ((64, 128), 8192, (64, 128)),
        ((1, 1), 4096, (64, 64)),
    ],
)
def test_sizes(own: tuple[int, int], most: int, size: tuple[int, int]) -> None:
    assert size_to_draw(ImageRequest("a"), own, most, 8) == size
