"""Files that a person hands over: for tools to read, and what tools have made for them.

Owns where they go: ``uploads`` in the folder whose files tools may use, under names that are
free. What is read of them is the tools' (``toolbox.documents``).
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from airunner.errors import StorageError, ToolFailedError, ToolRetryError, UnknownRecordError
from airunner.errors.system_words import system_words
from airunner.records.one_line import file_name
from airunner.toolbox.files.folder_walk import walk
from airunner.toolbox.files.saving import written
from airunner.tools.files_folder import FilesFolder

FOLDER = "uploads"
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file, by the name that tools know it by."""

    name: str
    n_bytes: int
    changed_s: float


class Uploads:
    """The files in the folder at ``files``. Every method may be called from any thread.

    Each may raise ``StorageError``.
    """

    def __init__(self, files: Path) -> None:
        self._files = FilesFolder(files)

    def save(self, name: str, data: BinaryIO) -> UploadedFile:
        """Keep a file, under its own name if that is free, or has the same in it.

        Raises:
            ToolRetryError: a part of the way to it is a file or a link.
        """
        wanted = self._files.locate(f"{FOLDER}/{file_name(name)}")
        while not (path := self._free(wanted, data)).exists():
            try:
                with written(path, "an upload", replace=False) as file:
                    shutil.copyfileobj(data, file)
                break
            except ToolFailedError as error:
                cause = error.__cause__
                assert isinstance(cause, OSError)
                if not isinstance(cause, FileExistsError):
                    raise StorageError(path, system_words(cause)) from cause
                data.seek(0)  # another upload took the name meanwhile
        return self._told(path)

    def all(self) -> Sequence[UploadedFile]:
        """What was handed over and is still here, the newest first."""
        folder = self._files.locate(FOLDER)
        if not folder.is_dir():
            return []
        found = [entry for entry in walk(self._files, folder, deep=False) if not entry.is_folder]
        found.sort(key=lambda entry: -entry.modified_s)
        return [UploadedFile(each.name, each.size_bytes, each.modified_s) for each in found]

    def path(self, name: str) -> Path:
        """Where a file is that tools may use: one that was handed over, or one they made.

        Raises:
            UnknownRecordError: there is none.
        """
        try:
            return self._files.existing(name)
        except ToolRetryError as error:
            raise UnknownRecordError("file", name) from error

    def delete(self, name: str) -> None:
        """Delete a file that was handed over.

        Raises:
            UnknownRecordError: there is none.
        """
        path = self.path(name)
        if path.parent != self._files.path / FOLDER:
            raise UnknownRecordError("file", name)
        path.unlink(missing_ok=True)

    def _free(self, path: Path, data: BinaryIO) -> Path:
        free, number = path, 2
        while free.exists() and not _has_in_it(free, data):
            free = path.with_stem(f"{path.stem} ({number})")
            number += 1
        return free

    def _told(self, path: Path) -> UploadedFile:
        state = path.stat()
        return UploadedFile(self._files.name_of(path), state.st_size, state.st_mtime)


def _has_in_it(path: Path, data: BinaryIO) -> bool:
    """Whether a file has the bytes of ``data`` in it; that is at its beginning afterwards."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        while (one := data.read(_PIECE)) == (other := file.read(_PIECE)) and one:
            pass
    data.seek(0)
    return one == other
