"""The pictures that were drawn, with what each was drawn with.

Owns what a gallery shows of the pictures folder: the list, one file, its small copy, and
deleting it. Names are those of files in that folder and never lead out of it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from airunner.errors import UnknownRecordError
from airunner.errors.writing import writing
from airunner.events import EventBus, PictureDeleted
from airunner.pictures import PicturesFolder, size_px
from airunner.runtime.thumbnails import Thumbnails

KEPT_SHEETS = 2_000
KEPT_LETTERS = 16_000_000
"""In all sheets that are kept together."""


@dataclass(frozen=True, slots=True)
class GalleryPicture:
    """One picture: its file, and what it was drawn with as far as the file says.

    ``saved_s`` is Unix time; width and height are pixels, 0 in a damaged file.
    """

    name: str
    n_bytes: int
    saved_s: float
    width: int
    height: int
    prompt: str
    model: str
    seed: str
    settings: dict[str, str]


@dataclass(frozen=True, slots=True)
class GalleryPage:
    """A part of the gallery, the newest first; ``total`` pictures are in all of it."""

    total: int
    pictures: tuple[GalleryPicture, ...]


class Gallery:
    """The gallery of one folder. Reads files, so call it on a thread; from any."""

    def __init__(self, folder: PicturesFolder, bus: EventBus) -> None:
        self._folder, self._bus = folder, bus
        self._thumbnails = Thumbnails()
        self._lock = threading.Lock()
        self._sheets: OrderedDict[tuple[str, int], GalleryPicture] = OrderedDict()
        self._letters = 0

    def page(self, search: str = "", offset: int = 0, limit: int = 60) -> GalleryPage:
        """The newest pictures after ``offset`` others; only those whose words have ``search``."""
        files = self._folder.all()
        if not search.strip():
            part = files[offset : offset + limit]
            return GalleryPage(len(files), tuple(self._sheet(*file) for file in part))
        words = search.lower().split()
        sheets = (self._sheet(*file) for file in files)
        found = [s for s in sheets if all(word in _searched(s) for word in words)]
        return GalleryPage(len(found), tuple(found[offset : offset + limit]))

    def picture(self, name: str) -> GalleryPicture:
        """One picture.

        Raises:
            UnknownRecordError: there is none of this name.
        """
        path = self.file(name)
        try:
            return self._sheet(path.stat().st_mtime_ns, path)
        except OSError:
            raise UnknownRecordError("picture", name) from None

    def file(self, name: str) -> Path:
        """Where a picture lies.

        Raises:
            UnknownRecordError: there is none of this name in the folder.
        """
        path = self._folder.find(name)
        if path is None:
            raise UnknownRecordError("picture", name)
        return path

    def thumbnail(self, name: str, longest_px: int = 256) -> bytes:
        """A small copy as JPEG; see ``Thumbnails.of``.

        Raises:
            UnknownRecordError: there is no picture of this name.
            PictureUnreadableError: it is damaged or too large.
        """
        return self._thumbnails.of(self.file(name), longest_px)

    def delete(self, name: str) -> int:
        """Delete a picture for good; the bytes freed.

        Raises:
            UnknownRecordError: there is none of this name.
            StorageError: the folder may not be changed.
        """
        path = self.file(name)
        with writing(path):
            freed_bytes = path.stat().st_size
            path.unlink()
        self._bus.publish(PictureDeleted(path=str(path)))
        return freed_bytes

    def _sheet(self, changed_ns: int, path: Path) -> GalleryPicture:
        key = path.name, changed_ns
        with self._lock:
            known = self._sheets.get(key)
        if known is None:
            settings = self._folder.settings(path)
            width, height = size_px(path)
            known = GalleryPicture(
                name=path.name,
                n_bytes=_bytes_of(path),
                saved_s=changed_ns / 1e9,
                width=width,
                height=height,
                prompt=settings.get("prompt", ""),
                model=settings.get("model", ""),
                seed=settings.get("seed", ""),
                settings=settings,
            )
            with self._lock:
                if key not in self._sheets:
                    self._letters += _letters_of(known)
                self._sheets[key] = known
                while len(self._sheets) > KEPT_SHEETS or self._letters > KEPT_LETTERS:
                    self._letters -= _letters_of(self._sheets.popitem(last=False)[1])
        return known


def _letters_of(sheet: GalleryPicture) -> int:
    return sum(len(name) + len(text) for name, text in sheet.settings.items())


def _searched(sheet: GalleryPicture) -> str:
    return f"{sheet.name}\n{sheet.prompt}\n{sheet.model}".lower()


def _bytes_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # deleted meanwhile
        return 0
