"""Pictures that somebody hands over for drawings to begin with, and the masks over pictures.

Owns their files, which are no part of the gallery: a bounded number, in a folder of which
only what a drawing still waits for outlives the process. What is decoded is bounded too, and
what is kept has been made anew, so that a browser and an image model see the same.
"""

from __future__ import annotations

import io
import threading
import uuid
from collections import OrderedDict
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from airunner.config.whole_file import whole_file
from airunner.errors import MediaError, UnknownRecordError
from airunner.errors.writing import writing
from airunner.media import MOST_BYTES
from airunner.pictures import SUFFIX, size_px, slug

KEPT = 100
"""Pictures, and masks, that are kept at once."""
MOST_PIXELS = 32_000_000
_MASK = ".mask"  # no slug has a dot
_FORMATS = ("PNG", "JPEG", "GIF", "WEBP")


@dataclass(frozen=True, slots=True)
class StartPicture:
    """A picture that was handed over; ``name`` is what a drawing from it says."""

    name: str
    width: int
    height: int
    path: Path


class StartPictures:
    """See the module's description. Used from any thread; ``add`` takes long."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, StartPicture] = OrderedDict()
        self._masks: OrderedDict[str, Path] = OrderedDict()

    def keep_only(self, wanted: Collection[Path]) -> None:
        """Have no other files than these, of which an earlier process may have made some."""
        with self._lock:
            self._kept.clear()
            self._masks.clear()
            for path in sorted(self._folder.glob(f"*{SUFFIX}")):
                if path not in wanted:
                    with suppress(OSError):
                        path.unlink()
                elif path.stem.endswith(_MASK):
                    self._masks[path.name] = path
                else:
                    self._kept[path.name] = StartPicture(path.name, *size_px(path), path)

    def add(self, data: bytes, name: str) -> StartPicture:
        """Take a picture: upright, without what its file says beside the pixels.

        Raises:
            MediaError: it is none, or too large.
            StorageError: the folder may not be changed.
        """
        name = name or "the picture"
        if len(data) > MOST_BYTES:
            raise MediaError(name, f"it has more than {MOST_BYTES >> 20} MB; make it smaller")
        content, width, height = _made_anew(data, name)
        path = self._new(f"{slug(Path(name).stem)}-{uuid.uuid4().hex[:8]}")
        self._write(path, content)
        made = StartPicture(path.name, width, height, path)
        with self._lock:
            self._kept[made.name] = made
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)[1].path.unlink(missing_ok=True)
        return made

    def find(self, name: str) -> StartPicture:
        """One that was handed over.

        Raises:
            UnknownRecordError: there is none, or others came since.
        """
        with self._lock:
            found = self._kept.get(name)
        if found is None:
            raise UnknownRecordError("picture to start from", name)
        return found

    def keep_mask(self, content: bytes) -> Path:
        """Where a mask lies from now on.

        Raises:
            StorageError: the folder may not be changed.
        """
        path = self._new(f"{uuid.uuid4().hex[:12]}{_MASK}")
        self._write(path, content)
        with self._lock:
            self._masks[path.name] = path
            while len(self._masks) > KEPT:
                self._masks.popitem(last=False)[1].unlink(missing_ok=True)
        return path

    def mask(self, name: str) -> Path:
        """A mask by the name that a drawing with it tells.

        Raises:
            UnknownRecordError: it is not kept any more.
        """
        with self._lock:
            found = self._masks.get(name)
        if found is None:
            raise UnknownRecordError("mask", name)
        return found

    def _write(self, path: Path, content: bytes) -> None:
        with writing(path):
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with whole_file(path) as part:
                part.write_bytes(content)

    def _new(self, stem: str) -> Path:
        return self._folder / f"{stem}{SUFFIX}"


def _made_anew(data: bytes, name: str) -> tuple[bytes, int, int]:
    # Imported here: a server that draws nothing needs no library for it.
    from PIL import Image, ImageOps

    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as opened:
            if opened.width * opened.height > MOST_PIXELS:
                problem = f"it has more than {MOST_PIXELS // 10**6} million pixels"
                raise MediaError(name, f"{problem}; make it smaller")
            upright = ImageOps.exif_transpose(opened).convert("RGBA")
    except MediaError:
        raise
    except Exception as error:  # Pillow raises whatever a damaged file leads it to
        problem = "it is no picture that can be read; save it as PNG or JPEG"
        raise MediaError(name, problem) from error
    plain = Image.new("RGB", upright.size, "white")
    plain.paste(upright, mask=upright)
    content = io.BytesIO()
    plain.save(content, format="PNG", compress_level=1)
    return content.getvalue(), plain.width, plain.height
