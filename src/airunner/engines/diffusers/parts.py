"""Pictures on disk that nobody has taken yet.

Owns writing PNG files with what they were drawn with as text, and their removal
when whoever asked does not take them. See ``wire`` for the protocol.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from airunner.engines.diffusers.wire import part_of
from airunner.errors.writing import writing


class Parts:
    """The files of one drawing, until they are taken or discarded."""

    def __init__(self) -> None:
        self._written: list[Path] = []

    def write(self, target: Path, image: Any, settings: Mapping[str, str]) -> None:
        """Save a PIL image as the part of ``target``.

        Raises:
            StorageError: the folder is missing, full or not to be written.
        """
        info = importlib.import_module("PIL.PngImagePlugin").PngInfo()
        for key, text in settings.items():
            info.add_text(key, text)
        part = part_of(target)
        self._written.append(part)
        with writing(target):
            image.save(part, format="PNG", pnginfo=info)

    def discard(self) -> None:
        """Remove the files that were not taken. Another thread may do so while one is written."""
        for part in list(self._written):
            with suppress(OSError):
                part.unlink(missing_ok=True)
        self._written.clear()
