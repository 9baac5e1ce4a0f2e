"""Where a change to the files folder may go.

Owns what is refused before anything is written: a way through a symbolic link, where
the user may not see what will be changed, and a name that is taken; and what a name that
a model gives means to rules. The border of the folder is ``tools.files_folder``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

from airunner.config.byte_size import format_bytes
from airunner.errors import ToolRetryError
from airunner.tools.files_folder import FilesFolder
from airunner.tools.meaning import Meaning

_LONGEST = 255
"""Bytes of a name on every file system in use."""


def direct(files: FilesFolder, name: str) -> Path:
    """The path called ``name``, which need not exist, if no link is on the way to it.

    Raises:
        ToolRetryError: there is one, or the path is not inside the folder.
        StorageError: the folder cannot be made.
    """
    if not name.isprintable() or any(len(os.fsencode(part)) > _LONGEST for part in name.split("/")):
        raise ToolRetryError(f"{name[:80]!r} is too long for a name, or has signs no name has.")
    path = files.locate(name)
    typed = Path(os.path.normpath(files.path / Path(name.strip()).expanduser()))
    if path == files.path:
        raise ToolRetryError(f"{name!r} is the files folder itself; name something inside it.")
    if path != typed:
        raise ToolRetryError(
            f"{name!r} leads through a link to {files.name_of(path)!r}; name that instead."
        )
    return path


def direct_file(files: FilesFolder, name: str) -> Path:
    """The file called ``name``, if no link is on the way to it.

    Raises:
        ToolRetryError: see ``direct``; or there is no such file.
    """
    direct(files, name)
    return files.existing(name)


def file_target(files: FilesFolder, name: str, *, overwrite: bool) -> tuple[Path, int | None]:
    """Where a file called ``name`` goes, and the size in bytes of the one that it replaces, if any.

    Raises:
        ToolRetryError: see ``direct``; or the name is a folder's, or taken and
            ``overwrite`` is false.
    """
    path = direct(files, name)
    if name.rstrip().endswith("/"):
        raise ToolRetryError(f"{name!r} is a folder's name; add the file's.")
    return path, _replaced(files, path, overwrite=overwrite)


def _replaced(files: FilesFolder, path: Path, *, overwrite: bool) -> int | None:
    name = files.name_of(path)
    if not path.exists():
        return None
    if not path.is_file():
        kind = "a folder" if path.is_dir() else "no ordinary file"
        raise ToolRetryError(f"{name} is {kind}; name a file.")
    size_bytes = path.stat().st_size
    if not overwrite:
        raise ToolRetryError(
            f"{name} exists already ({format_bytes(size_bytes)}). Choose another name, or pass "
            "overwrite=true if the user wants it replaced."
        )
    return size_bytes


def destination(files: FilesFolder, source: Path, to: str, *, overwrite: bool) -> Path:
    """Where ``source`` comes to lie when it goes ``to`` a name or a folder.

    Raises:
        ToolRetryError: see ``file_target``; or it lies there already.
    """
    path = files.path if to.strip() in {".", "./"} else direct(files, to)
    if path.is_dir() or to.strip().endswith("/"):
        path = path / source.name
    if path == source:
        raise ToolRetryError(f"{files.name_of(source)} is there already; choose another name.")
    _replaced(files, path, overwrite=overwrite)
    return path


def target_meant(name: str, _: Mapping[str, Any], files: FilesFolder | None) -> Meaning:
    """How a tool that changes files resolves a name.

    Raises:
        ToolRetryError, StorageError: see ``direct``.
    """
    if files is None:
        return Meaning(name)
    direct(files, name)
    return files.meaning(name)


def destination_meant(to: str, others: Mapping[str, Any], files: FilesFolder | None) -> Meaning:
    """What a tool that puts the file ``path`` somewhere means by ``to``; see ``destination``.

    Raises:
        ToolRetryError, StorageError: see ``direct``.
    """
    if files is None:
        return Meaning(to)
    folder = files.path if to.strip() in {".", "./"} else direct(files, to)
    if folder.is_dir() or to.strip().endswith("/"):
        folder = folder / files.locate(str(others["path"])).name
    return files.meaning(str(folder))


def free_name(path: Path) -> Path:
    """``path``, or the first of ``name 2.md``, ``name 3.md``, ... that nothing has."""
    numbered = (path.with_name(f"{path.stem} {number}{path.suffix}") for number in count(2))
    return path if not os.path.lexists(path) else next(p for p in numbered if not p.exists())
