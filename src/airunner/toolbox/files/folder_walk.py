"""Going through the files folder: what is in it, in order and within bounds.

Owns what is passed over: hidden names, ``.trash`` among them, and symbolic links,
which may lead anywhere.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from airunner.errors import ToolRetryError
from airunner.tools.files_folder import FilesFolder

MOST_ENTRIES = 20_000
"""Entries looked at; a larger folder is gone through so far."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or a folder, as it was when the walk came by. ``modified_s`` is seconds since 1970."""

    path: Path
    name: str
    is_folder: bool
    size_bytes: int
    modified_s: float


def folder_at(files: FilesFolder, name: str) -> Path:
    """The folder called ``name`` inside the files folder; the whole of it for an empty name.

    Raises:
        ToolRetryError: there is none, or it is outside.
        StorageError: the files folder cannot be made.
    """
    path = files.locate(name) if name.strip() else files.path
    if path.is_dir():
        return path
    if path.exists():
        raise ToolRetryError(f"{name!r} is a file; name a folder, or nothing for all files.")
    raise ToolRetryError(f"There is no folder {name!r} in {files.path}.")


def entry_of(files: FilesFolder, path: Path) -> Entry:
    """The one file at ``path``, which exists."""
    state = path.stat()
    return Entry(path, files.name_of(path), False, state.st_size, state.st_mtime)


def walk(files: FilesFolder, start: Path, pattern: str = "*", *, deep: bool) -> Iterator[Entry]:
    """What is in ``start`` and matches, by name; with ``deep`` also in the folders below.

    In front of all that is in the whole folder come the files attached to the conversation.
    ``pattern`` is a shell pattern for the name, or, if it has a slash, for the path
    from ``start``. Case does not matter. Folders are given only where ``deep`` is false.
    """
    wanted, seen = pattern.casefold(), 0
    for path in files.attached() if start == files.path else ():
        entry = entry_of(files, path)
        if fnmatchcase((entry.name if "/" in pattern else path.name).casefold(), wanted):
            yield entry
    for folder, subfolders, names in os.walk(start):
        here = Path(folder)
        # Sorted, and without what is hidden: this is also what os.walk goes into.
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        visible = [*subfolders, *(name for name in names if not name.startswith("."))]
        for name in sorted(visible, key=str.casefold):
            seen += 1
            if seen > MOST_ENTRIES:
                return
            path = here / name
            shown = path.relative_to(start).as_posix() if "/" in pattern else name
            if not fnmatchcase(shown.casefold(), wanted):
                continue
            try:
                state = path.lstat()
            except OSError:  # gone meanwhile
                continue
            is_folder = stat.S_ISDIR(state.st_mode)
            if (is_folder and not deep) or stat.S_ISREG(state.st_mode):
                yield Entry(path, files.name_of(path), is_folder, state.st_size, state.st_mtime)
        if not deep:
            return
