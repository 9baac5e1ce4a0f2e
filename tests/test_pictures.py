"""The pictures folder: names, what is found in it, and PNG files of every kind of malice."""

from __future__ import annotations

import os
import struct
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airunner.errors import StorageError
from airunner.pictures import PicturesFolder, slug

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MIB = 1 << 20


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(*chunks: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(b"\0\xff\0\0"))
    return SIGNATURE + chunk(b"IHDR", header) + b"".join(chunks) + body + chunk(b"IEND", b"")


def noon() -> datetime:
    return datetime(2026, 11, 23, 14, 5)


@pytest.fixture
def folder(tmp_path: Path) -> PicturesFolder:
    return PicturesFolder(tmp_path / "pictures", now=noon)


def saved(folder: PicturesFolder, name: str, data: bytes = b"x", at_ns: int = 0) -> Path:
    folder.path.mkdir(exist_ok=True)
    path = folder.path / name
    path.write_bytes(data)
    if at_ns:
        os.utime(path, ns=(at_ns, at_ns))
    return path


def names(paths: tuple[Path, ...]) -> list[str]:
    return [path.name for path in paths]


def test_names_are_readable_and_numbered_where_they_are_taken(folder: PicturesFolder) -> None:
    first = folder.reserve("A red circle, on BLUE!", 1)
    assert names(first) == ["2026-11-23 14.05 a-red-circle-on-blue.png"]
    assert names(folder.reserve("a red circle on blue", 2)) == [
        "2026-11-23 14.05 a-red-circle-on-blue 2.png",
        "2026-11-23 14.05 a-red-circle-on-blue 3.png",
    ]
    assert not list(folder.path.glob("[!.]*"))
    assert folder.newest() is None


def test_a_released_name_is_free_again_unless_its_picture_exists(folder: PicturesFolder) -> None:
    cat = folder.reserve("cat", 1)
    folder.release(cat)
    assert list(folder.path.iterdir()) == []
    assert folder.reserve("cat", 1) == cat
    folder.release(cat)
    cat[0].write_bytes(b"x")
    second = folder.reserve("cat", 1)
    assert names(second) == ["2026-11-23 14.05 cat 2.png"]
    folder.release(second)
    folder.release(second)
    assert list(folder.path.iterdir()) == list(cat), "the name that was taken is reserved still"


def test_an_abandoned_reservation_does_not_last(folder: PicturesFolder) -> None:
    folder.reserve("cat", 1)
    (left,) = folder.path.iterdir()
    os.utime(left, (0, 0))
    folder.reserve("dog", 1)
    assert not left.exists()


def test_nobody_gets_the_same_name_twice(tmp_path: Path) -> None:
    def reserve(_: int) -> tuple[Path, ...]:
        return PicturesFolder(tmp_path, now=noon).reserve("same", 3)

    with ThreadPoolExecutor(8) as pool:
        reserved = [path for paths in pool.map(reserve, range(16)) for path in paths]
    assert len(set(reserved)) == 48


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("", "picture"),
        ("../../etc/passwd", "etc-passwd"),
        ("?!\n\0/\\:*", "picture"),
        ("Čapek’s robot", "čapek-s-robot"),
        ("赤い円", "赤い円"),
        ("x" * 500, "x" * 60),
        ("赤" * 500, "赤" * 40),
        ("word " * 30, "-".join(["word"] * 12)),
        ("a \u202etxt", "a-txt"),
    ],
)
def test_slugs(prompt: str, expected: str) -> None:
    assert slug(prompt) == expected


@given(st.text())
def test_a_slug_is_a_safe_part_of_a_file_name(prompt: str) -> None:
    text = slug(prompt)
    assert 0 < len(text.encode()) <= 120
    assert not set(text) & set('/\\\0. \n:*?"<>|')


def test_a_folder_that_cannot_be_made_or_written_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="file"):
        PicturesFolder(tmp_path / "file").reserve("cat", 1)
    with pytest.raises(StorageError):
        PicturesFolder(tmp_path / "file" / "below").reserve("cat", 1)


def test_a_folder_is_checked_by_writing_into_it(tmp_path: Path) -> None:
    PicturesFolder(tmp_path / "new").check()
    assert list((tmp_path / "new").iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="it has no folder that nobody can write")
def test_a_folder_that_takes_no_files_is_told() -> None:
    with pytest.raises(StorageError):
        PicturesFolder(Path("/sys")).check()


def test_the_newest_is_the_one_saved_last(folder: PicturesFolder) -> None:
    assert folder.newest() is None
    old = saved(folder, "b.png", at_ns=1_000_000_000)
    new = saved(folder, "a.PNG", at_ns=2_000_000_000)
    saved(folder, ".hidden.png", at_ns=3_000_000_000)
    saved(folder, "notes.txt", at_ns=3_000_000_000)
    saved(folder, "empty.png", b"", at_ns=3_000_000_000)
    (folder.path / "folder.png").mkdir()
    assert folder.newest() == new
    new.unlink()
    assert folder.newest() == old


def test_a_picture_is_found_by_its_name_and_never_outside(folder: PicturesFolder) -> None:
    cat = saved(folder, "2026-11-23 14.05 cat.png")
    assert folder.find("2026-11-23 14.05 cat.png") == cat
    assert folder.find(" 2026-11-23 14.05 cat ") == cat
    outside = folder.path.parent / "secret.png"
    outside.write_bytes(b"x")
    (folder.path / "link.png").symlink_to(outside)
    saved(folder, "notes.txt")
    (folder.path / "sub").mkdir()
    for name in (
        "",
        ".",
        "..",
        "../secret",
        "../secret.png",
        "..\\secret.png",
        str(outside),
        "link",
        "notes.txt",
        "sub",
        "x\0y",
        "x" * 5000,
        "none",
    ):
        assert folder.find(name) is None, name


def test_all_three_kinds_of_text_are_read(folder: PicturesFolder) -> None:
    data = png(
        chunk(b"tEXt", b"seed\0" + b"7"),
        chunk(b"zTXt", b"steps\0\0" + zlib.compress(b"20")),
        chunk(b"iTXt", b"prompt\0\0\0en\0\0" + "a red circle – ça".encode()),
        chunk(b"iTXt", b"negative_prompt\0\1\0\0\0" + zlib.compress("blürry".encode())),
    )
    assert folder.settings(saved(folder, "a.png", data)) == {
        "seed": "7",
        "steps": "20",
        "prompt": "a red circle – ça",
        "negative_prompt": "blürry",
    }


def test_text_after_the_pixels_is_read_too(folder: PicturesFolder) -> None:
    data = png()[: -len(chunk(b"IEND", b""))] + chunk(b"tEXt", b"seed\0007")
    assert folder.settings(saved(folder, "a.png", data)) == {"seed": "7"}


BOMB = zlib.compress(b"a" * (64 * MIB), level=1)


@pytest.mark.parametrize(
    "bad",
    [
        chunk(b"tEXt", b"no separator"),
        chunk(b"tEXt", b"\0no keyword"),
        chunk(b"tEXt", b"cut\0short")[:-4] + b"\0\0\0\0",
        chunk(b"tEXt", b"long\0" + b"a" * (MIB + 1)),
        chunk(b"zTXt", b"bomb\0\0" + BOMB),
        chunk(b"zTXt", b"garbage\0\0garbage"),
        chunk(b"zTXt", b"method\0\7" + zlib.compress(b"text")),
        chunk(b"iTXt", b"bomb\0\1\0\0\0" + BOMB),
        chunk(b"iTXt", b"flag\0\7\0\0\0text"),
        chunk(b"iTXt", b"few\0\0\0parts"),
        chunk(b"iTXt", b"method\0\1\7\0\0" + zlib.compress(b"text")),
        chunk(b"iTXt", b""),
    ],
)
def test_a_bad_text_is_passed_over(folder: PicturesFolder, bad: bytes) -> None:
    data = png(bad, chunk(b"tEXt", b"seed\0007"))
    assert folder.settings(saved(folder, "a.png", data)) == {"seed": "7"}


def test_a_lie_about_a_length_ends_the_reading(folder: PicturesFolder) -> None:
    seed = chunk(b"tEXt", b"seed\0007")
    for lie in (b"\xff\xff\xff\xfftEXt", b"\x7f\xff\xff\xffIDAT", b"\0\0\0\x09tEXtseed"):
        data = SIGNATURE + seed + lie
        assert folder.settings(saved(folder, "a.png", data)) == {"seed": "7"}


def test_what_is_no_png_has_no_settings(folder: PicturesFolder) -> None:
    for data in (b"", b"GIF89a", SIGNATURE, SIGNATURE[:5]):
        assert folder.settings(saved(folder, "a.png", data)) == {}
    assert folder.settings(folder.path) == {}
    assert folder.settings(folder.path / "none.png") == {}
    os.mkfifo(folder.path / "pipe.png")
    assert folder.settings(folder.path / "pipe.png") == {}


@given(
    st.lists(
        st.tuples(st.sampled_from([b"tEXt", b"zTXt", b"iTXt", b"IDAT", b"IEND"]), st.binary()),
        max_size=6,
    ),
    st.integers(min_value=0, max_value=400),
    st.binary(max_size=3),
)
def test_any_bytes_are_read_without_failure(
    tmp_path_factory: pytest.TempPathFactory,
    chunks: list[tuple[bytes, bytes]],
    cut: int,
    damage: bytes,
) -> None:
    data = SIGNATURE + b"".join(chunk(kind, body) for kind, body in chunks)
    data = data[:cut] + damage + data[cut:]
    path = tmp_path_factory.getbasetemp() / "any.png"
    path.write_bytes(data)
    texts = PicturesFolder(path.parent).settings(path)
    assert all(isinstance(text, str) for pair in texts.items() for text in pair)
