"""Messages with parts, and what files become parts."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.tiny_png import GREEN, RED, png

from airunner.errors import MediaError, MediaNotSupportedError
from airunner.media import (
    MOST_BYTES,
    MediaSupport,
    in_words,
    is_media,
    media_part,
    picture_size,
    read_media,
    without_media,
)
from airunner.messages import (
    AudioPart,
    ImagePart,
    Message,
    TextPart,
    joined_contents,
    with_text,
)

# A segment of an application, a byte that fills up, and a progressive frame.
JPEG = b"\xff\xd8\xff\xe0\0\x04ab\xff\xff\xc2\0\x11\x08\x01\x02\x02\x03\x03"
SOUND = AudioPart(b"RIFF\0\0\0\0WAVEfmt ", "audio/wav")


def test_plain_text_has_one_form_and_parts_keep_their_order() -> None:
    assert Message("user", "a\nb") == Message("user", (TextPart("a"), TextPart("b")))
    assert Message("user", ()) == Message("user")
    seen = Message("user", (TextPart("this"), RED, TextPart("or that"), GREEN))
    assert seen.text == "this\nor that"
    assert seen.media == (RED, GREEN)
    assert Message("user", "plain").media == ()


def test_two_parts_are_the_same_if_their_bytes_and_kinds_are() -> None:
    assert ImagePart(png(), "image/png") == RED != GREEN
    assert len({ImagePart(png(), "image/png"), RED, GREEN}) == 2
    assert AudioPart(RED.data, "image/png") != RED
    assert "data" not in repr(RED), "megabytes in a log"


def test_words_meet_words_with_a_line_between_and_pictures_stay_where_they_are() -> None:
    assert joined_contents("a", "b") == "a\n\nb"
    assert joined_contents("a", (TextPart("b"), RED)) == (TextPart("a\n\nb"), RED)
    assert joined_contents((TextPart("a"), RED), "b") == (TextPart("a"), RED, TextPart("b"))
    assert joined_contents((RED,), (GREEN,)) == (RED, GREEN)
    assert with_text((RED, TextPart("long"), GREEN, TextPart("er")), "short") == (
        RED,
        TextPart("short"),
        GREEN,
    )
    assert with_text("long", "short") == "short"


def test_words_stand_for_what_a_model_does_not_take() -> None:
    content = (TextPart("see"), RED, SOUND)
    note = "[picture: PNG, 32 x 32 pixels]"
    assert in_words(content) == f"see\n{note}\n[recording: WAV, 16 bytes]"
    assert without_media(content, {"audio"}) == (TextPart("see"), TextPart(note), SOUND)
    assert without_media(content, {"audio", "image"}) == content


def test_what_a_model_does_not_take_is_refused_with_a_remedy() -> None:
    support = MediaSupport("publisher/blind", frozenset({"audio"}), {"image": "Take another."})
    support.check("text")
    support.check((SOUND,))
    with pytest.raises(MediaNotSupportedError, match="blind cannot see pictures"):
        support.check((SOUND, RED))


def test_the_header_of_a_picture_says_how_large_it_is() -> None:
    assert picture_size(png(640, 48)) == (640, 48)
    assert picture_size(b"GIF89a\x20\x00\x10\x00") == (32, 16)
    assert picture_size(JPEG) == (515, 258)
    assert picture_size(b"\xff\xd8\xff" * 9) is None


@pytest.mark.parametrize(
    ("beginning", "media_type"),
    [
        (png(), "image/png"),
        (JPEG, "image/jpeg"),
        (b"GIF89a\x20\x00\x10\x00", "image/gif"),
        (SOUND.data, "audio/wav"),
        (b"ID3\x04", "audio/mpeg"),
        (b"fLaC\0", "audio/flac"),
    ],
)
def test_the_first_bytes_say_what_a_file_is(beginning: bytes, media_type: str) -> None:
    part = media_part(beginning, "whatever.txt")
    assert (part.media_type, part.data) == (media_type, beginning)
    assert part.kind == media_type.partition("/")[0]


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "it is empty"),
        (b"hello, I am no picture", "neither a picture nor a recording; PNG, JPEG"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "a WebP.* save it as PNG"),
        (b"RIFF\0\0\0\0AVI LIST", "a video.* save a picture of it"),
        (b"BM\0\0\0\0", "a BMP.* save it as PNG"),
        (b"II*\0\0\0", "a TIFF.* save it as PNG or JPEG"),
        (b"\0\0\0\x18ftypheic", "a HEIC.* save it as JPEG"),
        (b"\0\0\0\x18ftypavif", "an AVIF.* save it as PNG"),
        (b"\0\0\0\x18ftypM4A ", "an M4A.* save it as WAV, MP3 or FLAC"),
        (b"\0\0\0\x18ftypisom", "a video.* save a picture of it"),
        (b"OggS\0", "an Ogg.* save it as WAV"),
        (png() + bytes(MOST_BYTES), "20,971,520 is the limit"),
        (png()[:20], "its header is damaged"),
        (b"\xff\xd8\xff\xe0\0\x02nothing", "its header is damaged"),
        (png(0, 9), "its header is damaged"),
        (png()[:16] + b"\0\0\x27\x10" * 2, "10000 x 10000 pixels, and 50,000,000"),
    ],
)
def test_other_files_are_refused_and_told_apart(data: bytes, problem: str) -> None:
    with pytest.raises(MediaError, match=f"^photo cannot be sent to a model: .*{problem}"):
        media_part(data, "photo")


def test_a_text_that_begins_by_chance_as_a_picture_does_is_none() -> None:
    assert not is_media(b"BMW and others", "cars.txt")
    assert is_media(b"BM", "a.BMP")
    assert is_media(b"\0\0\0\x18ftypheic", "photo")


def test_a_file_is_read_only_as_far_as_it_may_be_long(tmp_path: Path) -> None:
    path = tmp_path / "red.png"
    path.write_bytes(RED.data)
    assert read_media(path) == RED
    with path.open("wb") as file:
        file.truncate(10 * MOST_BYTES)
    with pytest.raises(MediaError, match="larger than 20,971,520 bytes"):
        read_media(path)
    with pytest.raises(MediaError, match="No such file"):
        read_media(tmp_path / "none.png")
    with pytest.raises(MediaError, match="Is a directory"):
        read_media(tmp_path)
