"""Pictures and recordings that come from outside: what their bytes are, and how they are told.

Owns the formats that are taken, which are those that llama.cpp decodes (stb_image and
miniaudio in its ``tools/mtmd``), their recognition by the first bytes, the limit of their
size, what a model takes of them, and the words that stand for one where it cannot be
shown. Nothing is decoded: a file that begins well and is damaged behind is refused by
the engine.

Source of the layouts: PNG specification 11.2.2, GIF89a 18, JPEG (ITU T.81) B.2.2.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from airunner.config.regular_file import open_regular
from airunner.errors import MediaError, MediaNotSupportedError
from airunner.errors.system_words import system_words
from airunner.messages import (
    AudioPart,
    Content,
    ImagePart,
    MediaKind,
    MediaPart,
    TextPart,
    content_of,
    parts_of,
    text_of_content,
)

MOST_BYTES = 20 << 20
"""The largest file that is taken: as base64 in one request it is 28 MB."""
MOST_PIXELS = 50_000_000
"""The largest picture: one of 48 million took the engine 280 MB for as long as it decoded it."""

_IMAGES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}
_AUDIO = {
    b"ID3": "audio/mpeg",
    b"\xff\xfb": "audio/mpeg",
    b"\xff\xf3": "audio/mpeg",
    b"\xff\xf2": "audio/mpeg",
    b"fLaC": "audio/flac",
}
_OTHERS = {
    b"BM": "a BMP picture, which no engine reads; save it as PNG",
    b"II*\0": "a TIFF picture, which no engine reads; save it as PNG or JPEG",
    b"MM\0*": "a TIFF picture, which no engine reads; save it as PNG or JPEG",
    b"OggS": "an Ogg recording, which no engine reads; save it as WAV, MP3 or FLAC",
}
_HEIC = "a HEIC picture, which no engine reads; save it as JPEG"
# Containers are told apart by their brand: ISO/IEC 14496-12 4.3, 23008-12 10, and AV1's.
_BRANDS = {
    **dict.fromkeys((b"heic", b"heix", b"hevc", b"heim", b"mif1", b"msf1"), _HEIC),
    **dict.fromkeys((b"avif", b"avis"), "an AVIF picture, which no engine reads; save it as PNG"),
    b"M4A ": "an M4A recording, which no engine reads; save it as WAV, MP3 or FLAC",
    b"WEBP": "a WebP picture, which no engine reads; save it as PNG",
}
_VIDEO = "a video, which no model here takes; save a picture of it as PNG or JPEG"
_SUFFIXES = frozenset(
    f".{ending}"
    for ending in (
        *("png", "jpg", "jpeg", "gif", "webp", "bmp", "tif", "tiff", "heic", "heif", "avif"),
        *("wav", "mp3", "flac", "ogg", "opus", "m4a", "aac"),
        *("mp4", "mov", "m4v", "webm", "mkv", "avi"),
    )
)
_FORMATS = "PNG, JPEG and GIF pictures, and WAV, MP3 and FLAC recordings, are understood"


def media_part(data: bytes, name: str) -> ImagePart | AudioPart:
    """The part that a file becomes; ``name`` is how it is called in messages.

    Whatever its sender says of it, the first bytes decide what it is.

    Raises:
        MediaError: it is empty, too large, or of no format that is understood.
    """
    if not data:
        raise MediaError(name, "it is empty")
    if len(data) > MOST_BYTES:
        problem = f"it has {len(data):,} bytes, and {MOST_BYTES:,} is the limit; make it smaller"
        raise MediaError(name, problem)
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        return AudioPart(data, "audio/wav")
    for beginning, media_type in _IMAGES.items():
        if data.startswith(beginning):
            return _picture(data, media_type, name)
    for beginning, media_type in _AUDIO.items():
        if data.startswith(beginning):
            return AudioPart(data, media_type)
    problem = _other_kind(data) or f"neither a picture nor a recording; {_FORMATS}"
    raise MediaError(name, f"it is {problem}")


def is_media(data: bytes, name: str) -> bool:
    """Whether a file is a picture, a recording or a video by its beginning or its ending.

    Of a text that begins by chance as a BMP picture does, it is not said.
    """
    is_known = data.startswith((*_IMAGES, *_AUDIO)) or bool(_other_kind(data))
    return Path(name).suffix.lower() in _SUFFIXES or (is_known and not data.startswith(b"BM"))


def _other_kind(data: bytes) -> str:
    """What it is that no engine reads, with the way out; empty if that is not known."""
    if data[:4] == b"RIFF" or data[4:8] == b"ftyp":
        return _BRANDS.get(data[8:12], _VIDEO)
    return next((words for begins, words in _OTHERS.items() if data.startswith(begins)), "")


def read_media(path: Path) -> ImagePart | AudioPart:
    """The part that the file at ``path`` becomes.

    Raises:
        MediaError: it cannot be read; or see ``media_part``.
    """
    try:
        with open_regular(path) as file:
            data = file.read(MOST_BYTES + 1)
            if len(data) > MOST_BYTES:
                problem = f"it is larger than {MOST_BYTES:,} bytes, which is the limit"
                raise MediaError(path, f"{problem}; make it smaller")
    except OSError as error:
        raise MediaError(path, system_words(error)) from error
    return media_part(data, str(path))


def picture_size(data: bytes) -> tuple[int, int] | None:
    """Width and height in pixels by the header; ``None`` if it does not say."""
    try:
        if data.startswith(b"\x89PNG"):
            return struct.unpack_from(">II", data, 16)
        if data.startswith(b"GIF8"):
            return struct.unpack_from("<HH", data, 6)
        return _jpeg_size(data)
    except struct.error:
        return None


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    place = 2
    while data[place : place + 1] == b"\xff":
        marker, length = struct.unpack_from(">xBH", data, place)
        if marker == 0xFF:  # a byte that fills up
            place += 1
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", data, place + 5)
            return width, height
        else:
            place += 2 + length
    return None


def _picture(data: bytes, media_type: str, name: str) -> ImagePart:
    size = picture_size(data)
    if not size or not all(size):
        raise MediaError(name, "its header is damaged")
    if size[0] * size[1] > MOST_PIXELS:
        problem = f"it has {size[0]} x {size[1]} pixels, and {MOST_PIXELS:,} is the limit"
        raise MediaError(name, f"{problem}; make it smaller")
    return ImagePart(data, media_type)


@dataclass(frozen=True, slots=True)
class MediaSupport:
    """What ``model`` takes beside text; ``advice`` is what to do about each other kind."""

    model: str
    takes: frozenset[MediaKind] = frozenset()
    advice: Mapping[MediaKind, str] = field(default_factory=dict)

    def check(self, content: Content) -> None:
        """Refuse what the model cannot take.

        Raises:
            MediaNotSupportedError: ``content`` has a picture or recording of such a kind.
        """
        for part in parts_of(content):
            if isinstance(part, MediaPart) and part.kind not in self.takes:
                raise MediaNotSupportedError(self.model, part.kind, self.advice.get(part.kind, ""))


def note_of(part: MediaPart) -> str:
    """A picture or recording in words, such as ``[picture: PNG, 640 x 480 pixels]``."""
    form = part.media_type.rpartition("/")[2].upper()
    if part.kind == "image" and (size := picture_size(part.data)):
        return f"[picture: {form}, {size[0]} x {size[1]} pixels]"
    what = "picture" if part.kind == "image" else "recording"
    return f"[{what}: {form}, {len(part.data):,} bytes]"


def in_words(content: Content) -> str:
    """``content`` for readers of text: a note in place of each picture and recording."""
    if isinstance(content, str):
        return content
    return text_of_content(noted(content, lambda part: True))


def without_media(content: Content, takes: Collection[MediaKind]) -> Content:
    """``content`` with notes for what is not of the kinds in ``takes``."""
    return noted(content, lambda part: part.kind not in takes)


def noted(content: Content, is_out: Callable[[MediaPart], bool]) -> Content:
    """``content`` with a note in place of each part of which ``is_out`` is true."""
    if isinstance(content, str):
        return content
    return content_of(
        [
            TextPart(note_of(part)) if isinstance(part, MediaPart) and is_out(part) else part
            for part in parts_of(content)
        ]
    )
