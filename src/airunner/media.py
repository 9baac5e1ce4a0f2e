"""Pictures and recordings that come from outside: what their bytes are, and how they are told.

Owns the formats that are taken, which are those that llama.cpp decodes (stb_image and
miniaudio in its ``tools/mtmd``), their recognition by the first bytes, the limit of their
size, what a model takes of them, and the words that stand for one where it cannot be
shown. Nothing is decoded: a file that begins well and is damaged behind is refused by
the engine.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from airunner.errors import MediaError, MediaNotSupportedError
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
    if data[:4] == b"RIFF":
        if data[8:12] == b"WEBP":
            raise MediaError(name, "it is a WebP picture, which no engine reads; save it as PNG")
        if data[8:12] == b"WAVE":
            return AudioPart(data, "audio/wav")
    for beginning, media_type in _IMAGES.items():
        if data.startswith(beginning):
            return ImagePart(data, media_type)
    for beginning, media_type in _AUDIO.items():
        if data.startswith(beginning):
            return AudioPart(data, media_type)
    raise MediaError(name, f"it is neither a picture nor a recording; {_FORMATS}")


def read_media(path: Path) -> ImagePart | AudioPart:
    """The part that the file at ``path`` becomes.

    Raises:
        MediaError: it cannot be read; or see ``media_part``.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
            if len(data) > MOST_BYTES:
                problem = f"it is larger than {MOST_BYTES:,} bytes, which is the limit"
                raise MediaError(path, f"{problem}; make it smaller")
    except OSError as error:
        raise MediaError(path, error.strerror or str(error)) from error
    return media_part(data, str(path))


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
    """A picture or recording in words, such as ``[picture: PNG, 20,481 bytes]``."""
    what = "picture" if part.kind == "image" else "recording"
    form = part.media_type.rpartition("/")[2].upper()
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
