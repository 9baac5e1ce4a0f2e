"""Files that were attached to conversations, in a folder beside the database, for tools to read.

Owns where they lie, their names and how many there are: ``<conversation>/<name>``, for nobody
else to read. They go with their conversation. What tools may do with them is
``tools.files_folder``'s.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path

from airunner.errors import MediaError
from airunner.errors.writing import writing
from airunner.records.one_line import file_name

MOST_FILES = 100
"""Files of one conversation."""
MOST_BYTES = 200 << 20
"""Bytes of all files of one conversation."""
MOST_EXPORTED_BYTES = 32 << 20
"""Bytes of them that go with an export."""

_ID = re.compile(r"[0-9a-z][0-9a-z-]{7,63}")


class KeptFiles:
    """The files below ``folder``, which is made when it is first needed; from any thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def folder(self, id: str) -> Path | None:
        """Where those of a conversation lie; ``None`` if it has none."""
        found = self._folder / id
        return found if _ID.fullmatch(id) and found.is_dir() and not found.is_symlink() else None

    def keep(self, id: str, name: str, data: bytes) -> str:
        """Keep a file, under its own name if that is free; returns the name that it has.

        One that is here already under that name, byte for byte, is not kept twice.

        Raises:
            MediaError: the conversation has too many, or no id that a folder can have.
            StorageError: it cannot be written; nothing is left of it.
        """
        if not _ID.fullmatch(id):
            raise MediaError(name, f"a conversation called {id[:64]!r} cannot keep files")
        wanted = self._folder / id / file_name(name)
        if wanted.is_file() and wanted.read_bytes() == data:
            return wanted.name
        before = [path.stat().st_size for path in self._paths(id)]
        if len(before) >= MOST_FILES or sum(before) + len(data) > MOST_BYTES:
            limits = f"{MOST_FILES} files and {MOST_BYTES >> 20} MB"
            problem = f"a conversation can have {limits}; begin another one for it"
            raise MediaError(name, problem)
        with writing(wanted):
            wanted.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            free = next(path for path in _names(wanted) if not os.path.lexists(path))
            _write(free, data)
        return free.name

    def exported(self, id: str) -> Mapping[str, bytes]:
        """The files of a conversation by their names, without what is too large for an export.

        Raises:
            StorageError: one cannot be read.
        """
        found: dict[str, bytes] = {}
        room = MOST_EXPORTED_BYTES
        with writing(self._folder):
            for path in self._paths(id):
                if (n_bytes := path.stat().st_size) <= room:
                    found[path.name] = path.read_bytes()
                    room -= n_bytes
        return found

    def copy(self, id: str, new: str) -> None:
        """Let the conversation ``new``, which has none, have the files of ``id``.

        Raises:
            StorageError: they cannot be written.
        """
        for path in self._paths(id):
            to = self._folder / new / path.name
            with writing(to):
                to.parent.mkdir(mode=0o700, exist_ok=True)
                try:
                    os.link(path, to, follow_symlinks=False)  # nobody ever changes one
                except OSError:  # a file system without hard links
                    _write(to, path.read_bytes())

    def forget(self, id: str) -> None:
        """Delete the files of a conversation."""
        if (folder := self.folder(id)) is not None:
            shutil.rmtree(folder, ignore_errors=True)

    def keep_only(self, is_wanted: Callable[[str], bool]) -> None:
        """Delete the files of other conversations.

        A process that ended between keeping a file and saving its message has left some.
        """
        with suppress(OSError):  # there is no such folder
            for each in os.listdir(self._folder):
                if not is_wanted(each):
                    self.forget(each)

    def _paths(self, id: str) -> Iterator[Path]:
        folder = self.folder(id)
        if folder is not None:
            yield from sorted(path for path in folder.iterdir() if path.is_file())


def _names(path: Path) -> Iterator[Path]:
    """``path``, then ``name (2).csv`` and so on."""
    yield path
    yield from (path.with_stem(f"{path.stem} ({number})") for number in count(2))


def _write(path: Path, data: bytes) -> None:
    """Make the file, which is not there.

    Raises:
        OSError: it is there, or cannot be written; nothing is left of it.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    opened = os.open(path, flags, 0o600)
    try:
        with open(opened, "wb") as file:
            file.write(data)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
