"""Small copies of pictures, for a page that shows many.

Owns their making and the few that are kept in memory. One picture is decoded at a time, and
none that is larger than ``MOST_PIXELS``, so that no folder can fill the memory.
"""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from pathlib import Path

from airunner.errors import PictureUnreadableError
from airunner.errors.system_words import system_words
from airunner.pictures import size_px

MOST_PIXELS = 32_000_000
KEPT_BYTES = 16 << 20
SIZES_PX = (64, 128, 256, 512)
MEDIA_TYPE = "image/jpeg"


class Thumbnails:
    """See the module's description. Used from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[Path, int, int], bytes] = OrderedDict()
        self._kept_bytes = 0

    def of(self, picture: Path, longest_px: int) -> bytes:
        """A JPEG of ``picture`` whose sides are at most the next of ``SIZES_PX``.

        Raises:
            PictureUnreadableError: it is damaged or too large.
            OSError: it cannot be read.
        """
        px = next((size for size in SIZES_PX if size >= longest_px), SIZES_PX[-1])
        key = picture, picture.stat().st_mtime_ns, px
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            small = _jpeg(picture, px)
            self._kept[key] = small
            self._kept_bytes += len(small)
            while self._kept_bytes > KEPT_BYTES and len(self._kept) > 1:
                self._kept_bytes -= len(self._kept.popitem(last=False)[1])
            return small


def _jpeg(picture: Path, px: int) -> bytes:
    # Imported here: a server that shows no pictures needs no library for them.
    from PIL import Image

    width, height = size_px(picture)
    if width * height > MOST_PIXELS:
        problem = f"it has more than {MOST_PIXELS // 10**6} million pixels"
        raise PictureUnreadableError(picture.name, problem)
    content = io.BytesIO()
    try:
        with Image.open(picture, formats=["PNG"]) as image:
            image.thumbnail((px, px))
            image.convert("RGB").save(content, format="JPEG", quality=82)
    except Exception as error:  # Pillow raises whatever a damaged file leads it to
        raise PictureUnreadableError(
            picture.name, f"it cannot be read: {system_words(error)}"
        ) from error
    return content.getvalue()
