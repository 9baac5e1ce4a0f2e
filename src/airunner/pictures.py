"""The folder that drawn pictures land in, and what their files say about themselves.

Owns names, and the reading of the texts in a PNG file; drawing and writing the pixels
happen in a worker.
"""

from __future__ import annotations

import os
import struct
import time
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from airunner.errors.writing import writing

SUFFIX = ".png"

_LONGEST_SLUG = 60
_LONGEST_SLUG_BYTES = 120
_PROBE_BYTES = 64 << 10
_RESERVED_SUFFIX = ".reserved"
_RESERVED_FOR_S = 3600.0

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER = struct.Struct(">8s8xII")
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_MOST_TEXT_BYTES = 1 << 18
_MOST_CHUNKS = 50_000


class PicturesFolder:
    """Pictures on disk, newest last. Made when the first picture is asked for.

    Args:
        path: the folder.
        now: the local time, which every name begins with.
    """

    def __init__(self, path: Path, now: Callable[[], datetime] = datetime.now) -> None:
        self.path, self._now = path, now

    def make(self) -> None:
        """Make the folder, if there is none.

        Raises:
            StorageError: it cannot be made.
        """
        with writing(self.path):
            self.path.mkdir(parents=True, exist_ok=True)

    def check(self) -> None:
        """Make the folder, if there is none, and see that a picture can be written into it.

        Raises:
            StorageError: it cannot be made or written, or its disk is full.
        """
        self.make()
        with writing(self.path), TemporaryFile(dir=self.path) as probe:
            probe.write(bytes(_PROBE_BYTES))
            probe.flush()

    def reserve(self, prompt: str, count: int) -> tuple[Path, ...]:
        """``count`` readable names that nothing has yet, numbered where they are taken.

        Such as ``2026-11-23 14.05 a-red-circle.png``, then ``... a-red-circle 2.png``.
        No other call, in this process or another, gets the same names until
        ``release``, or for an hour. The pictures themselves are not created: one
        that is never drawn leaves nothing that could be taken for a picture.

        Raises:
            StorageError: the folder cannot be made or written.
        """
        stem = f"{self._now():%Y-%m-%d %H.%M} {slug(prompt)}"
        self.make()
        with writing(self.path):
            self._forget_old_reservations()
            names: list[Path] = []
            number = 1
            while len(names) < count:
                name = stem if number == 1 else f"{stem} {number}"
                if self._take(name):
                    names.append(self.path / f"{name}{SUFFIX}")
                number += 1
        return tuple(names)

    def release(self, reserved: Iterable[Path]) -> None:
        """Forget reservations, when their pictures are saved or not wanted any more."""
        for picture in reserved:
            with suppress(OSError):
                self._reservation(picture.stem).unlink(missing_ok=True)

    def newest(self) -> Path | None:
        """The picture saved last, or ``None``."""
        newest = max(self._pictures(), default=None)
        return newest[2] if newest else None

    def all(self) -> list[tuple[int, Path]]:
        """Every picture with when it was saved (Unix time in nanoseconds), the newest first."""
        return [(at_ns, path) for at_ns, _, path in sorted(self._pictures(), reverse=True)]

    def find(self, name: str) -> Path | None:
        """A picture by its name (with or without ``.png``) inside this folder, never outside."""
        wanted = name.strip()
        if not wanted or wanted.startswith(".") or any(c in wanted for c in "/\\\0"):
            return None
        for candidate in (wanted, f"{wanted}{SUFFIX}"):
            path = self.path / candidate
            with suppress(OSError):  # among others: a name that is too long
                inside = Path(os.path.realpath(path)).parent == Path(os.path.realpath(self.path))
                if inside and path.suffix.lower() == SUFFIX and path.is_file():
                    return path
        return None

    def settings(self, picture: Path) -> dict[str, str]:
        """What a picture was drawn with: the texts in its file; empty if it has none.

        Texts that are damaged or longer than 256 KiB are passed over, and what comes behind
        a damaged length, behind 256 KiB of texts, or behind 50,000 chunks.
        """
        # Imported here, because few commands ask. `PngStream` and no `Image`, which would
        # decode the pixels to get at the texts behind them.
        from PIL.PngImagePlugin import PngStream

        try:
            if not picture.is_file():
                return {}
            with picture.open("rb") as file:
                is_png = file.read(len(_SIGNATURE)) == _SIGNATURE
                stream = PngStream(file)
                with suppress(SyntaxError, struct.error):  # the end, or damage
                    for _ in range(_MOST_CHUNKS if is_png else 0):
                        chunk = stream.read()
                        if chunk[0] == b"IEND" or stream.text_memory > _MOST_TEXT_BYTES:
                            break
                        _add_text(stream, *chunk)
        except OSError:
            return {}
        left, found = _MOST_TEXT_BYTES, {}
        for name, text in stream.im_text.items():
            left -= len(name) + len(text)
            if text and left >= 0:
                found[name] = str(text)
        return found

    def _take(self, name: str) -> bool:
        """Reserve ``name`` if neither a picture nor another reservation has it.

        The reservation comes first: whoever holds it is alone in looking.
        """
        try:
            os.close(os.open(self._reservation(name), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            return False
        if os.path.lexists(self.path / f"{name}{SUFFIX}"):
            self.release([self.path / f"{name}{SUFFIX}"])
            return False
        return True

    def _reservation(self, name: str) -> Path:
        return self.path / f".{name}{_RESERVED_SUFFIX}"

    def _forget_old_reservations(self) -> None:
        """Names hold the minute, so that an old reservation guards nothing any more."""
        latest_s = time.time() - _RESERVED_FOR_S
        for file in self.path.glob(f".*{_RESERVED_SUFFIX}"):
            with suppress(OSError):  # another process may do the same
                if file.stat().st_mtime < latest_s:
                    file.unlink()

    def _pictures(self) -> Iterator[tuple[int, str, Path]]:
        with suppress(OSError):
            for entry in os.scandir(self.path):
                name = entry.name
                if name.startswith(".") or not name.lower().endswith(SUFFIX):
                    continue
                with suppress(OSError):
                    if entry.is_file(follow_symlinks=False) and entry.stat().st_size:
                        yield entry.stat().st_mtime_ns, name, self.path / name


def size_px(picture: Path) -> tuple[int, int]:
    """Width and height of a PNG by its first bytes, in pixels; zeros for what is none."""
    try:
        with picture.open("rb") as file:
            signature, width, height = _HEADER.unpack(file.read(_HEADER.size))
    except (OSError, struct.error):
        return 0, 0
    return (width, height) if signature == _SIGNATURE else (0, 0)


def slug(prompt: str) -> str:
    """The prompt's first words as part of a file name: letters and digits with ``-`` between."""
    kept = (
        c if unicodedata.category(c)[0] in "LNM" else " "
        for c in unicodedata.normalize("NFC", prompt[:1000]).lower()
    )
    short = ""
    for word in "".join(kept).split():
        longer = f"{short}-{word}" if short else word
        if len(longer) > _LONGEST_SLUG or len(longer.encode()) > _LONGEST_SLUG_BYTES:
            return short or _cut(longer)
        short = longer
    return short or "picture"


def _cut(word: str) -> str:
    start = word[:_LONGEST_SLUG].encode()[:_LONGEST_SLUG_BYTES]
    return start.decode(errors="ignore")


def _add_text(stream: Any, kind: bytes, at: int, length: int) -> None:
    """Have Pillow read a chunk if it is a sound text, and go to the next one."""
    if kind in _TEXTS and length <= _MOST_TEXT_BYTES:
        with suppress(SyntaxError, ValueError, EOFError, OSError):
            stream.crc(kind, stream.fp.read(length))
            stream.fp.seek(at)
            stream.call(kind, at, length)
    stream.fp.seek(at + length + 4)
